"""The ledger in numbers for the sidebar and the home page: few queries, each bounded or served by an index."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from missioncontrol.admin import story
from missioncontrol.models import Status, Task, TaskEvent
from missioncontrol.querysets import LIVE_LEASE

COUNT_LIMIT = 10_000  # what is counted for a badge; beyond it stands "10,000+"
DAYS = 30

COUNTS = """
SELECT count(*) FILTER (WHERE status = 'open'), count(*) FILTER (WHERE status = 'in_progress'),
       count(*) FILTER (WHERE status = 'paused'), count(*) FILTER (WHERE status = 'blocked'),
       count(*) FILTER (WHERE status = 'ready'),
       count(*) FILTER (WHERE due_at < clock_timestamp()),
       count(*) FILTER (WHERE lease_actor <> '' AND lease_until > clock_timestamp())
FROM (SELECT status, due_at, lease_actor, lease_until FROM missioncontrol_task
      WHERE status IN ('open', 'in_progress', 'paused', 'blocked', 'ready') LIMIT %s) work
"""

FLOW = """
SELECT (SELECT count(*) FROM missioncontrol_task WHERE created_at >= %(since)s),
       (SELECT count(*) FROM missioncontrol_task WHERE completed_at >= %(since)s AND status = 'done'),
       (SELECT count(*) FROM missioncontrol_task WHERE completed_at >= %(today)s AND status = 'done'),
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY completed_at - created_at)
        FROM missioncontrol_task WHERE completed_at >= %(month)s AND status = 'done')
"""

SINCE = """
SELECT (SELECT count(*) FROM missioncontrol_task WHERE completed_at >= %(since)s AND status = 'done'),
       (SELECT count(*) FROM missioncontrol_task WHERE created_at >= %(since)s),
       (SELECT count(*) FROM (SELECT FROM missioncontrol_taskevent
                              WHERE at >= %(since)s AND kind = 'lease_expired' LIMIT 1000) expired)
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tasks are not closed, by status; `capped` when there are more than were counted."""

    open: int
    in_progress: int
    paused: int
    blocked: int
    ready: int
    overdue: int
    held: int

    @property
    def not_closed(self) -> int:
        return self.open + self.in_progress + self.paused + self.blocked + self.ready

    def shown(self, count: int) -> str:
        return f"{count:,}+" if self.not_closed >= COUNT_LIMIT and count else f"{count:,}"


@dataclass(frozen=True, slots=True)
class Flow:
    created_24h: int
    done_24h: int
    done_today: int
    median: dt.timedelta | None
    oldest: Task | None


def counts() -> Counts:
    return Counts(*_row(COUNTS, [COUNT_LIMIT]))


def flow() -> Flow:
    now = timezone.now()
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    times = {"since": now - dt.timedelta(hours=24), "today": today, "month": now - dt.timedelta(days=DAYS)}
    oldest = Task.objects.filter(status=Status.OPEN).only("id", "title", "created_at").order_by("created_at")
    created, done, today_done, median = _row(FLOW, times)
    return Flow(created, done, today_done, median, oldest.first())


def since(moment: dt.datetime) -> dict[str, int]:
    """What happened since then: `done`, `created`, `expired` leases (at most 1,000 counted)."""
    done, created, expired = _row(SINCE, {"since": moment})
    return {"done": done, "created": created, "expired": expired}


def held_now(limit: int) -> list[Task]:
    """The tasks with a live lease, the one that ends first at the front."""
    leased = Task.objects.filter(~Q(lease_actor=""), LIVE_LEASE)
    return list(leased.defer("description", "legacy").order_by("lease_until", "id")[:limit])


def opened_and_done() -> list[tuple[dt.date, int, int]]:
    """For each of the last 30 days: the day, how many tasks were opened, how many done."""
    today = timezone.localdate()
    days = [today - dt.timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    start = timezone.make_aware(dt.datetime.combine(days[0], dt.time()))
    opened = _by_day(Task.objects.filter(created_at__gte=start), "created_at")
    done = _by_day(Task.objects.filter(completed_at__gte=start, status=Status.DONE), "completed_at")
    return [(day, opened.get(day, 0), done.get(day, 0)) for day in days]


def latest_events(limit: int) -> list[TaskEvent]:
    """What happened last, without the routine of leases being prolonged."""
    events = TaskEvent.objects.exclude(kind__in=story.ROUTINE).select_related("task").order_by("-id")
    return list(events.defer("task__description", "task__legacy")[:limit])


def is_empty() -> bool:
    return not Task.objects.exists()


def _by_day(tasks: QuerySet[Task], column: str) -> dict[dt.date, int]:
    by_day = tasks.order_by().annotate(day=TruncDate(column)).values_list("day").annotate(Count("pk"))
    return dict(by_day)


def _row(sql: str, params: Any) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
