"""Messages made to cost time or memory, each aimed at one mechanism."""

import base64

HEAD = b"From: Ada <ada@example.com>\r\nSubject: x\r\n"


def page(markup: bytes) -> bytes:
    return HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + markup


def plain(text: str, count: int) -> bytes:
    return HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + (text * count).encode()


def _nested(levels: int) -> bytes:
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)
    )


def bombs() -> dict[str, bytes]:
    """Name and message; most are a megabyte or more."""
    return {**_of_headers(), **_of_parts(), **_of_pages(), **_of_text()}


def _of_headers() -> dict[str, bytes]:
    return {
        "many headers": b"X: y\r\n" * 500_000 + b"\r\nx",
        "a long header": b"Subject: " + b"a " * 1_000_000 + b"\r\n\r\nx",
        "many folds": b"Subject: " + b"x\r\n a" * 500_000 + b"\r\n\r\nx",
        "many encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 200_000 + b"\r\n\r\n",
        "half encoded words": b"Subject: " + b"=?" * 500_000 + b"\r\n\r\n",
        "parentheses in From": b"From: " + b"(" * 500_000 + b"\r\n\r\n",
        "quotes in From": b'From: "' + b'\\"' * 500_000 + b"\r\n\r\n",
        "many addresses": b"From: " + b"a@b.no, " * 300_000 + b"\r\n\r\n",
        "a long domain": b"From: x@" + "ü".encode() * 100_000 + b"\r\n\r\n",
        "open quotes in parameters": b"Content-Type: text/plain" + b'; a="' * 100_000 + b"\r\n\r\n",
        "many continuations": b"Content-Type: a/b"
        + b"".join(b"; n*%d*=%%41" % n for n in range(9000))
        + b"\r\n\r\n",
        "comments in results": HEAD
        + b"Authentication-Results: x; "
        + b"dkim=pass ((((" * 50_000
        + b"\r\n\r\n",
        "many references": HEAD + b"References: " + b"<a@b> " * 200_000 + b"\r\n\r\n",
        "open references": HEAD + b"References: " + b"<" * 500_000 + b"\r\n\r\n",
        "a long date": b"Date: " + b"(" * 200_000 + b"\r\n\r\n",
    }


def _of_parts() -> dict[str, bytes]:
    mixed = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    return {
        "deep parts": HEAD + _nested(10_000),
        "many parts": mixed + b"--b\r\n\r\nx\r\n" * 200_000,
        "false boundaries": mixed + b"\n--bb" * 1_000_000,
        "mails in mails": (HEAD + b"Content-Type: message/rfc822\r\n\r\n") * 50_000,
        "a large file": HEAD
        + b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(b"%PDF-" + b"x" * 10_000_000),
        "no base64 at all": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=\xff" * 2_000_000,
        "soft line breaks": HEAD
        + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        + b"=\r\n" * 2_000_000,
        "utf-7": HEAD + b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+AGE-" * 500_000,
        "escapes": HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + b"\x1b$B" * 1_000_000,
        "zip headers": HEAD + b"Content-Type: application/zip\r\n\r\n" + b"PK\x03\x04" * 1_000_000,
        "nothing but line breaks": b"\n" * 5_000_000,
        "NULs": HEAD + b"\r\n" + b"\0" * 5_000_000,
    }


def _of_pages() -> dict[str, bytes]:
    formatting = b"<p>" + b"".join(b"<b id=%d>" % number for number in range(10_000)) + b"<p>x" * 20_000
    return {
        "deep elements": page(b"<div>" * 200_000),
        "open formatting": page(formatting),
        "many attributes": page(
            b"<a " + b" ".join(b"a%d=1" % number for number in range(80_000)) + b">x</a>"
        ),
        "many links": page(b"<a href=http://x.no/z>k</a>" * 40_000),
        "many styles": page(b"<style>" * 100_000),
        "open rules": page(b"<style>" + b".a{" * 200_000 + b"</style>"),
        "open comments in styles": page(b"<style>" + b"/*" * 200_000 + b"</style>"),
        "long style": page(b'<p style="' + b"a:b;" * 200_000 + b'">x</p>'),
        "open comments": page(b"<!--" * 200_000),
        "open tags": page(b"<" * 900_000),
        "open entities": page(b"&" * 900_000),
        "white space": page("\x1f\x85\u2028 \n".encode() * 100_000),
        "open quotes": page(b'<a href="' * 100_000),
        "nested addresses": page(b"<a href='http://x.no/?u=http" + b"%3a" * 100_000 + b"'>x</a>"),
    }


def _of_text() -> dict[str, bytes]:
    return {
        "half addresses": plain("http://", 1_000_000),
        "many addresses in text": plain("http://a.no/b ", 500_000),
        "half mailboxes": plain("a@", 1_000_000),
        "one long word": plain("a", 3_000_000),
        "mixed alphabets": plain("aа", 500_000),
        "zero width": plain("a\u200b", 500_000),
        "combining marks": plain("a" + "\u0301" * 1000, 500),
        "large ligatures": plain("\ufdfa", 200_000),
        "phrases without end": plain("verify your your your account you have been ", 20_000),
    }
