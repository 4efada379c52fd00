"""How many tasks there are, exactly, without counting them: sums of what triggers wrote (migrations 0006 to 0008).

Whatever begins or ends within a bucket (a quarter of an hour, an hour of single teams; a day for due dates) is counted
there by an index. Each figure is one statement and thus of one moment.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from missioncontrol.models import Status

TASKS = "SELECT team, status, sum(n)::bigint FROM missioncontrol_tasktally GROUP BY team, status HAVING sum(n) <> 0"

# From `since` to the end of its bucket by the index, whole buckets by the tally: of all teams or of some.
SINCE = """
WITH bound AS (SELECT %(since)s::timestamptz AS since,
               date_bin('{width}', %(since)s::timestamptz, '2000-01-01 00:00Z') + interval '{width}' AS whole)
SELECT (SELECT count(*) FROM missioncontrol_task WHERE created_at >= since AND created_at < whole {theirs})
           + (SELECT coalesce(sum(n), 0) FROM {pace} WHERE what = 'created' AND at >= whole {theirs})::bigint,
       (SELECT count(*) FROM missioncontrol_task
        WHERE completed_at >= since AND completed_at < whole AND status = 'done' {theirs})
           + (SELECT coalesce(sum(n), 0) FROM {pace} WHERE what = 'done' AND at >= whole {theirs})::bigint
FROM bound
"""
OVERDUE = """
WITH bound AS (SELECT clock_timestamp() AS now,
               date_bin('1 day', clock_timestamp(), '2000-01-01 00:00Z') AS today)
SELECT (SELECT coalesce(sum(n), 0) FROM {pace} WHERE what = 'due' AND at < today {theirs})::bigint
       + (SELECT count(*) FROM missioncontrol_task
          WHERE due_at >= today AND due_at < now AND NOT (status IN ('done', 'cancelled')) {theirs})
FROM bound
"""
BETWEEN = """
SELECT width_bucket(at, %(edges)s::timestamptz[]) AS slot, what, sum(n)::bigint
FROM {pace}
WHERE what IN ('created', 'done', 'cancelled') AND at >= %(first)s AND at < %(last)s {theirs} GROUP BY slot, what
"""
OF_ALL = {"pace": "missioncontrol_taskpace", "width": "15 minutes", "theirs": ""}
OF_TEAMS = {"pace": "missioncontrol_teampace", "width": "1 hour", "theirs": "AND team = ANY(%(teams)s)"}


@dataclass(frozen=True, slots=True)
class Pace:
    """How many tasks were created in a while, done and still are, cancelled and still are."""

    created: int
    done: int
    cancelled: int


def by_team_and_status(teams: Sequence[str] = ()) -> dict[tuple[str, str], int]:
    """How many tasks each team has in each status; of these teams only, if some are named."""
    found = {(team, status): n for team, status, n in _rows(TASKS)}
    return {key: n for key, n in found.items() if key[0] in teams} if teams else found


def by_status(known: Mapping[tuple[str, str], int] | None = None) -> dict[str, int]:
    """How many tasks are in each status, all of them or the known ones; every status is there."""
    total: Counter[str] = Counter()
    for (_, status), n in (by_team_and_status() if known is None else known).items():
        total[status] += n
    return {status: total[status] for status in Status.values}


def created_and_done(since: dt.datetime, teams: Sequence[str] = ()) -> tuple[int, int]:
    """How many tasks were created, and how many done, since then; of these teams only, if some are named."""
    ((created, done),) = _paced(SINCE, teams, since=since)
    return created, done


def overdue(teams: Sequence[str] = ()) -> int:
    """How many tasks are past their date and not closed; of these teams only, if some are named."""
    ((late,),) = _paced(OVERDUE, teams)
    return int(late)


def between(edges: Sequence[dt.datetime], team: str = "") -> list[Pace]:
    """From each moment to the next. For quarters of an hour alone, as all midnights are, wherever one lives; of one
    team for hours, each counted where it begins."""
    teams = [team] if team else []
    known = _paced(BETWEEN, teams, edges=list(edges), first=edges[0], last=edges[-1])
    counts = {(slot, what): n for slot, what, n in known}
    slots = range(1, len(edges))
    return [
        Pace(*(counts.get((slot, what), 0) for what in ("created", "done", "cancelled"))) for slot in slots
    ]


def _paced(sql: str, teams: Sequence[str], **params: Any) -> list[tuple[Any, ...]]:
    return _rows(sql.format(**(OF_TEAMS if teams else OF_ALL)), {"teams": list(teams), **params})


def _rows(sql: str, params: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
