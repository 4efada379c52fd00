"""The tallies beside a plain count of all tasks."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count
from django.db.models.functions import Now

from missioncontrol import tally
from missioncontrol.models import CLOSED, CostEntry, Task
from missioncontrol.querysets import NOT_CLOSED

FIRST_DAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=300)
COSTS = """
SELECT team, at AT TIME ZONE 'UTC', sum(amount_usd), sum(n)::int FROM missioncontrol_costtally
GROUP BY team, at HAVING sum(n) <> 0 OR sum(amount_usd) <> 0
"""
TEAMS = """
SELECT team, what, at, sum(n)::int FROM missioncontrol_teampace GROUP BY team, what, at HAVING sum(n) <> 0
"""
ZONE = "Asia/Kathmandu"  # 5:45 from UTC: buckets must be finer than hours


def counted() -> dict[str, Any]:
    """What the tallies shall say, by looking at every task."""
    zone = ZoneInfo(ZONE)
    days: Counter[tuple[dt.date, str]] = Counter()
    teams: Counter[tuple[str, str, dt.datetime]] = Counter()
    tasks = Task.objects.order_by()
    for team, created, completed, due, status in tasks.values_list(
        "team", "created_at", "completed_at", "due_at", "status"
    ):
        days[created.astimezone(zone).date(), "created"] += 1
        teams[team, "created", created.replace(minute=0, second=0, microsecond=0)] += 1
        if status in CLOSED and completed is not None:
            days[completed.astimezone(zone).date(), status] += 1
            teams[team, status, completed.replace(minute=0, second=0, microsecond=0)] += 1
        if status not in CLOSED and due is not None:
            teams[team, "due", due.replace(hour=0, minute=0, second=0, microsecond=0)] += 1
    return {
        "tasks": {
            (team, status): n
            for team, status, n in tasks.values_list("team", "status").annotate(n=Count("pk"))
        },
        "overdue": tasks.filter(NOT_CLOSED, due_at__lt=Now()).count(),
        "days": +days,
        "teams": dict(teams),
        "costs": spent(CostEntry.objects.order_by().values_list("task__team", "at", "amount_usd")),
    }


def spent(
    entries: Iterable[tuple[str, dt.datetime, Decimal]],
) -> dict[tuple[str, dt.date], tuple[Decimal, int]]:
    """How much, in how many entries, by team and day (UTC)."""
    found: dict[tuple[str, dt.date], tuple[Decimal, int]] = defaultdict(lambda: (Decimal(0), 0))
    for team, at, amount in entries:
        before, count = found[team, at.astimezone(dt.UTC).date()]
        found[team, at.astimezone(dt.UTC).date()] = (before + amount, count + 1)
    return dict(found)


def tallied() -> dict[str, Any]:
    dates = [FIRST_DAY + dt.timedelta(days=number) for number in range(400)]
    midnights = [dt.datetime.combine(day, dt.time(), ZoneInfo(ZONE)) for day in dates]
    days: Counter[tuple[dt.date, str]] = Counter()
    for day, pace in zip(dates[:-1], tally.between(midnights), strict=True):
        days |= {(day, what): getattr(pace, what) for what in ("created", "done", "cancelled")}
    with connection.cursor() as cursor:
        cursor.execute(COSTS)
        costs = {(team, at.date()): (amount, n) for team, at, amount, n in cursor.fetchall()}
        cursor.execute(TEAMS)
        teams = {(team, what, at): n for team, what, at, n in cursor.fetchall()}
    return {
        "tasks": tally.by_team_and_status(),
        "overdue": tally.overdue(),
        "days": +days,
        "teams": teams,
        "costs": costs,
    }


def rows() -> int:
    """How many rows the tallies have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM missioncontrol_tasktally) + (SELECT count(*) FROM missioncontrol_taskpace)"
            " + (SELECT count(*) FROM missioncontrol_teampace) + (SELECT count(*) FROM missioncontrol_costtally)"
        )
        return int((cursor.fetchone() or (0,))[0])
