"""What tasks cost: the one place that knows where costs are kept. The page reads `read` and nothing else.

Costs are entries (US dollars), each of the moment at which it was spent; a task's team is the one that it has now.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

DEAREST = 20

SPENT = """
    SELECT entry.task_id AS id, task.team, entry.amount_usd AS cost_usd, entry.at
    FROM missioncontrol_costentry entry JOIN missioncontrol_task task ON task.id = entry.task_id
    WHERE entry.at >= %(start)s {team}
"""
BY_MONTH = f"""
SELECT width_bucket(at, %(edges)s::timestamptz[]) AS slot, team, sum(cost_usd), count(DISTINCT id)
FROM ({SPENT}) spent GROUP BY slot, team ORDER BY slot, team
"""
BY_TASK = f"""
SELECT id, title, task.team, status, dear.cost_usd, dear.at
FROM (SELECT id, sum(cost_usd) AS cost_usd, max(at) AS at FROM ({SPENT}) spent
      GROUP BY id HAVING sum(cost_usd) > 0 ORDER BY sum(cost_usd) DESC, id LIMIT %(limit)s) dear
JOIN missioncontrol_task task USING (id) ORDER BY dear.cost_usd DESC, id
"""


@dataclass(frozen=True, slots=True)
class MonthCost:
    """What a team's tasks cost in a month (its first day); `team` is empty for tasks of none."""

    month: dt.date
    team: str
    cost: Decimal
    tasks: int


@dataclass(frozen=True, slots=True)
class TaskCost:
    """A task among the dearest of the period, and when its cost was counted."""

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
    params: dict[str, Any] = {"edges": edges, "start": edges[0], "team": team, "limit": DEAREST}
    narrow = "AND task.team = %(team)s" if team else ""
    with connection.cursor() as cursor:
        cursor.execute(BY_MONTH.format(team=narrow), params)
        rows = [
            MonthCost(firsts[slot - 1], name, cost, tasks) for slot, name, cost, tasks in cursor.fetchall()
        ]
        cursor.execute(BY_TASK.format(team=narrow), params)
        dearest = [TaskCost(*row) for row in cursor.fetchall()]
    return Costs(now, firsts, rows, dearest)


def _firsts(today: dt.date, months: int) -> list[dt.date]:
    """The first day of each of the last months, the earliest first."""
    numbers = [today.year * 12 + today.month - 1 - back for back in range(months - 1, -1, -1)]
    return [dt.date(number // 12, number % 12 + 1, 1) for number in numbers]
