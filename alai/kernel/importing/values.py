"""From a value of any type to the one a column wants. Each function answers (value, note); no note means clean."""

import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

from alai.kernel.importing.raw import BadText, Raw
from alai.kernel.shapes import EARLIEST, LATEST

UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")
WHOLE = re.compile(r"\s*[+-]?\d{1,19}\s*")
JULIAN_1970, JULIAN_9000 = 2_440_587.5, 5_008_243.5
YEAR_FIRST = r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})"
DAY_FIRST = r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})"  # as written in Norway and Bosnia
CLOCK = (
    r"(?:[T\s]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
)
WRITTEN = [re.compile(date + CLOCK, re.IGNORECASE | re.ASCII) for date in (YEAR_FIRST, DAY_FIRST)]
# 20260306 and 20260306030900, stored as numbers: as times since 1970 they would lie in 1970 or centuries ahead.
WRITTEN_AS_NUMBERS = ((19_700_101, 21_000_101), (19_700_101_000_000, 21_000_101_000_000))
COMPACT = re.compile(r"\d{8}([T ]?\d{6})?", re.ASCII)


def text(raw: Raw, limit: int = 0) -> tuple[str, str]:
    """Text with NUL shown as ␀ and undecodable bytes as �, cut to `limit` characters; NULL is empty."""
    if raw is None:
        return "", ""
    if isinstance(raw, str):
        value, note = raw, ""
    elif isinstance(raw, bytes):
        value = raw.decode("utf-8", "replace")
        note = "not UTF-8" if isinstance(raw, BadText) else "bytes instead of text"
    else:
        value, note = str(raw), "a number instead of text"
    if "\0" in value:
        value, note = printable(value), note or "held NUL characters"
    if limit and len(value) > limit:
        value, note = value[: limit - 1] + "…", f"longer than {limit} characters"
    return value, note


def printable(value: str) -> str:
    """What PostgreSQL cannot store (NUL, lone surrogates) in visible form."""
    return UNPRINTABLE.sub(lambda found: "\u2400" if found.group() == "\0" else "\ufffd", value)


def whole(raw: Raw) -> tuple[int | None, str]:
    """A whole number, also when it is written as text or as 7.0."""
    if raw is None or type(raw) is int:
        return raw, ""
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 2**53:
        return int(raw), ""
    if isinstance(raw, str) and WHOLE.fullmatch(raw):
        return int(raw), ""
    return None, "not a whole number"


def decimal(raw: Raw, *, digits: int, places: int) -> tuple[Decimal | None, str]:
    """A decimal of at most `digits` digits, `places` of them after the point."""
    if raw is None:
        return None, ""
    if isinstance(raw, bytes):
        return None, "not a number"
    try:
        exact = Decimal(str(raw).strip())
        value = exact.quantize(Decimal(1).scaleb(-places))
    except (InvalidOperation, ValueError):
        return None, "not a number that fits"
    if not exact.is_finite() or abs(value) >= Decimal(10) ** (digits - places):
        return None, "not a number that fits"
    return value, "" if value == exact else f"rounded to {places} places"


def moment(raw: Raw) -> tuple[datetime | None, str]:
    """A time in UTC: ISO 8601 and its relatives, day.month.year, RFC 2822, epoch in s, ms or µs, Julian day.

    Naive times are UTC, as the old system's JavaScript and SQLite both wrote them.
    """
    if raw is None or raw == "":
        return None, ""
    try:
        found = _read_number(raw) if isinstance(raw, int | float) else _read_text(raw)
        if found is None:
            return None, "not a date"
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        if EARLIEST <= aware < LATEST:
            return aware.astimezone(UTC), ""
    except (ValueError, OverflowError, IndexError, TypeError):
        return None, "not a date"
    return None, f"a date outside {EARLIEST.year} to {LATEST.year}"


def words(raw: Raw, limit: int = 100) -> tuple[list[str], str]:
    """A list of words: a JSON list as text; or else words between commas."""
    if raw is None or raw == "":
        return [], ""
    source, note = text(raw)
    items = _json_list(source)
    if items is None:
        note = "not a JSON list"
        items = [] if source.lstrip()[:1] in ("[", "{") else re.split("[,;]", source.strip('" '))
    found: list[str] = []
    for item in items:
        word, flaw = _word(item, limit)
        if word and word not in found:
            found.append(word)
        else:
            flaw = flaw or "words twice, or empty ones"
        note = note or flaw
    return found, note


def _word(item: Any, limit: int) -> tuple[str, str]:
    if isinstance(item, bool | list | dict | None):
        return "", "a list with other things than words"
    plain = printable(str(item)).strip()
    flaw = "" if plain == item and len(plain) <= limit else "words that had to be changed"
    return plain[:limit], flaw


def _json_list(source: str) -> list[Any] | None:
    try:
        loaded = json.loads(source)
    except (ValueError, RecursionError):
        return None
    return loaded if isinstance(loaded, list) else None


def _read_text(raw: str | bytes) -> datetime | None:
    written = (raw.decode() if isinstance(raw, bytes) else raw).strip()
    if "\0" in written:
        return None
    try:
        if written[4:5] == "-":
            return datetime.fromisoformat(written)
    except ValueError:
        pass
    if len(written) > 60:
        return None
    for pattern in WRITTEN:
        if found := pattern.fullmatch(written):
            return _from_parts(found.groupdict())
    if COMPACT.fullmatch(written):
        return datetime.fromisoformat(f"{written[:8]}T{written[8:].lstrip('T ')}".rstrip("T"))
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", written, re.ASCII):
        return _read_number(float(written))
    return parsedate_to_datetime(written) if written[:3].isalpha() or "," in written else None


def _from_parts(parts: dict[str, str | None]) -> datetime:
    date_and_clock = [int(parts[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")]
    micro = int(((parts.get("fraction") or "") + "000000")[:6])
    year, month, day, hour, minute, second = date_and_clock
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=_zone(parts.get("zone")))


def _zone(written: str | None) -> timezone:
    if not written or written[0] not in "+-":
        return UTC
    figures = written[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(figures[:2]), minutes=int(figures[2:]))
    return timezone(-offset if written[0] == "-" else offset)


def _read_number(raw: float) -> datetime | None:
    """The size tells the unit: seconds since 1973, milliseconds, microseconds; a Julian day only as a fraction."""
    if not math.isfinite(raw):
        return None
    if isinstance(raw, int) and any(first <= raw < last for first, last in WRITTEN_AS_NUMBERS):
        return _read_text(str(raw))
    if JULIAN_1970 <= raw < JULIAN_9000 and isinstance(raw, float) and not raw.is_integer():
        return EARLIEST + timedelta(milliseconds=round((raw - JULIAN_1970) * 86_400_000))
    for unit, scale in ((1, 1e8), (1_000, 1e11), (1_000_000, 1e14)):
        if scale <= raw < scale * 1000:
            return EARLIEST + timedelta(microseconds=round(raw * 1_000_000 / unit))
    return None
