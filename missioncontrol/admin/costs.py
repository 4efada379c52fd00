"""What tasks cost, for the page of costs: it reads `read` and nothing else.

Costs are entries (US dollars), each of the moment at which it was spent; a task's team is the one that it has now.
The dearest tasks of a period with few entries are found by adding these
up, else among the tasks that cost most in all: outside of a period no task costs less than nothing, unless somebody
dates a correction before what it corrects.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from missioncontrol import costs

DEAREST = 20
FEW = 2_000  # entries, that are added up one by one
BATCH, MOST = 200, 5_000  # of the tasks that cost most in all: so many at a time, and so many at most

OF_FEW = """
SELECT id, title, task.team, status, dear.cost_usd, dear.at
FROM (SELECT entry.task_id AS id, sum(entry.amount_usd) AS cost_usd, max(entry.at) AS at
      FROM missioncontrol_costentry entry JOIN missioncontrol_task task ON task.id = entry.task_id
      WHERE entry.at >= %(start)s {team}
      GROUP BY entry.task_id HAVING sum(entry.amount_usd) > 0
      ORDER BY sum(entry.amount_usd) DESC, entry.task_id LIMIT %(limit)s) dear
JOIN missioncontrol_task task USING (id) ORDER BY dear.cost_usd DESC, id
"""
OF_MANY = """
SELECT id, title, team, status, spent.cost_usd, spent.at, task.cost_usd
FROM (SELECT id, title, team, status, cost_usd FROM missioncontrol_task task
      WHERE cost_usd > 0 AND (cost_usd, id) < (%(below)s::numeric, %(before)s::bigint) {team}
      ORDER BY cost_usd DESC, id DESC LIMIT %(batch)s) task,
LATERAL (SELECT sum(amount_usd) AS cost_usd, max(at) AS at FROM missioncontrol_costentry
         WHERE task_id = task.id AND at >= %(start)s) spent
ORDER BY task.cost_usd DESC, id DESC
"""


@dataclass(frozen=True, slots=True)
class MonthCost:
    """What a team's tasks cost in a month (its first day), in so many entries; `team` is empty for tasks of none."""

    month: dt.date
    team: str
    cost: Decimal
    entries: int


@dataclass(frozen=True, slots=True)
class TaskCost:
    """A task among the dearest of the period, what it cost in it, and when it did so last."""

    task_id: int
    title: str
    team: str
    status: str
    cost: Decimal
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Costs:
    """The months from the first to this one, what each team's tasks cost in them, and the dearest tasks."""

    at: dt.datetime
    months: Sequence[dt.date]
    rows: Sequence[MonthCost]
    dearest: Sequence[TaskCost]


def read(months: int, team: str = "") -> Costs:
    """The costs of the last `months` months with the present one, of one team or of all."""
    now = timezone.now()
    firsts = _firsts(timezone.localdate(now), months)
    edges = [timezone.make_aware(dt.datetime.combine(first, dt.time())) for first in firsts]
    rows = [
        MonthCost(firsts[one.slot], one.team, one.amount_usd, one.entries) for one in costs.between(edges)
    ]
    few = sum(row.entries for row in rows) <= FEW
    dearest = (_of_few if few else _of_many)(edges[0], team)
    return Costs(now, firsts, [row for row in rows if not team or row.team == team], dearest)


def _of_few(start: dt.datetime, team: str) -> list[TaskCost]:
    sql = OF_FEW.format(team="AND task.team = %(team)s" if team else "")
    return [TaskCost(*row) for row in _rows(sql, {"start": start, "team": team, "limit": DEAREST})]


def _of_many(start: dt.datetime, team: str) -> list[TaskCost]:
    """Down the tasks by their whole cost, until what is left cannot cost more in the period than what was found."""
    found: list[TaskCost] = []
    for batch in _batches(start, team):
        found += [TaskCost(*row) for *row, _ in batch if row[4] is not None and row[4] > 0]
        found = sorted(found, key=lambda task: (-task.cost, task.task_id))[:DEAREST]
        least_in_all: Decimal = batch[-1][-1]
        if len(found) == DEAREST and found[-1].cost >= least_in_all:
            break
    return found


def _batches(start: dt.datetime, team: str) -> Iterator[list[tuple[Any, ...]]]:
    """The tasks that cost most in all, the dearest first: with what they cost since then, and in all."""
    sql = OF_MANY.format(team="AND team = %(team)s" if team else "")
    below, before = Decimal("Infinity"), 0
    for _ in range(MOST // BATCH):
        params = {"start": start, "team": team, "batch": BATCH, "below": below, "before": before}
        rows = _rows(sql, params)
        if not rows:
            return
        yield rows
        below, before = rows[-1][-1], rows[-1][0]


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _firsts(today: dt.date, months: int) -> list[dt.date]:
    """The first day of each of the last months, the earliest first."""
    numbers = [today.year * 12 + today.month - 1 - back for back in range(months - 1, -1, -1)]
    return [dt.date(number // 12, number % 12 + 1, 1) for number in numbers]
