"""Header fields: found among anything, unfolded, decoded, bounded. Each field is read on its own."""

import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from itertools import groupby, islice

from inbox.mail import limits
from inbox.mail.text import clean, decode, from_base64

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:((?:[^\n]*)(?:\n[ \t][^\n]*)*)\n?")
_FOLD = re.compile(rb"[ \t]*\n[ \t]*")
_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_RUN = re.compile(rf"(?:{_WORD.pattern})+")
_BETWEEN = re.compile(r"(=\?[^?\s]{1,80}\?[bBqQ]\?[^?]*\?=)\s+(?==\?[^?\s]{1,80}\?[bBqQ]\?[^?]*\?=)")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
_ESCAPED = re.compile(r"\\(.)")
_PERCENT = re.compile(rb"%([0-9a-fA-F]{2})")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,998}>")
_FARTHEST = 16 * 3600  # seconds that a zone may lie from UTC
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fields:
    """One header block: (lower-case name, unfolded bytes) in order, where the body begins, what was odd."""

    fields: tuple[tuple[str, bytes], ...]
    body: int
    odd: tuple[str, ...] = ()

    def first(self, name: str) -> str:
        """The first field of that name as text with its encoded words left alone."""
        return next((decode(value)[0] for field, value in self.fields if field == name), "")


def split(raw: bytes, start: int, end: int) -> Fields:
    """Read fields from `start` until a blank line or something that is no field; both end the block."""
    fields: list[tuple[str, bytes]] = []
    odd: list[str] = []
    position = start
    stop = min(end, start + limits.HEADER_BYTES)
    while position < stop:
        if raw.startswith(b"\n", position):
            return Fields(tuple(fields), position + 1, tuple(odd))
        match = _FIELD.match(raw, position, end)
        if match is None:
            line_end = raw.find(b"\n", position, end)
            after = end if line_end < 0 else line_end + 1
            if raw.startswith((b"From ", b">From "), position) or raw[position:after].isspace():
                if raw[position:after].isspace():
                    return Fields(tuple(fields), after, tuple(odd))
                position = after
                continue
            odd.append("header_broken")
            return Fields(tuple(fields), position, tuple(odd))
        if len(fields) < limits.HEADERS:
            fields.append(_field(match))
        elif "headers_too_many" not in odd:
            odd.append("headers_too_many")
        position = match.end()
    if position >= start + limits.HEADER_BYTES:
        odd.append("headers_too_long")
        blank = raw.find(b"\n\n", position, end)
        position = end if blank < 0 else blank + 2
    return Fields(tuple(fields), min(position, end), tuple(odd))


def _field(match: re.Match[bytes]) -> tuple[str, bytes]:
    value = match.group(2)[: limits.HEADER_LENGTH]
    return match.group(1).decode("ascii").lower(), _FOLD.sub(b" ", value).strip()


def unencoded(value: str) -> str:
    """Encoded words (RFC 2047) decoded, wherever they stand; what cannot be decoded stays as it is.

    Neighbours of one charset are decoded together: senders split multi-byte characters between them.
    """
    return _RUN.sub(_run, _BETWEEN.sub(r"\1", value)) if "=?" in value else value


def _run(match: re.Match[str]) -> str:
    decoded = []
    for charset, words in groupby(
        _WORD.finditer(match.group()), key=lambda word: word.group(1).partition("*")[0].lower()
    ):
        decoded.append(decode(b"".join(map(_word, words)), charset)[0])
    return "".join(decoded)


def _word(match: re.Match[str]) -> bytes:
    payload = match.group(3).encode("utf-8", "replace")
    try:
        return from_base64(payload)[0] if match.group(2) in "bB" else binascii.a2b_qp(payload, header=True)
    except (binascii.Error, ValueError):
        return match.group().encode("utf-8", "replace")


def text(value: bytes) -> str:
    """A field as people read it: decoded, on one line."""
    decoded = unencoded(decode(value)[0])
    return clean(" ".join(decoded.split()))


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """`text/html; charset=x; name*0=..` as its lower-case token and its parameters (RFC 2231 joined)."""
    token, _, _ = value.partition(";")
    found: dict[str, str] = {}
    for match in islice(_PARAMETER.finditer(value[:4096], len(token)), 100):
        name, content = match.group(1).lower(), match.group(2).strip()
        if content.startswith('"'):
            content = _ESCAPED.sub(r"\1", content[1:-1] if content.endswith('"') else content[1:])
        found.setdefault(name, content)
    return " ".join(token.split()).lower(), _continued(found) if any("*" in key for key in found) else found


def _continued(found: dict[str, str]) -> dict[str, str]:
    """RFC 2231: `name*0*`, `name*1` ... become one `name`; a plain one does not override it."""
    result = {name: value for name, value in found.items() if "*" not in name}
    for base in {name.partition("*")[0] for name in found if "*" in name}:
        pieces = sorted(
            (int(number) if number.isdigit() else 0, starred or number == "", value)
            for name, value in found.items()
            if name.startswith(base + "*")
            for number, starred in [(name[len(base) + 1 :].rstrip("*")[:6], name.endswith("*"))]
        )
        charset, joined = "", b""
        for index, (_, encoded, value) in enumerate(pieces[:50]):
            if index == 0 and encoded and value.count("'") >= 2:
                charset, _, value = value.split("'", 2)
            data = value.encode("utf-8", "replace")
            joined += _PERCENT.sub(lambda hexed: bytes([int(hexed.group(1), 16)]), data) if encoded else data
        result[base] = decode(joined, charset)[0]
    return result


def message_ids(value: str, limit: int = limits.REFERENCES) -> tuple[str, ...]:
    """The `<...>` ids of a field; of too many the first and the last ones, which threading needs most."""
    found = _MESSAGE_ID.findall(value)
    if len(found) > limit:
        found = found[:1] + found[1 - limit :]
    return tuple(dict.fromkeys(found))


def message_id(value: str) -> str:
    """The id with its angle brackets; a bare one gets them, anything else is none."""
    found = message_ids(value, 1)
    if found:
        return found[0]
    bare = value.strip().strip("<>")
    return f"<{bare}>" if bare and not re.search(r"[\s<>]", bare) and len(bare) < 998 else ""


def date(value: str) -> datetime | None:
    """An aware datetime, UTC where the zone is missing or absurd; None when it is no date of this age."""
    try:
        parts = parsedate_tz(value[:200])
        if parts is None:
            return None
        offset = parts[9] or 0
        zone = timedelta(seconds=offset if abs(offset) <= _FARTHEST else 0)
        found = datetime(*parts[:6], tzinfo=UTC) - zone
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if _EARLIEST <= found <= _LATEST else None
