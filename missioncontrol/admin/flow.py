"""How work flows: what came and what got done, how long it took, what has been lying about.

What came and went is known from the tallies. When work began is read from events, looked up one by one for a bounded
number of tasks a week or status.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from django.db import connection
from django.utils import timezone

from missioncontrol import tally
from missioncontrol.models import CLOSED, Status

PERIODS = (30, 90, 180, 365)  # days
USUAL_PERIOD = 90
SAMPLE = 100  # of a week's done tasks, the last ones: their events are looked up; of many weeks fewer each
LOOKED_UP = 2_000  # tasks at most
OLDEST = 100  # of each status
BEGUN = "kind IN ('claimed', 'in_progress')"  # in the words of an index: the events by which work begins
WAITING = (Status.IN_PROGRESS, Status.READY, Status.BLOCKED, Status.PAUSED)

Spread = tuple[dt.timedelta, dt.timedelta]  # half of them within, 85 of 100 within

TEAM = "AND team = %(team)s"
DURATIONS = f"""
SELECT slot, count(*), count(begun),
       percentile_cont(ARRAY[0.5, 0.85]) WITHIN GROUP (ORDER BY done - begun),
       percentile_cont(ARRAY[0.5, 0.85]) WITHIN GROUP (ORDER BY done - opened)
FROM (
    SELECT week.slot, task.created_at AS opened, task.completed_at AS done, (
        SELECT min(at) FROM missioncontrol_taskevent
        WHERE task_id = task.id AND {BEGUN} AND at <= task.completed_at) AS begun
    FROM unnest(%(starts)s::timestamptz[], %(stops)s::timestamptz[]) WITH ORDINALITY AS week(start, stop, slot)
    CROSS JOIN LATERAL (
        SELECT id, created_at, completed_at FROM missioncontrol_task
        WHERE completed_at >= week.start AND completed_at < week.stop AND status = 'done' {{team}}
        ORDER BY completed_at DESC LIMIT %(sample)s) task
) finished
GROUP BY GROUPING SETS ((slot), ()) ORDER BY slot NULLS FIRST
"""
# The oldest of a status. Of a single team: all of it are read in the board's index, for to find them in the order of
# their ids would be to step over all that is done.
OLDEST_OF_ALL = "SELECT id FROM missioncontrol_task WHERE status = wanted.status ORDER BY id LIMIT %(oldest)s"
OLDEST_IN_TEAM = """
SELECT id FROM (SELECT id FROM missioncontrol_task WHERE status = wanted.status
                AND NOT (status IN ('done', 'cancelled')) AND team = %(team)s OFFSET 0) theirs
ORDER BY id LIMIT %(oldest)s
"""
LYING = f"""
SELECT task.id, task.title, task.status, task.team, task.owner, coalesce(begun.at, task.created_at) AS since,
       begun.at IS NOT NULL AS begun
FROM unnest(%(statuses)s::text[]) AS wanted(status)
CROSS JOIN LATERAL ({{oldest}}) oldest
JOIN missioncontrol_task task ON task.id = oldest.id
CROSS JOIN LATERAL (
    SELECT min(at) AS at FROM missioncontrol_taskevent WHERE task_id = task.id AND {BEGUN}) begun
ORDER BY since, id
"""
LAST_DONE = "SELECT max(completed_at) FROM missioncontrol_task WHERE completed_at IS NOT NULL {team}"


@dataclass(frozen=True, slots=True)
class Day:
    """What a day brought; `left` is what was not closed at its end."""

    day: dt.date
    opened: int
    done: int
    cancelled: int
    left: int


@dataclass(frozen=True, slots=True)
class Took:
    """How long tasks took: `cycle` from the beginning of work, which `known` of them tell, `lead` from opening."""

    tasks: int
    known: int
    cycle: Spread | None
    lead: Spread | None


@dataclass(frozen=True, slots=True)
class Week:
    """A week from its Monday; `whole` says that all of it lies inside the period."""

    monday: dt.date
    done: int
    whole: bool
    took: Took


@dataclass(frozen=True, slots=True)
class Lying:
    """A task that is begun and not done. `since`: when work began, or when it was opened if nobody knows."""

    task_id: int
    title: str
    status: str
    team: str
    owner: str
    since: dt.datetime
    begun: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """Everything that the page shows, as of `at`. `standing` is what was not closed when the period began."""

    at: dt.datetime
    days: Sequence[Day]
    standing: int
    left: int
    weeks: Sequence[Week]
    took: Took
    lying: Sequence[Lying]
    last_done: dt.datetime | None


def read(period: int, team: str = "") -> Flow:
    """The last `period` days to now, of one team or of all."""
    now = timezone.now()
    today = timezone.localdate(now)
    dates = [today - dt.timedelta(days=back) for back in range(period - 1, -1, -1)]
    midnights = [_midnight(date) for date in [*dates, today + dt.timedelta(days=1)]]
    paces = tally.between(midnights, team)
    known = tally.by_team_and_status([team] if team else [])
    left = sum(count for (_, status), count in known.items() if status not in CLOSED)
    more = [pace.created - pace.done - pace.cancelled for pace in paces]
    # Backwards from what is there now: what was there when the period began.
    standing = left - sum(more)
    lefts = list(accumulate(more, initial=standing))[1:]
    days = [
        Day(date, pace.created, pace.done, pace.cancelled, max(0, at_end))
        for date, pace, at_end in zip(dates, paces, lefts, strict=True)
    ]
    weeks, took = _weeks(days, now, team)
    ((last_done,),) = _rows(LAST_DONE, team, {"team": team})
    return Flow(
        at=now,
        days=days,
        standing=max(0, standing),
        left=left,
        weeks=weeks,
        took=took,
        lying=_lying(team),
        last_done=last_done,
    )


def _weeks(days: Sequence[Day], now: dt.datetime, team: str) -> tuple[list[Week], Took]:
    """The weeks that the days lie in, and how long the tasks of all of them together took."""
    done: dict[dt.date, int] = {}
    for day in days:
        monday = day.day - dt.timedelta(days=day.day.weekday())
        done[monday] = done.get(monday, 0) + day.done
    mondays = list(done)
    starts = [max(_midnight(monday), _midnight(days[0].day)) for monday in mondays]
    stops = [min(_midnight(monday + dt.timedelta(days=7)), now) for monday in mondays]
    within = {
        "starts": starts,
        "stops": stops,
        "sample": sample(len(mondays)),
        "team": team,
    }
    took = {slot: _took(*row) for slot, *row in _rows(DURATIONS, team, within)}
    whole = [
        monday >= days[0].day and monday + dt.timedelta(days=7) <= timezone.localdate(now)
        for monday in mondays
    ]
    weeks = [
        Week(monday, done[monday], is_whole, took.get(slot, NOTHING))
        for slot, (monday, is_whole) in enumerate(zip(mondays, whole, strict=True), start=1)
    ]
    return weeks, took.get(None, NOTHING)


def sample(weeks: int) -> int:
    """How many tasks of a week are measured, when there are so many weeks."""
    return min(SAMPLE, LOOKED_UP // weeks)


def _lying(team: str) -> list[Lying]:
    within = {"statuses": list(WAITING), "oldest": OLDEST, "team": team}
    sql = LYING.format(oldest=OLDEST_IN_TEAM if team else OLDEST_OF_ALL)
    return [Lying(*row) for row in _rows(sql, team, within)]


def _took(tasks: int, known: int, cycle: Any, lead: Any) -> Took:
    return Took(tasks, known, tuple(cycle) if known else None, tuple(lead) if tasks else None)


NOTHING = Took(0, 0, None, None)


def _midnight(date: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(date, dt.time()))


def _rows(sql: str, team: str, params: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql.format(team=TEAM if team else ""), params)
        rows: list[Any] = cursor.fetchall()
    return rows
