import pytest

from inbox.mail import Address, parse
from tests.inbox.mail.messages import codes, message, parsed


def test_encoded_words_are_read() -> None:
    mail = parsed("Subject: =?utf-8?B?UMOla2tlbiBkaW4=?= =?iso-8859-1?Q?er_p=E5_vei?=")
    assert mail.subject == "Påkken diner på vei"


def test_a_character_split_between_two_encoded_words_is_whole() -> None:
    assert parsed("Subject: =?utf-8?Q?bl=C3?= =?utf-8?Q?=A5b=C3=A6r?=").subject == "blåbær"


def test_an_encoded_word_with_an_unknown_charset_is_still_read() -> None:
    assert parsed("Subject: =?klingon?Q?hei_p=C3=A5_deg?=").subject == "hei på deg"


@pytest.mark.parametrize(
    "value",
    ["=?utf-8?B?!!!!?=", "=?utf-8?Q?=ZZ?=", "=?utf-8?X?abc?=", "=?utf-8?Q?", "=??Q?x?=", "=?utf-8?B??="],
)
def test_a_broken_encoded_word_breaks_nothing(value: str) -> None:
    assert isinstance(parsed(f"Subject: {value}").subject, str)


def test_bytes_without_any_encoding_are_read_as_utf_8_or_windows_1252() -> None:
    assert parse("Subject: blåbær\n\nx".encode()).subject == "blåbær"
    assert parse("Subject: blåbær\n\nx".encode("cp1252")).subject == "blåbær"


def test_nul_and_lone_surrogates_never_get_through() -> None:
    mail = parse(b"Subject: a\0b =?utf-16?B?2AA=?=\nFrom: \xed\xa0\x80@x.no\n\na\0b")
    everything = mail.subject + mail.text + "".join(value for _, value in mail.headers) + mail.sender.name
    assert "\0" not in everything
    assert everything.encode("utf-8")


def test_a_folded_field_is_one_line() -> None:
    assert parsed("Subject: one\r\n two\r\n\tthree").subject == "one two three"


def test_the_first_of_two_fields_counts_and_the_second_is_noted() -> None:
    mail = parsed("From: ada@example.com", "From: mallory@example.org", "Subject: a", "Subject: b")
    assert (mail.sender.email, mail.subject) == ("ada@example.com", "a")
    assert codes(mail) >= {"duplicate_from", "duplicate_subject"}


def test_a_line_that_is_no_field_ends_the_headers() -> None:
    mail = parse(b"Subject: a\nthis is no field\nFrom: ada@example.com\n\ntext")
    assert mail.subject == "a"
    assert "header_broken" in codes(mail)
    assert "this is no field" in mail.text


def test_an_mbox_line_at_the_top_is_no_field() -> None:
    assert parse(b"From ada@example.com Tue Nov 24\nSubject: a\n\ntext").subject == "a"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_kind_of_line_break_will_do(end: str) -> None:
    mail = parse(f"From: ada@example.com{end}Subject: a{end}{end}text".encode())
    assert (mail.sender.email, mail.subject, mail.text) == ("ada@example.com", "a", "text")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue, 24 Nov 2026 09:12:31 +0100", "2026-11-24T08:12:31+00:00"),
        ("24 Nov 2026 09:12", "2026-11-24T09:12:00+00:00"),
        ("Tue, 24 Nov 2026 09:12:31 +9999", "2026-11-24T09:12:31+00:00"),
        ("Tue, 24 Nov 2026 09:12:31 (CET) GMT", "2026-11-24T09:12:31+00:00"),
        ("Tue, 99 Nov 2026 09:12:31 +0100", None),
        ("yesterday", None),
        ("", None),
        ("Thu, 01 Jan 1970 00:00:00 +0000", None),
        ("Mon, 1 Jan 9999 00:00:00 -2300", None),
    ],
)
def test_dates_are_aware_or_none(value: str, expected: str | None) -> None:
    date = parsed(f"Date: {value}").date
    assert (date.isoformat() if date else None) == expected


def test_a_null_return_path_is_told_from_a_missing_one() -> None:
    assert parsed("Return-Path: <>").return_path == ""
    assert parsed("Subject: x").return_path is None
    assert parsed("Return-Path: <Bounce@Example.com>").return_path == "bounce@example.com"


def test_message_ids_keep_their_brackets_and_get_them() -> None:
    mail = parsed(
        "Message-ID: <a@b>", "In-Reply-To: your mail of Monday <c@d> (x)", "References: <c@d>\r\n <e@f>"
    )
    assert (mail.message_id, mail.in_reply_to, mail.references) == ("<a@b>", "<c@d>", ("<c@d>", "<e@f>"))
    assert parsed("Message-ID: bare@id").message_id == "<bare@id>"
    assert parsed("Message-ID: two words").message_id == ""


def test_of_a_thousand_references_the_first_and_the_last_are_kept() -> None:
    ids = " ".join(f"<{number}@x>" for number in range(1000))
    references = parsed(f"References: {ids}").references
    assert len(references) == 100
    assert (references[0], references[-1]) == ("<0@x>", "<999@x>")


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"\r\n\r\n", b"\0" * 100, b"\xff\xfe", b":", b": x\n\n", b"From:", b"=?" * 50]
)
def test_next_to_nothing_is_a_message_too(raw: bytes) -> None:
    mail = parse(raw)
    assert mail.size == len(raw)
    assert mail.sender == Address()


def test_headers_keep_their_order_and_are_asked_for_in_lower_case() -> None:
    mail = parse(message("X-One: 1", "x-two: 2", "X-ONE: 3"))
    assert [name for name, _ in mail.headers] == ["x-one", "x-two", "x-one"]
    assert (mail.header("x-one"), list(mail.all_headers("x-one")), mail.has_header("x-two")) == (
        "1",
        ["1", "3"],
        True,
    )
