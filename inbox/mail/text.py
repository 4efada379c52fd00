"""Bytes of unknown or false encoding become clean text."""

import binascii
import codecs
import re
from functools import lru_cache

# What PostgreSQL's text, JSON and UTF-8 cannot hold.
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")
# Labels that mean something else than Python thinks, as browsers and mail programs read them.
_ALIASES = {
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "ansi": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "big5": "big5hkscs",
    "unicode-1-1-utf-7": "utf-7",
    "x-mac-roman": "mac-roman",
    "tis-620": "cp874",
}
# Charsets in which ASCII bytes mean something else.
_WIDE = ("utf-7", "iso-2022", "hz", "utf-16", "utf-32", "unicode")
# Python's codecs that are no charset of mail: some take quadratic time.
_NO_CHARSETS = {
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
    "undefined",
    "mbcs",
    "oem",
    "palmos",
}
_BASE64 = bytes(range(256)).translate(
    None, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)
_SOFT = re.compile(rb"[ \t]+(?=\n)")


def clean(text: str) -> str:
    """Without NUL and lone surrogates: those become the replacement character."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return _UNHOLDABLE.sub("\ufffd", text)


@lru_cache(maxsize=256)
def codec_of(charset: str) -> str | None:
    """The name of Python's codec for a charset label, or None when there is none to trust."""
    label = charset.strip().strip("\"'").lower()
    try:
        info = codecs.lookup(_ALIASES.get(label, label))
    except (LookupError, ValueError, UnicodeError):
        return None
    if info.name.replace("-", "_") in _NO_CHARSETS or not getattr(info, "_is_text_encoding", True):
        return None
    return info.name


def decode(data: bytes, charset: str = "") -> tuple[str, bool]:
    """The text, and whether the label told the truth. Never fails: in doubt UTF-8, then Windows-1252."""
    if data.isascii() and not charset.lower().startswith(_WIDE):
        return clean(data.decode("ascii")), True
    codec = codec_of(charset) if charset else None
    for candidate in (codec, "utf-8"):
        if candidate == "cp1252":
            break  # it accepts nearly everything: UTF-8 under a false label is seen first
        if candidate:
            text = _strictly(data, candidate)
            if text is not None:
                return clean(text), candidate == codec
    text = _strictly(data, "utf-8") if codec == "cp1252" else None
    if text is not None:
        return clean(text), False
    if codec and codec != "cp1252":
        text = data.decode(codec, "replace")
        if text.count("\ufffd") * 20 <= len(text):
            return clean(text), False
    return clean(data.decode("cp1252", "replace")), codec == "cp1252"


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError, OverflowError):
        return None


def from_base64(data: bytes) -> tuple[bytes, bool]:
    """What base64 says, and whether it was clean; foreign characters are left out, a cut end is forgiven."""
    kept = data.split(b"=", 1)[0].translate(None, _BASE64) if b"=" not in data[:-4] else _joined(data)
    if len(kept) % 4 == 1:
        kept = kept[:-1]
    decoded = binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))
    foreign = len(data.translate(None, b" \t\r\n")) - len(kept) > 4
    return decoded, not foreign


def _joined(data: bytes) -> bytes:
    """Several base64 texts one after the other, as some senders join them: only the last may be padded."""
    return data.rstrip(b"= \t\r\n").replace(b"=", b"").translate(None, _BASE64)


def from_quoted_printable(data: bytes) -> bytes:
    """What quoted-printable says; what is none stays as it is."""
    return binascii.a2b_qp(_SOFT.sub(b"", data) if b" \n" in data or b"\t\n" in data else data)
