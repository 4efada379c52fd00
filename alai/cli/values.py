"""What the words of a command line mean: times, amounts, JSON. Usage says what they should look like."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from alai.cli.errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from alai.cli.options import Given

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(name: str, text: str, *, ahead: bool = False) -> datetime:
    """ISO 8601, in UTC unless it says otherwise; or `30m`, `12h`, `7d`: so long ago, or `ahead`."""
    number, unit = text[:-1], UNITS.get(text[-1:])
    try:
        if unit and number.isascii() and number.isdigit():
            span = timedelta(**{unit: int(number)})
            return datetime.now(UTC) + (span if ahead else -span)
        if text.isdigit():  # which would be read as a date without its dashes
            raise ValueError
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        how = "2026-05-08T12:30:00Z, or 30m, 12h, 7d " + ("from now" if ahead else "ago")
        raise Usage(f"{name} is a time in ISO 8601, e.g. {how}.") from None


def api_time(name: str, text: str, *, ahead: bool = False) -> str:
    """The same as the API writes it."""
    return moment(name, text, ahead=ahead).isoformat().replace("+00:00", "Z")


def number(name: str, text: str, *, most: float, example: str) -> float:
    """From 0 to `most`."""
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 <= found <= most:
        raise Usage(f"{name} is {example}.")
    return found


def json_object(name: str, text: str) -> dict[str, Any]:
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Usage(f'{name} is a JSON object, e.g. \'{{"site": "example.com"}}\'.')
    return found


def text_or_stdin(given: Given, name: str) -> str:
    """The argument's words; for `-`, or when it is left out, what stands on stdin without the last line's end."""
    if given.has(name) and given.text(name) != "-":
        return given.text(name)
    if not given.has(name) and sys.stdin.isatty():
        raise Usage(f"{name} is missing: give it, or pipe it in.")
    try:
        return sys.stdin.buffer.read().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Usage("What stands on stdin is not UTF-8 text.") from None
