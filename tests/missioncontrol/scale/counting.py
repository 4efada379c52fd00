"""The tallies beside a plain count of all tasks."""

import datetime as dt
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count
from django.db.models.functions import Now

from missioncontrol import tally
from missioncontrol.models import Task
from missioncontrol.querysets import NOT_CLOSED

FIRST_DAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=300)
ZONE = "Asia/Kathmandu"  # 5:45 from UTC: buckets must be finer than hours


def counted() -> dict[str, Any]:
    """What the tallies shall say, by looking at every task."""
    zone = ZoneInfo(ZONE)
    days: Counter[tuple[dt.date, str]] = Counter()
    tasks = Task.objects.order_by()
    for created, completed, status in tasks.values_list("created_at", "completed_at", "status"):
        days[created.astimezone(zone).date(), "created"] += 1
        if status == "done" and completed is not None:
            days[completed.astimezone(zone).date(), "done"] += 1
    return {
        "tasks": {
            (team, status): n
            for team, status, n in tasks.values_list("team", "status").annotate(n=Count("pk"))
        },
        "overdue": tasks.filter(NOT_CLOSED, due_at__lt=Now()).count(),
        "days": +days,
    }


def tallied() -> dict[str, Any]:
    dates = [FIRST_DAY + dt.timedelta(days=number) for number in range(400)]
    midnights = [dt.datetime.combine(day, dt.time(), ZoneInfo(ZONE)) for day in dates]
    days: Counter[tuple[dt.date, str]] = Counter()
    for day, (created, done) in zip(dates[:-1], tally.between(midnights), strict=True):
        days[day, "created"], days[day, "done"] = created, done
    return {"tasks": tally.by_team_and_status(), "overdue": tally.overdue(), "days": +days}


def rows() -> int:
    """How many rows the tallies have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM missioncontrol_tasktally) + (SELECT count(*) FROM missioncontrol_taskpace)"
        )
        return int((cursor.fetchone() or (0,))[0])
