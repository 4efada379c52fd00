"""Raw mail as it is kept: compressed, up to a cap, with what was cut noted."""

import hashlib
import zlib
from dataclasses import dataclass

from django.conf import settings
from isal import isal_zlib

from inbox.models import Content

COMPRESSION = 1  # as small as zlib's level 1, which unpacks it, in a fifth of the time


@dataclass(frozen=True, slots=True)
class Packed:
    """`hash` is of all bytes that came, `data` holds those below the cap, `cut` says how many are missing."""

    hash: str
    data: bytes
    size: int
    cut: int


def pack(raw: bytes, size: int | None = None) -> Packed:
    """`size` is the message's whole length where not all of it is in `raw`."""
    kept = raw[: settings.INBOX_MESSAGE_MAX_BYTES]
    whole = max(size or 0, len(raw))
    return Packed(
        hashlib.sha256(raw).hexdigest(), isal_zlib.compress(kept, COMPRESSION), whole, whole - len(kept)
    )


def unpack(content: Content) -> bytes:
    """The stored bytes; empty when there are none (imported without them, or a damaged row)."""
    try:
        return zlib.decompress(bytes(content.data)) if content.data else b""
    except zlib.error:
        return b""
