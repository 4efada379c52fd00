"""What servers answer is read whatever its order and dress, and nonsense is a ValueError and nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.imap.responses import Piece, Value, fetched, internal_date, listed, number


def test_attributes_come_in_any_order_and_dress() -> None:
    pieces: list[Piece] = [
        (b"12 (FLAGS (\\Seen $odd[1]) BODY[]<0> {3}", b'a"('),
        b' UID 7 X-GM-LABELS ("a b" NIL) MODSEQ (9))',
    ]
    assert fetched(pieces) == {
        "FLAGS": [b"\\Seen", b"$odd[1]"], "BODY[]": b'a"(', "UID": b"7", "X-GM-LABELS": [b"a b", None],
        "MODSEQ": [b"9"],
    }  # fmt: skip


def test_a_body_may_be_quoted_or_nil() -> None:
    assert fetched([b'1 (UID 7 BODY[] "a \\"b\\" \\\\")'])["BODY[]"] == b'a "b" \\'
    assert fetched([b"1 (UID 7 BODY[] NIL)"])["BODY[]"] is None
    assert fetched([b'1 (UID 7 BODY[] "")'])["BODY[]"] == b""


def test_a_section_may_hold_brackets_and_blanks() -> None:
    assert fetched([b'1 (BODY[HEADER.FIELDS (SUBJECT "X")] "s")']) == {
        'BODY[HEADER.FIELDS (SUBJECT "X")]': b"s"
    }


@pytest.mark.parametrize(
    "pieces", [[b"1 (UID 7"], [b"1 UID 7)"], [b'1 (UID "7)'], [b"1 (UID)"], [b"1"], [b""], [b"(" * 100], [b"1 ((A) 1)"]]
)  # fmt: skip
def test_nonsense_is_a_value_error(pieces: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        fetched(pieces)


@given(st.lists(st.one_of(st.binary(max_size=60), st.tuples(st.binary(max_size=60), st.binary(max_size=60)))))
def test_nothing_that_comes_raises_anything_else(pieces: list[Piece]) -> None:
    for read in (fetched, listed):
        try:
            read(pieces)
        except ValueError:
            continue


@given(
    st.dictionaries(st.sampled_from(["UID", "BODY[]", "RFC822.SIZE"]), st.binary(max_size=200), min_size=1)
)
def test_what_was_written_as_literals_is_read_again(attributes: dict[str, bytes]) -> None:
    pieces: list[Piece] = []
    head = b"1 ("
    for name, value in attributes.items():
        pieces.append((head + name.encode() + b" {%d}" % len(value), value))
        head = b" "
    assert fetched([*pieces, b")"]) == attributes


def test_hostile_brackets_take_no_time() -> None:
    with pytest.raises(ValueError, match=r".+"):
        fetched([b"1 (" + b"BODY[" * 400_000])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (b" 7-Jul-1996 02:44:25 -0700", datetime(1996, 7, 7, 9, 44, 25, tzinfo=UTC)),
        (b"17-JUL-2026 02:44:25 +0230", datetime(2026, 7, 17, 0, 14, 25, tzinfo=UTC)),
        (b"31-Feb-2026 02:44:25 +0000", None),
        (b"01-Jan-0001 00:00:00 +1400", None),
        (b"17-Foo-2026 02:44:25 +0000", None),
        (b"yesterday", None),
        (None, None),
        ([b"1"], None),
    ],
)
def test_dates_are_utc_or_unknown(text: Value, moment: datetime | None) -> None:
    assert internal_date(text) == moment


def test_a_folder_has_a_name_a_delimiter_and_attributes() -> None:
    folder = listed([b'(\\HasNoChildren \\Sent) "/" "Sendte &AOY-"'])
    assert (folder.name, folder.delimiter) == ("Sendte æ", "/")
    assert folder.attributes == {"\\hasnochildren", "\\sent"} and folder.selectable
    assert not listed([b'(\\Noselect) NIL "[Gmail]"']).selectable
    assert listed([(b"() NIL {4}", b"a\\b ")]).name == "a\\b "


@pytest.mark.parametrize("value", [b"", b"-1", b"x", None, [], b"9" * 30])
def test_what_is_no_number_is_a_value_error(value: Value) -> None:
    with pytest.raises(ValueError, match="no number"):
        number(value)
