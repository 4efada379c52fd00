"""The last 90 days of checks, day by day, as bars show them."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from alai.kernel import words
from infra.models import DaySummary
from infra.probes import Verdict
from infra.selectors import Uptime, uptime

DAYS = 90
TONES = {
    Verdict.UP: "success",
    Verdict.DEGRADED: "warning",
    Verdict.DOWN: "danger",
    Verdict.BLOCKED: "danger",
    Verdict.UNKNOWN: "unknown",
}

# A check's past in one row: a letter for each day, the oldest first, by the worst of it (the first letter of its tone);
# how long each of the bad ones was bad; and all seconds of each verdict.
PAST = f"""
SELECT asked.id, past.* FROM unnest(%(checks)s::bigint[]) asked (id), LATERAL (
    SELECT string_agg(CASE WHEN down + blocked > 0 THEN 'd' WHEN degraded > 0 THEN 'w' WHEN up > 0 THEN 's'
                           ELSE 'u' END, '' ORDER BY date.day),
           coalesce(array_agg(CASE WHEN down + blocked > 0 THEN down + blocked ELSE degraded END ORDER BY date.day)
                    FILTER (WHERE down + blocked + degraded > 0), '{{}}'),
           coalesce(sum(up), 0), coalesce(sum(degraded), 0), coalesce(sum(down), 0), coalesce(sum(blocked), 0)
    FROM (SELECT %(today)s::date - back AS day FROM generate_series(0, {DAYS - 1}) back) date
         LEFT JOIN {DaySummary._meta.db_table} summary
             ON summary.check_record_id = asked.id AND summary.day = date.day AND summary.day > %(today)s::date - {DAYS}
) past
"""
RUN = re.compile("s+|u+|d|w")  # days without trouble join, so that a long list of sites stays a short page
TONE = {tone[0]: tone for tone in ("success", "unknown", "danger", "warning")}


@dataclass(frozen=True, slots=True)
class Run:
    """Days in a row that look alike: how many, their tone, and what to say of them."""

    length: int
    tone: str
    said: str


@dataclass(frozen=True, slots=True)
class Past:
    """A check's 90 days up to today, the oldest first, and the uptime of all of it as people read it (`99.92 %`)."""

    runs: list[Run]
    percent: str


def history(check_ids: Sequence[int], now: dt.datetime) -> dict[int, Past]:
    """The past of each check that is asked for, one query."""
    dates = _dates(now)
    with connection.cursor() as cursor:
        cursor.execute(PAST, {"checks": list(check_ids), "today": timezone.localtime(now).date()})
        return {pk: _past(dates, *rest) for pk, *rest in cursor.fetchall()}


def unseen(now: dt.datetime) -> Past:
    """The past of what nobody looked at."""
    return _past(_dates(now), "u" * DAYS, (), 0, 0, 0, 0)


def percent(found: Uptime) -> str:
    return f"{found.percent:.2f} %" if found.percent is not None else "–"


def _dates(now: dt.datetime) -> list[str]:
    """The 90 days up to today as people say them (`3 May`), the oldest first."""
    today = timezone.localtime(now).date()
    days = [today - dt.timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    return [f"{day.day} {day:%b}" for day in days]


def _past(
    dates: Sequence[str],
    days: str,
    bad: Sequence[float],
    up: float,
    degraded: float,
    down: float,
    blocked: float,
) -> Past:
    seconds = {"up": up, "degraded": degraded, "down": down, "blocked": blocked}
    return Past(_runs(dates, days, iter(bad)), percent(uptime(seconds, dt.timedelta(days=DAYS))))


def _runs(dates: Sequence[str], days: str, bad: Iterator[float]) -> list[Run]:
    """`days` are letters of tones; `bad` are the seconds of each bad one among them."""
    found = []
    for run in RUN.finditer(days):
        first, after = run.span()
        tone = TONE[days[first]]
        when = dates[first] if after == first + 1 else f"{dates[first]} to {dates[after - 1]}"
        found.append(Run(after - first, tone, f"{when}: {_said(tone, bad)}"))
    return found


def _said(tone: str, bad: Iterator[float]) -> str:
    match tone:
        case "danger":
            return f"away for {words.duration(dt.timedelta(seconds=next(bad)))}"
        case "warning":
            return f"degraded for {words.duration(dt.timedelta(seconds=next(bad)))}"
        case "success":
            return "up"
        case _:
            return "not seen"
