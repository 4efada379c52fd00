"""How many tasks there are, exactly, without counting them: sums of what triggers wrote (migrations 0006 and 0007).

Whatever begins or ends within a bucket (a quarter of an hour; a day for due dates) is counted there by an index. Each
figure is one statement and thus of one moment.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from missioncontrol.models import Status

TASKS = "SELECT team, status, sum(n)::bigint FROM missioncontrol_tasktally GROUP BY team, status HAVING sum(n) <> 0"

# From `since` to the end of its quarter of an hour by the index, whole ones by the tally.
SINCE = """
WITH bound AS (SELECT %(since)s::timestamptz AS since,
               date_bin('15 minutes', %(since)s::timestamptz, '2000-01-01 00:00Z') + interval '15 minutes' AS whole)
SELECT (SELECT count(*) FROM missioncontrol_task WHERE created_at >= since AND created_at < whole)
           + (SELECT coalesce(sum(n), 0) FROM missioncontrol_taskpace WHERE what = 'created' AND at >= whole)::bigint,
       (SELECT count(*) FROM missioncontrol_task
        WHERE completed_at >= since AND completed_at < whole AND status = 'done')
           + (SELECT coalesce(sum(n), 0) FROM missioncontrol_taskpace WHERE what = 'done' AND at >= whole)::bigint
FROM bound
"""
OVERDUE = """
WITH bound AS (SELECT clock_timestamp() AS now,
               date_bin('1 day', clock_timestamp(), '2000-01-01 00:00Z') AS today)
SELECT (SELECT coalesce(sum(n), 0) FROM missioncontrol_taskpace WHERE what = 'due' AND at < today)::bigint
       + (SELECT count(*) FROM missioncontrol_task
          WHERE due_at >= today AND due_at < now AND NOT (status IN ('done', 'cancelled')))
FROM bound
"""
BETWEEN = """
SELECT width_bucket(at, %(edges)s::timestamptz[]) AS slot, what, sum(n)::bigint
FROM missioncontrol_taskpace
WHERE what IN ('created', 'done', 'cancelled') AND at >= %(first)s AND at < %(last)s GROUP BY slot, what
"""


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


def created_and_done(since: dt.datetime) -> tuple[int, int]:
    """How many tasks were created, and how many done, since then."""
    created, done = _rows(SINCE, {"since": since})[0]
    return created, done


def overdue() -> int:
    """How many tasks are past their date and not closed."""
    return int(_rows(OVERDUE)[0][0])


def between(edges: Sequence[dt.datetime]) -> list[Pace]:
    """From each moment to the next. For quarters of an hour alone, as all midnights are, wherever one lives."""
    known = _rows(BETWEEN, {"edges": list(edges), "first": edges[0], "last": edges[-1]})
    counts = {(slot, what): n for slot, what, n in known}
    slots = range(1, len(edges))
    return [
        Pace(*(counts.get((slot, what), 0) for what in ("created", "done", "cancelled"))) for slot in slots
    ]


def _rows(sql: str, params: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
