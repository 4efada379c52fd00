"""The ledger in numbers for the sidebar and the home page: few queries, each bounded or served by an index."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from missioncontrol import tally
from missioncontrol.admin import story
from missioncontrol.models import CLOSED, UNFINISHED, Status, Task, TaskEvent
from missioncontrol.narrowing import ALL, LEFT

COUNT_LIMIT = 10_000  # what is counted one by one for a badge
NOT_CLOSED = [status for status in Status.values if status not in CLOSED]
DAYS = 30
RECENT = 500  # of the tasks done last, the median is taken

HELD = """
SELECT count(*) FROM (SELECT FROM missioncontrol_task
                      WHERE lease_actor <> '' AND lease_until > clock_timestamp() LIMIT %s) held
"""
MEDIAN = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY completed_at - created_at)
FROM (SELECT completed_at, created_at FROM missioncontrol_task WHERE completed_at >= %s AND status = 'done'
      ORDER BY completed_at DESC LIMIT %s) latest
"""
EXPIRED = """
SELECT count(*) FROM (SELECT FROM missioncontrol_taskevent WHERE at >= %s AND kind = 'lease_expired' LIMIT 1000) expired
"""


@dataclass(frozen=True)
class Counts:
    """How many tasks each team has in each status, how many are past their date, and held by a live lease."""

    tasks: dict[tuple[str, str], int]
    overdue: int
    held: int

    @cached_property
    def by_status(self) -> dict[str, int]:
        return tally.by_status(self.tasks)

    @property
    def open(self) -> int:
        return self.by_status[Status.OPEN]

    @property
    def in_progress(self) -> int:
        return self.by_status[Status.IN_PROGRESS]

    @property
    def paused(self) -> int:
        return self.by_status[Status.PAUSED]

    @property
    def blocked(self) -> int:
        return self.by_status[Status.BLOCKED]

    @property
    def ready(self) -> int:
        return self.by_status[Status.READY]

    @property
    def done(self) -> int:
        return self.by_status[Status.DONE]

    @property
    def all(self) -> int:
        return sum(self.by_status.values())

    @property
    def not_closed(self) -> int:
        return self.open + self.in_progress + self.paused + self.blocked + self.ready

    def of(self, asked: Mapping[str, object]) -> int | None:
        """How many tasks a list shows whose address asks for this; None when that must be counted."""
        if asked in ({"claimed": "yes"}, {"due": "overdue"}):
            return self.held if "claimed" in asked else self.overdue
        if not asked.keys() <= {"status", "team"}:
            return None
        status, team = str(asked.get("status", "")), str(asked.get("team", ""))
        groups = {ALL: Status.values, LEFT: UNFINISHED, **{one: [one] for one in Status.values}}
        statuses = groups.get(status, NOT_CLOSED)
        return sum(
            n
            for (of_team, in_status), n in self.tasks.items()
            if in_status in statuses and (not team or of_team == ("" if team == "-" else team))
        )

    def shown(self, count: int) -> str:
        return f"{count:,}"


@dataclass(frozen=True, slots=True)
class Flow:
    created_24h: int
    done_24h: int
    done_today: int
    median: dt.timedelta | None
    oldest: Task | None


def counts() -> Counts:
    """Exact, whatever the size: of the tallies, and of the few tasks that are leased."""
    return Counts(tally.by_team_and_status(), tally.overdue(), _row(HELD, [COUNT_LIMIT])[0])


def counts_for(request: HttpRequest) -> Counts:
    """The same, read once for all that a page shows of them."""
    known: Counts | None = getattr(request, "_task_counts", None)
    if known is None:
        known = request._task_counts = counts()  # type: ignore[attr-defined]
    return known


def flow() -> Flow:
    now = timezone.now()
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    created, done = tally.created_and_done(now - dt.timedelta(hours=24))
    _, done_today = tally.created_and_done(today)
    (median,) = _row(MEDIAN, [now - dt.timedelta(days=DAYS), RECENT])
    oldest = Task.objects.filter(status=Status.OPEN).only("id", "title", "created_at").order_by("created_at")
    return Flow(created, done, done_today, median, oldest.first())


def since(moment: dt.datetime) -> dict[str, int]:
    """What happened since then: `done`, `created`, `expired` leases (at most 1,000 counted)."""
    created, done = tally.created_and_done(moment)
    return {"done": done, "created": created, "expired": _row(EXPIRED, [moment])[0]}


def held_now(limit: int) -> list[Task]:
    """The tasks with a live lease, the one that ends first at the front."""
    leased = Task.objects.claimed()
    return list(leased.defer("description", "legacy").order_by("lease_until", "id")[:limit])


def opened_and_done() -> list[tuple[dt.date, int, int]]:
    """For each of the last 30 days: the day, how many tasks were opened, how many done."""
    today = timezone.localdate()
    days = [
        today - dt.timedelta(days=back) for back in range(DAYS - 1, -2, -1)
    ]  # and tomorrow, where today ends
    midnights = [timezone.make_aware(dt.datetime.combine(day, dt.time())) for day in days]
    paces = zip(days[:-1], tally.between(midnights), strict=True)
    return [(day, pace.created, pace.done) for day, pace in paces]


def latest_events(limit: int) -> list[TaskEvent]:
    """What happened last, without the routine of leases being prolonged."""
    events = TaskEvent.objects.exclude(kind__in=story.ROUTINE).select_related("task").order_by("-id")
    return list(events.defer("task__description", "task__legacy")[:limit])


def is_empty() -> bool:
    return not Task.objects.exists()


def _row(sql: str, params: Any = None) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
