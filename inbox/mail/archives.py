"""What lies in a zip file, read from its directory alone: nothing is inflated, so nothing can explode."""

import struct
from dataclasses import dataclass

from inbox.mail import limits
from inbox.mail.text import decode

_END = b"PK\x05\x06"
_ENTRY = b"PK\x01\x02"
_LOCAL = b"PK\x03\x04"
_UTF8 = 0x800
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Listing:
    """Names in an archive, bounded; whether one of them is encrypted; how large all claim to be unpacked."""

    names: tuple[str, ...] = ()
    encrypted: bool = False
    claimed: int = 0


def of_zip(data: bytes) -> Listing:
    """The listing by the central directory, or by the local headers where there is none."""
    end = data.rfind(_END, max(0, len(data) - 66_000))
    if end >= 0 and len(data) >= end + 22:
        size, offset = struct.unpack_from("<II", data, end + 12)
        start = end - size if end >= size and data.startswith(_ENTRY, end - size) else offset
        listing = _directory(data, start)
        if listing.names:
            return listing
    return _locals(data)


def _directory(data: bytes, position: int) -> Listing:
    names: list[str] = []
    encrypted, claimed = False, 0
    while len(names) < limits.ARCHIVE_NAMES and data.startswith(_ENTRY, position):
        if len(data) < position + 46:
            break
        flags = struct.unpack_from("<H", data, position + 8)[0]
        size = struct.unpack_from("<I", data, position + 24)[0]
        name, extra, remark = struct.unpack_from("<HHH", data, position + 28)
        names.append(_name(data[position + 46 : position + 46 + name], flags))
        encrypted |= bool(flags & _ENCRYPTED)
        claimed += size
        position += 46 + name + extra + remark
    return Listing(tuple(names), encrypted, claimed)


def _locals(data: bytes) -> Listing:
    names: list[str] = []
    encrypted, position = False, data.find(_LOCAL)
    while 0 <= position <= len(data) - 30 and len(names) < limits.ARCHIVE_NAMES:
        flags = struct.unpack_from("<H", data, position + 6)[0]
        length = struct.unpack_from("<H", data, position + 26)[0]
        names.append(_name(data[position + 30 : position + 30 + length], flags))
        encrypted |= bool(flags & _ENCRYPTED)
        position = data.find(_LOCAL, position + 30 + length)
    return Listing(tuple(names), encrypted)


def _name(raw: bytes, flags: int) -> str:
    return decode(raw, "utf-8" if flags & _UTF8 else "cp437")[0][: limits.FILENAME]
