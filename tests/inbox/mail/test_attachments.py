import base64
import io
import struct
import zipfile

import pytest

from inbox.mail import Attachment
from inbox.mail.kinds import extension
from tests.inbox.mail.messages import multipart, page, parsed

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def attached(
    content: bytes, filename: str = "a.bin", content_type: str = "application/octet-stream"
) -> Attachment:
    headers = (
        f'Content-Type: {content_type}\r\nContent-Disposition: attachment; filename="{filename}"\r\n'
        "Content-Transfer-Encoding: base64"
    )
    mail = multipart(
        "mixed", ("Content-Type: text/plain", "hi"), (headers, base64.encodebytes(content).decode())
    )
    (found,) = mail.attachments
    return found


def zipped(*names: str, password: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    data = bytearray(buffer.getvalue())
    if password:  # the flag of each local and central header
        for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            position = data.find(magic)
            while position >= 0:
                data[position + offset] |= 1
                position = data.find(magic, position + 4)
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "filename", "kind"),
    [
        (b"%PDF-1.7 ...", "a.txt", "pdf"),
        (b"MZ\x90\x00", "invoice.pdf", "executable"),
        (b"\x7fELF", "photo.jpg", "executable"),
        (b"L\x00\x00\x00\x01\x14\x02\x00xx", "a.pdf", "shortcut"),
        (OLE + b"x" * 600, "a.doc", "office"),
        (OLE + "_VBA_PROJECT".encode("utf-16-le"), "a.doc", "office-macro"),
        (b"\0" * 32_769 + b"CD001", "a.pdf", "disk-image"),
        (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "a", "onenote"),
        (b"\x78\x9f\x3e\x22xx", "winmail.dat", "tnef"),
        (b"\x89PNG\r\n", "a.exe.png", "image"),
        (b"<html><body>", "a.dat", "html"),
        (b"  <!DOCTYPE html>", "a", "html"),
        (b"<svg xmlns='x'><script>1</script></svg>", "a.svg", "svg"),
        (b"<?xml version='1.0'?><svg>", "a", "svg"),
        (b"WScript.Shell", "a.js", "script"),
        (b"#!/bin/sh", "readme", "script"),
        (b"{\\rtf1", "a.doc", "rtf"),
        (b"BEGIN:VCALENDAR", "a", "calendar"),
        (b"Rar!\x1a\x07\x00", "a.zip", "rar"),
        (b"just words", "a.log", "text"),
        (b"\x00\x01\x02", "a", "data"),
        (b"", "a.pdf", "text"),
    ],
)
def test_the_content_tells_what_an_attachment_is(content: bytes, filename: str, kind: str) -> None:
    assert attached(content, filename).kind == kind


def test_an_archive_is_listed_and_never_inflated() -> None:
    found = attached(zipped("invoice.pdf.exe", "readme.txt"), "a.zip")
    assert (found.kind, found.inner) == ("zip", ("invoice.pdf.exe", "readme.txt"))
    assert "runnable" in found.traits


def test_a_bomb_of_an_archive_is_only_listed() -> None:
    name = b"bomb.txt"
    local = (
        struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 0, 0, 10, 0xFFFFFFFF, len(name), 0) + name
    )
    assert attached(local * 10_000, "a.zip").inner == ("bomb.txt",) * 100


def test_macros_are_seen_in_office_archives() -> None:
    assert attached(zipped("[Content_Types].xml", "word/vbaProject.bin"), "a.docx").kind == "office-macro"
    assert attached(zipped("[Content_Types].xml", "word/document.xml"), "a.docm").kind == "office"


def test_an_encrypted_archive_says_so() -> None:
    assert "encrypted" in attached(zipped("a.pdf", password=True), "a.zip").traits


@pytest.mark.parametrize(
    ("markup", "trait"),
    [
        (b"<html><script>location.href='https://x'</script>", "redirect"),
        (b"<html><form><input type='password'></form>", "password"),
        (b"<html><script>new Blob([atob('AAAA')])</script>", "smuggling"),
        (b"<html><body onload=go()>", "script"),
        (b"<html><meta http-equiv='refresh' content='0'>", "redirect"),
    ],
)
def test_a_page_that_acts_shows_its_traits(markup: bytes, trait: str) -> None:
    assert trait in attached(markup, "a.html").traits


def test_the_hash_and_the_size_are_those_of_the_decoded_content() -> None:
    found = attached(b"hello")
    assert (found.size, found.sha256[:8]) == (5, "2cf24dba")


def test_a_mail_within_a_mail_is_an_attachment_with_its_subject() -> None:
    mail = multipart(
        "mixed",
        ("Content-Type: text/plain", "hi"),
        ("Content-Type: message/rfc822", "Subject: inner\r\n\r\nx"),
    )
    (found,) = mail.attachments
    assert (found.kind, found.inner) == ("mail", ("inner",))
    assert "inner" not in mail.text


def test_names_are_decoded_and_cleaned() -> None:
    found = attached(b"x", "=?utf-8?Q?fakt=C3=BAra=00.pdf?=")
    assert found.filename == "faktúra\ufffd.pdf"
    long = parsed(
        "Content-Type: multipart/mixed; boundary=b",
        body=f"--b\r\nContent-Type: a/b; name={'x' * 900}\r\n\r\n\r\n--b--",
    )
    assert len(long.attachments[0].filename) == 255


@pytest.mark.parametrize(
    ("name", "ending"),
    [("a.PDF", "pdf"), ("a.exe. ", "exe"), ("a", ""), ("a.b.js", "js"), ("a.exe\u202c", "exe")],
)
def test_the_ending_is_what_the_desktop_would_go_by(name: str, ending: str) -> None:
    assert extension(name) == ending


def test_a_picture_that_is_shown_within_the_page_is_an_attachment_of_its_kind() -> None:
    assert page("<img src=cid:a>").attachments == ()
    headers = "Content-Type: image/png\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: base64"
    mail = multipart("related", ("Content-Type: text/html", "<img src=cid:a>"), (headers, "iVBORw0KGgo="))
    assert [item.kind for item in mail.attachments] == ["image"]
