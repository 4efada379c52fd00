"""FETCH and LIST responses as values.

imaplib hands a response over in pieces: text as bytes, and `(text ending in {n}, n literal bytes)`. Servers may
send attributes in any order, a body as a literal, a quoted string or NIL, and attributes that nobody asked for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from imap_tools.imap_utf7 import utf7_decode

Piece = bytes | tuple[bytes, bytes]
Value = bytes | None | list["Value"]

# The section of a body attribute holds blanks and brackets: BODY[HEADER.FIELDS (SUBJECT)].
TOKEN = re.compile(
    rb'\s*(?:(?P<mark>[()])|"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<atom>(?:(?i:BODY|BINARY)\[[^\]]{0,200}\]|[^\s()"])+))',
    re.DOTALL,
)
LITERAL = re.compile(rb"~?\{\d+\+?\}$")
INTERNALDATE = re.compile(
    rb"\s*(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([-+])(\d\d)(\d\d)$", re.ASCII
)
MONTHS = {
    name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
DEEPEST = 20

OPEN, CLOSE = object(), object()


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
    values = _values(_tokens(pieces))
    if len(values) != 2 or not isinstance(values[1], list) or len(values[1]) % 2:
        raise ValueError("no FETCH response")
    names, contents = values[1][::2], values[1][1::2]
    return {_name(name): content for name, content in zip(names, contents, strict=True)}


def listed(pieces: Sequence[Piece]) -> Listed:
    """One LIST response. Raises ValueError."""
    values = _values(_tokens(pieces))
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
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _tokens(pieces: Sequence[Piece]) -> Iterator[object]:
    """OPEN, CLOSE, None for NIL, bytes for all else."""
    for piece in pieces:
        text, literal = piece if isinstance(piece, tuple) else (piece, None)
        yield from _words(LITERAL.sub(b"", text) if literal is not None else text)
        if literal is not None:
            yield literal


def _words(text: bytes) -> Iterator[object]:
    position, end = 0, len(text.rstrip())
    while position < end:
        found = TOKEN.match(text, position)
        if not found:
            raise ValueError("a response that is not formed as it should be")
        position = found.end()
        if mark := found["mark"]:
            yield OPEN if mark == b"(" else CLOSE
        elif (string := found["quoted"]) is not None:
            yield re.sub(rb"\\(.)", rb"\1", string, flags=re.DOTALL) if b"\\" in string else string
        else:
            yield None if found["atom"].upper() == b"NIL" else found["atom"]


def _values(tokens: Iterator[object]) -> list[Value]:
    """Tokens as nested lists."""
    stack: list[list[Value]] = [[]]
    for token in tokens:
        if token is OPEN:
            stack.append([])
        elif token is CLOSE:
            inner = stack.pop()
            if not stack:
                raise ValueError("too many closing brackets")
            stack[-1].append(inner)
        elif token is None or isinstance(token, bytes):
            stack[-1].append(token)
        if len(stack) > DEEPEST:
            raise ValueError("brackets nested too deep")
    if len(stack) != 1:
        raise ValueError("a bracket is not closed")
    return stack[0]


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
