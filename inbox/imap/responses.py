"""FETCH and LIST responses as values.

imaplib hands a response over in pieces: text as bytes, and `(text ending in {n}, n literal bytes)`. Servers may
send attributes in any order, a body as a literal, a quoted string or NIL, and attributes that nobody asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imap_tools.imap_utf7 import utf7_decode

Piece = bytes | tuple[bytes, bytes]
Value = bytes | None | list["Value"]

# The section of a body attribute holds blanks and brackets: BODY[HEADER.FIELDS (SUBJECT)].
TOKEN = re.compile(
    rb"""(?P<mark>[()]) | "(?P<quoted>(?:[^"\\]|\\.)*+)"
    | (?P<atom>(?:(?i:BODY|BINARY)\[[^\]]{0,200}\] | [^\s()"])+) | (?P<odd>\S)""",
    re.DOTALL | re.VERBOSE,
)
LITERAL = re.compile(rb"~?\{\d+\+?\}$")
INTERNALDATE = re.compile(
    rb"\s*(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([-+])(\d\d)(\d\d)$", re.ASCII
)
MONTHS = {
    name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
NIL = (b"NIL", b"nil")
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder as LIST names it: decoded name, lower-case attributes such as `\\sent`."""

    name: str
    delimiter: str
    attributes: frozenset[str]

    @property
    def selectable(self) -> bool:
        return not self.attributes & {"\\noselect", "\\nonexistent"}


def fetched(pieces: Sequence[Piece]) -> dict[str, Value]:
    """One FETCH response as `{"UID": b"7", "BODY[]": b"..."}`; names in upper case, without `<origin>`.

    Raises ValueError when the response is not formed as RFC 3501 says.
    """
    values = _values(pieces)
    if len(values) != 2 or not isinstance(values[1], list) or len(values[1]) % 2:
        raise ValueError("no FETCH response")
    names, contents = values[1][::2], values[1][1::2]
    return {_name(name): content for name, content in zip(names, contents, strict=True)}


def listed(pieces: Sequence[Piece]) -> Listed:
    """One LIST response. Raises ValueError."""
    values = _values(pieces)
    if len(values) < 3 or not isinstance(values[0], list) or not isinstance(values[2], bytes):
        raise ValueError("no LIST response")
    attributes = [value.decode("ascii", "replace").lower() for value in values[0] if isinstance(value, bytes)]
    delimiter = values[1].decode("ascii", "replace") if isinstance(values[1], bytes) else ""
    return Listed(_decoded(values[2]), delimiter, frozenset(attributes))


def number(value: Value) -> int:
    """A number of IMAP. Raises ValueError."""
    if not isinstance(value, bytes) or not value.isdigit() or len(value) > 20:
        raise ValueError("no number")
    return int(value)


def internal_date(value: Value) -> datetime | None:
    """INTERNALDATE in UTC; None when it is none."""
    found = INTERNALDATE.match(value) if isinstance(value, bytes) else None
    month = MONTHS.get(found[2].lower()) if found else None
    if not found or not month:
        return None
    day, year, hour, minute, second, zone_hours, zone_minutes = (int(found[n]) for n in (1, 3, 4, 5, 6, 8, 9))
    zone = timedelta(hours=zone_hours, minutes=zone_minutes) * (-1 if found[7] == b"-" else 1)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC) - zone
    except (ValueError, OverflowError):
        return None


def _values(pieces: Sequence[Piece]) -> list[Value]:
    """Nested lists of bytes; None for NIL."""
    stack: list[list[Value]] = [[]]
    for piece in pieces:
        text, literal = piece if isinstance(piece, tuple) else (piece, None)
        for mark, quoted, atom, odd in TOKEN.findall(text if literal is None else LITERAL.sub(b"", text)):
            if atom:
                stack[-1].append(None if atom in NIL else atom)
            elif mark == b"(":
                stack.append([])
                if len(stack) > DEEPEST:
                    raise ValueError("brackets nested too deep")
            elif mark:
                _close(stack)
            elif odd:
                raise ValueError("a quoted string is not closed")
            else:
                stack[-1].append(ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
        if literal is not None:
            stack[-1].append(literal)
    if len(stack) != 1:
        raise ValueError("a bracket is not closed")
    return stack[0]


def _close(stack: list[list[Value]]) -> None:
    inner = stack.pop()
    if not stack:
        raise ValueError("a bracket too many")
    stack[-1].append(inner)


def _name(value: Value) -> str:
    if not isinstance(value, bytes):
        raise ValueError("an attribute without a name")
    return value.decode("ascii", "replace").upper().partition("<")[0]


def _decoded(name: bytes) -> str:
    """Modified UTF-7, or UTF-8 from servers that speak it."""
    try:
        return utf7_decode(name)
    except ValueError:
        return name.decode("utf-8", "replace")
