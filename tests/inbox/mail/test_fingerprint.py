from inbox.mail import parse
from tests.inbox.mail.messages import message

LINES = (
    "From: Ada <ada@example.com>",
    "To: ole@alai.example",
    "Subject: Offer",
    "Date: Tue, 24 Nov 2026 09:12:31 +0100",
)
PAGE = "Content-Type: text/html"


def fingerprint(*extra: str, body: str = "hello <a href='https://x.example/1'>here</a>") -> str:
    return parse(message(*extra, *LINES, "Message-ID: <same@example.com>", PAGE, body=body)).content_hash


def test_the_same_mail_in_two_accounts_is_the_same() -> None:
    one = fingerprint(
        "Received: from a by b; Tue, 24 Nov 2026 09:12:33 +0100", "Delivered-To: ole@alai.example"
    )
    other = fingerprint(
        "Received: from a by c; Tue, 24 Nov 2026 09:12:35 +0100", "X-Spam: no", "Return-Path: <x@y.no>"
    )
    assert one == other


def test_the_way_it_is_encoded_does_not_count() -> None:
    plain = parse(message(*LINES, PAGE, body="<p>blåbær  og\r\nfløte</p>"))
    coded = parse(
        message(
            *LINES,
            PAGE,
            "Content-Transfer-Encoding: quoted-printable",
            body="<p>bl=C3=A5b=C3=A6r og=\r\n\nfl=C3=B8te</p>",
        )
    )
    assert plain.content_hash == coded.content_hash


def test_another_mail_under_the_same_message_id_is_another() -> None:
    assert fingerprint() != fingerprint(body="hello <a href='https://evil.example/1'>here</a>")
    assert (
        fingerprint()
        != parse(message("From: Mallory <m@example.org>", *LINES[1:], PAGE, body="hello")).content_hash
    )


def test_an_exchanged_attachment_makes_it_another() -> None:
    def with_file(content: str) -> str:
        body = f"--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pdf\r\n\r\n{content}\r\n--b--"
        return parse(message(*LINES, "Content-Type: multipart/mixed; boundary=b", body=body)).content_hash

    assert with_file("%PDF-1") != with_file("%PDF-2")
