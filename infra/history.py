"""The last 90 days of checks, day by day, as bars show them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from alai.kernel import words
from infra.models import DaySummary
from infra.probes import Verdict
from infra.selectors import SECONDS, Uptime, uptime

DAYS = 90
TONES = {
    Verdict.UP: "success",
    Verdict.DEGRADED: "warning",
    Verdict.DOWN: "danger",
    Verdict.BLOCKED: "danger",
    Verdict.UNKNOWN: "unknown",
}
Seconds = Mapping[str, float]  # of each verdict
History = dict[int, dict[dt.date, dict[str, float]]]  # by check and local day


@dataclass(frozen=True, slots=True)
class Run:
    """Days in a row that look alike: how many, their tone, and what to say of them."""

    length: int
    tone: str
    said: str


def history(check_ids: Sequence[int], now: dt.datetime) -> History:
    """Seconds of each verdict, one query."""
    since = timezone.localtime(now).date() - dt.timedelta(days=DAYS)
    rows = DaySummary.objects.filter(check_record__in=check_ids, day__gt=since)
    found: History = {}
    for pk, day, up, degraded, down, blocked, unknown in rows.values_list("check_record", "day", *SECONDS):
        seconds = {"up": up, "degraded": degraded, "down": down, "blocked": blocked, "unknown": unknown}
        found.setdefault(pk, {})[day] = seconds
    return found


def runs(days: Mapping[dt.date, Seconds], now: dt.datetime) -> list[Run]:
    """The 90 days up to today. Days without trouble join, so that a long list of sites stays a short page."""
    today = timezone.localtime(now).date()
    found: list[tuple[str, dt.date, dt.date, str]] = []
    for back in range(DAYS - 1, -1, -1):
        date = today - dt.timedelta(days=back)
        tone, said = judged(days.get(date))
        if found and tone in ("success", "unknown") and found[-1][0] == tone:
            found[-1] = (tone, found[-1][1], date, said)
        else:
            found.append((tone, date, date, said))
    return [
        Run((last - first).days + 1, tone, f"{_dates(first, last)}: {said}")
        for tone, first, last, said in found
    ]


def judged(seconds: Seconds | None) -> tuple[str, str]:
    """A day's tone and words: the worst of it decides."""
    if seconds is None:
        return "unknown", "not seen"
    away = seconds["down"] + seconds["blocked"]
    if away:
        return "danger", f"away for {words.duration(dt.timedelta(seconds=away))}"
    if seconds["degraded"]:
        return "warning", f"degraded for {words.duration(dt.timedelta(seconds=seconds['degraded']))}"
    return ("success", "up") if seconds["up"] else ("unknown", "not seen")


def whole(days: Mapping[dt.date, Seconds]) -> Uptime:
    """The uptime of all of it."""
    total = {name: sum(day[name] for day in days.values()) for name in SECONDS}
    return uptime(total, dt.timedelta(days=DAYS))


def percent(found: Uptime) -> str:
    return f"{found.percent:.2f} %" if found.percent is not None else "–"


def _dates(first: dt.date, last: dt.date) -> str:
    if first == last:
        return f"{first.day} {first:%b}"
    return f"{first.day} {first:%b} to {last.day} {last:%b}"
