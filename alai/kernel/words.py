"""Numbers and times as people say them, for every page. Pure functions; `now` is passed in where it matters."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

NUMBERS = [
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
]  # fmt: skip
# unit, its length in seconds, up to how many seconds it is used
UNITS = (
    ("second", 1, 90),
    ("minute", 60, 90 * 60),
    ("hour", 3600, 36 * 3600),
    ("day", 86_400, 60 * 86_400),
    ("month", 2_629_800, 2 * 31_557_600),
)
SHORT = {"second": "s", "minute": "min", "hour": "h"}


def number(count: int) -> str:
    """Small numbers as words, large ones with separators: three, 1,204."""
    return NUMBERS[count] if 0 <= count < len(NUMBERS) else f"{count:,}"


def plural(count: int, singular: str, several: str = "") -> str:
    """`1 task`, `1,204 tasks`."""
    return f"{count:,} {singular if count == 1 else several or singular + 's'}"


def duration(length: timedelta) -> str:
    """One unit is enough: 40 s, 7 min, 3 h, 12 days, 5 months, 3 years."""
    seconds = abs(length.total_seconds())
    for unit, size, limit in UNITS:
        if seconds < limit:
            return _measure(round(seconds / size), unit)
    return _measure(round(seconds / 31_557_600), "year")


def ago(moment: datetime, now: datetime | None = None) -> str:
    """`just now`, `7 min ago`, `in 3 h`."""
    length = (now or timezone.now()) - moment
    if abs(length) < timedelta(seconds=5):
        return "just now"
    return f"{duration(length)} ago" if length > timedelta() else f"in {duration(length)}"


def day_and_time(moment: datetime, now: datetime | None = None) -> str:
    """`12:30`, `yesterday 18:40`, `Tue 09:15`, `3 May 12:30`, `3 May 2024`: no more than one needs."""
    local, today = timezone.localtime(moment), timezone.localtime(now or timezone.now()).date()
    days = (local.date() - today).days
    clock = f"{local:%H:%M}"
    if days in (-1, 0, 1):
        return {-1: f"yesterday {clock}", 0: clock, 1: f"tomorrow {clock}"}[days]
    if -7 < days < 7:
        return f"{local:%a} {clock}"
    if local.year == today.year:
        return f"{local.day} {local:%b} {clock}"
    return f"{local.day} {local:%b %Y}"


def exact(moment: datetime) -> str:
    """`Mon 23 Nov 2026, 14:02:11 CET`, what one sees on hovering."""
    local = timezone.localtime(moment)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S %Z}"


def time_tag(moment: datetime | None, text: str = "") -> SafeString | str:
    """A `<time>` with the exact local time as its title; `text` is relative unless given."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact(moment), text or ago(moment)
    )


def size(octets: int | None) -> str:
    """`412 B`, `1.4 MB`."""
    amount = float(octets or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def _measure(count: int, unit: str) -> str:
    if unit in SHORT:
        return f"{count} {SHORT[unit]}"
    return plural(count, unit)
