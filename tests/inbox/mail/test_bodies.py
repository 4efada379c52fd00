import base64

import pytest

from inbox.mail import parse
from tests.inbox.mail.messages import codes, multipart, parsed

HTML = "Content-Type: text/html"
TEXT = "Content-Type: text/plain; charset=utf-8"


def test_a_reader_of_html_sees_the_html_and_the_plain_version_is_kept_aside() -> None:
    mail = multipart("alternative", (TEXT, "plain words"), (HTML, "<p>rich words"))
    assert (mail.text, mail.plain.strip()) == ("rich words", "plain words")


def test_parts_that_stand_one_after_the_other_are_all_seen() -> None:
    mail = multipart("mixed", (TEXT, "first"), (HTML, "<b>second</b>"))
    assert mail.text.split() == ["first", "second"]


def test_an_alternative_within_a_mixed_one_hides_only_its_own_plain_version() -> None:
    inner = f"--c\r\n{TEXT}\r\n\r\nplain\r\n--c\r\n{HTML}\r\n\r\nrich\r\n--c--"
    mail = multipart("mixed", ("Content-Type: multipart/alternative; boundary=c", inner), (TEXT, "footer"))
    assert mail.text.split() == ["rich", "footer"]


@pytest.mark.parametrize(
    ("charset", "data"),
    [
        ("utf-8", "blåbær".encode()),
        ("iso-8859-1", "blåbær".encode("cp1252")),
        ("us-ascii", "blåbær".encode()),
        ("us-ascii", "blåbær".encode("cp1252")),
        ("utf-8", "blåbær".encode("cp1252")),
        ("no-such-charset", "blåbær".encode()),
        ("idna", "blåbær".encode()),
        ("unicode_escape", "blåbær".encode()),
        ("base64", "blåbær".encode()),
        ("", "blåbær".encode()),
    ],
)
def test_a_false_charset_does_not_spoil_the_text(charset: str, data: bytes) -> None:
    assert parsed(f"Content-Type: text/plain; charset={charset}", body=data).text == "blåbær"


def test_japanese_in_its_old_encoding_is_read() -> None:
    data = "お客様各位".encode("iso-2022-jp")
    assert parsed("Content-Type: text/plain; charset=iso-2022-jp", body=data).text == "お客様各位"


@pytest.mark.parametrize(
    "body",
    [b"aGVsbG8=", b"aGVs\r\nbG8", b"aGVsbG8===garbage", b"aGV*sbG8=", b" aGVsbG8 ", b"aGVsbG8=\r\nd29ybGQ="],
)
def test_base64_is_read_however_it_is_mangled(body: bytes) -> None:
    assert parsed("Content-Transfer-Encoding: base64", body=body).text.startswith("hello")


def test_base64_that_is_none_is_noted() -> None:
    mail = parsed("Content-Transfer-Encoding: base64", body="this is plain text, really; (nothing) else!")
    assert "encoding_false" in codes(mail)


def test_quoted_printable_with_loose_ends_is_read() -> None:
    assert parsed("Content-Transfer-Encoding: quoted-printable", body="a=\r\nb=3D=zz=").text.startswith("ab=")


def test_a_multipart_without_its_boundary_is_read_as_text() -> None:
    mail = parsed("Content-Type: multipart/mixed; boundary=x", body="no boundary here")
    assert "boundary_missing" in codes(mail)
    assert mail.text == "no boundary here"


def test_a_last_part_without_an_end_is_read() -> None:
    mail = parsed("Content-Type: multipart/mixed; boundary=b", body=f"--b\r\n{TEXT}\r\n\r\nopen end")
    assert mail.text == "open end"
    assert "boundary_unclosed" in codes(mail)


def test_a_boundary_that_begins_like_another_is_not_that_one() -> None:
    body = f"--b\r\n{TEXT}\r\n\r\none\r\n--bb\r\nstill one\r\n--b--\r\n"
    assert parsed("Content-Type: multipart/mixed; boundary=b", body=body).text.split() == [
        "one",
        "--bb",
        "still",
        "one",
    ]


def test_a_boundary_in_quotes_or_in_pieces_is_found() -> None:
    body = f"--a b\r\n{TEXT}\r\n\r\nx\r\n--a b--"
    for parameters in ('boundary="a b"', 'boundary*0=a; boundary*1=" b"', "boundary*=utf-8''a%20b"):
        assert parsed(f"Content-Type: multipart/mixed; {parameters}", body=body).text == "x"


def test_a_page_with_a_filename_that_is_the_whole_mail_is_read_all_the_same() -> None:
    mail = parsed("Content-Type: text/html; name=invoice.html", body="<p>pay now")
    assert mail.text == "pay now"
    assert mail.attachments == ()


def test_bare_links_in_plain_text_are_links() -> None:
    mail = parsed(
        "From: a@b.no", body="See https://example.com/a?b=c. Or <http://x.example/y z>, www.y.example!"
    )
    assert [(link.href, link.kind) for link in mail.links] == [
        ("http://x.example/y z", "text"),
        ("https://example.com/a?b=c", "text"),
        ("http://www.y.example", "text"),
    ]


def test_a_body_in_base64_counts_like_the_same_body_without() -> None:
    plain = parse(b"Subject: a\n\nhello world")
    coded = parse(b"Subject: a\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(b"hello world"))
    assert plain.text == coded.text
    assert plain.content_hash == coded.content_hash
