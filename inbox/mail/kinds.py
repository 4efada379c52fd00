"""What an attachment is by its content: names and declared types are what the sender wants us to think."""

import re
from dataclasses import dataclass

from inbox.mail import archives, limits

# (offset, bytes, kind): the first that fits.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "pdf"),
    (0, b"MZ", "executable"),
    (0, b"\x7fELF", "executable"),
    (0, b"\xcf\xfa\xed\xfe", "executable"),
    (0, b"\xfe\xed\xfa\xce", "executable"),
    (0, b"\xfe\xed\xfa\xcf", "executable"),
    (0, b"\xca\xfe\xba\xbe", "executable"),
    (0, b"L\x00\x00\x00\x01\x14\x02\x00", "shortcut"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "onenote"),
    (0, b"{\\rt", "rtf"),
    (0, b"\x78\x9f\x3e\x22", "tnef"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"MSCF", "cabinet"),
    (0, b"ITSF", "help"),
    (0, b"\x89PNG", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"GIF8", "image"),
    (0, b"BM", "image"),
    (0, b"II*\x00", "image"),
    (0, b"MM\x00*", "image"),
    (8, b"WEBP", "image"),
    (4, b"ftyp", "media"),
    (0, b"ID3", "media"),
    (0, b"OggS", "media"),
    (0, b"fLaC", "media"),
    (0, b"RIFF", "media"),
    (32_769, b"CD001", "disk-image"),
    (34_817, b"CD001", "disk-image"),
    (36_865, b"CD001", "disk-image"),
    (0, b"conectix", "disk-image"),
    (0, b"vhdxfile", "disk-image"),
    (257, b"ustar", "tar"),
)
# Text that the desktop runs when it is opened, whatever its content: told by the name alone.
_SCRIPTS = """
js jse vbs vbe wsf wsh hta ps1 psm1 bat cmd scr pif com cpl msi msp reg url jar jnlp sct inf gadget application lnk exe
dll chm msix appx appinstaller xll appref-ms settingcontent-ms library-ms search-ms
"""
_DISK_IMAGES = "iso img vhd vhdx dmg udf"
SCRIPTS, DISK_IMAGES = frozenset(_SCRIPTS.split()), frozenset(_DISK_IMAGES.split())
_VBA = "_VBA_PROJECT".encode("utf-16-le")
_MSI = b"\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
_HTML = re.compile(
    rb"<\s*(?:!doctype\s+html|html|head|body|script|form|meta|table|div|iframe|svg|a\s)", re.IGNORECASE
)
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_MARKS: tuple[tuple[str, re.Pattern[bytes]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("script", rb"<script|javascript:|\son(?:load|error|click|focus)\s{0,9}="),
        ("form", rb"<form[\s>]"),
        ("password", rb"type\s{0,9}=\s{0,9}[\"']?password"),
        (
            "smuggling",
            rb"atob\s?\(|new\s+Blob|createObjectURL|msSaveOrOpenBlob|unescape\s?\(|fromCharCode|document\.write",
        ),
        ("redirect", rb"http-equiv\s?=\s?[\"']?refresh|location(?:\.href)?\s?=|location\.(?:replace|assign)"),
    )
)
_PDF_MARKS = (
    ("script", re.compile(rb"/(?:JavaScript|JS)[\s(<\[/]")),
    ("launch", re.compile(rb"/Launch[\s/<]")),
    ("encrypted", re.compile(rb"/Encrypt[\s/<]")),
    ("link", re.compile(rb"/URI[\s(]")),
)


@dataclass(frozen=True, slots=True)
class Nature:
    """What content is: its kind, telling traits, and names inside an archive."""

    kind: str
    traits: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()


def nature(content: bytes, content_type: str, filename: str) -> Nature:
    """Look at the content first, at name and declared type where the content does not tell."""
    kind = next((kind for offset, magic, kind in _MAGIC if content.startswith(magic, offset)), "")
    if content.startswith(b"PK\x03\x04") or content.startswith(b"PK\x05\x06"):
        return _zip(content)
    if kind == "ole":
        return _ole(content)
    head = content[: limits.SNIFF]
    if kind == "pdf" or (not kind and content[:1024].find(b"%PDF-") >= 0):
        return Nature("pdf", tuple(name for name, mark in _PDF_MARKS if mark.search(head)))
    if kind == "rtf":
        return Nature("rtf", ("object",) if b"\\objdata" in head or b"\\objupdate" in head else ())
    if kind:
        return Nature(kind)
    return _by_text(head, content_type, filename)


def extension(filename: str) -> str:
    """The last extension, lower case, without the tricks of trailing dots and spaces."""
    return filename.rstrip(". \u200b\u202c").rpartition(".")[2].lower() if "." in filename else ""


def _by_text(head: bytes, content_type: str, filename: str) -> Nature:
    ending = extension(filename)
    if ending in SCRIPTS:
        return Nature("script")
    if ending in DISK_IMAGES:
        return Nature("disk-image")
    start = head[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if _SVG.search(start) and not start[:200].lower().startswith((b"<!doctype html", b"<html")):
        return Nature("svg", _marks(head))
    if (
        ending in ("html", "htm", "xhtml", "shtml", "mht", "mhtml")
        or content_type == "text/html"
        or _HTML.match(start)
    ):
        return Nature("html", _marks(head))
    if start.startswith(b"BEGIN:VCALENDAR") or content_type == "text/calendar":
        return Nature("calendar")
    if start.startswith(b"BEGIN:VCARD"):
        return Nature("contact")
    if start.startswith(b"#!"):
        return Nature("script")
    if content_type.startswith("message/"):
        return Nature("mail")
    if content_type in (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    ):
        return Nature("signature")
    if content_type.startswith("text/") or (b"\0" not in head[:4096] and head[:4096].isascii()):
        return Nature("text")
    return Nature("data")


def _marks(head: bytes) -> tuple[str, ...]:
    return tuple(name for name, mark in _MARKS if mark.search(head))


def _zip(content: bytes) -> Nature:
    """A zip file is an office document, a program or just an archive."""
    listing = archives.of_zip(content)
    lower = [name.lower() for name in listing.names]
    traits: tuple[str, ...] = ("encrypted",) if listing.encrypted else ()
    if any(name.endswith(("vbaproject.bin",)) or "/macrosheets/" in name for name in lower):
        return Nature("office-macro", (*traits, "macro"), listing.names)
    if "[content_types].xml" in lower or "mimetype" in lower[:1]:
        return Nature("office", traits, listing.names)
    if "meta-inf/manifest.mf" in lower and any(name.endswith(".class") for name in lower):
        return Nature("executable", traits, listing.names)
    if any(extension(name) in SCRIPTS for name in listing.names):
        traits += ("runnable",)
    return Nature("zip", traits, listing.names)


def _ole(content: bytes) -> Nature:
    if content.find(_VBA, 0, limits.SNIFF * 4) >= 0:
        return Nature("office-macro", ("macro",))
    if content.find(_MSI, 0, limits.SNIFF) >= 0:
        return Nature("executable")
    if content.find("EncryptedPackage".encode("utf-16-le"), 0, limits.SNIFF * 4) >= 0:
        return Nature("office", ("encrypted",))
    return Nature("office")
