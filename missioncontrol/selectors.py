"""Reads that are more than one query set: the filtered list, statistics, a task's events."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Min
from django.db.models.functions import Lower
from django.utils import timezone

from alai.kernel import pagination
from alai.kernel.errors import Invalid
from alai.kernel.pagination import Page
from alai.kernel.principals import Principal
from alai.kernel.shapes import in_utc
from missioncontrol import mentions, tally
from missioncontrol.models import Priority, SavedView, Status, Task, TaskEvent
from missioncontrol.querysets import TaskQuerySet

SHOWN_VIEWS = 50  # own ones, and as many of others


@dataclass(frozen=True, slots=True)
class TaskFilters:
    """What a list shows. Sequences mean any of; None means no filter."""

    statuses: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    mentioned: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)
    claimed: bool | None = None
    overdue: bool | None = None
    parent_id: int | None = None
    words: str = ""
    updated_since: str = ""


@dataclass(frozen=True, slots=True)
class TaskPage(Page[Task]):
    """`position` is where `updated_since` goes on later, once nothing more is there now."""

    position: str | None = None


def list_tasks(by: Principal, filters: TaskFilters, *, limit: int, cursor: str | None) -> TaskPage:
    """A page of tasks: newest first; by rank for `words`; in order of change for `updated_since`."""
    tasks = filtered(by, filters)
    if filters.updated_since:
        return _changed_since(tasks, filters.updated_since, limit=limit, cursor=cursor)
    if filters.words:
        return TaskPage(list(tasks.matching(filters.words, limit=limit)), None)
    page = pagination.by_id(tasks, limit=limit, cursor=cursor)
    return TaskPage(page.items, page.next_cursor)


def filtered(by: Principal, filters: TaskFilters) -> TaskQuerySet:
    tasks = Task.objects.for_display().for_teams(list(by.teams))
    conditions = {
        "status__in": filters.statuses,
        "team__in": filters.teams,
        "owner__in": filters.owners,
        "source__in": filters.sources,
        "tags__contains": filters.tags,
        "priority__in": filters.priorities,
        "parent_id": filters.parent_id,
    }
    tasks = tasks.filter(**{name: value for name, value in conditions.items() if value not in ([], None)})
    if filters.mentioned:
        tasks = tasks.filter(pk__in=mentions.tasks_that_mention(filters.mentioned))
    if filters.claimed is not None:
        tasks = tasks.claimed(filters.claimed)
    if filters.overdue:
        tasks = tasks.overdue()
    return tasks


def _changed_since(tasks: TaskQuerySet, since: str, *, limit: int, cursor: str | None) -> TaskPage:
    """Tasks with events after a commit-safe position, in the order of those events.

    `since` is an ISO time to begin with, or the `position` that an earlier answer ended on. Events of
    transactions still under way are left for later, so that none is ever passed over. A task that changes
    again appears again.
    """
    feed = pagination.committed_after(
        TaskEvent.objects.only("task_id", "xid"), _position(cursor or since), limit=limit
    )
    wanted = dict.fromkeys(event.task_id for event in feed.items)
    found = {task.pk: task for task in tasks.filter(pk__in=wanted)}
    position = pagination.encode(*feed.position)
    items = [found[task_id] for task_id in wanted if task_id in found]
    return TaskPage(items, position if feed.more else None, position)


def _position(since: str) -> tuple[int, int]:
    """The `(xid, id)` just before the first event of a time, or the one inside a cursor."""
    try:
        moment = dt.datetime.fromisoformat(since)
    except ValueError:
        return _position_inside(since)
    try:
        moment = in_utc(moment)
    except ValueError as error:
        raise Invalid(
            f"updated_since: {error}", errors=[{"loc": ["query", "updated_since"], "msg": str(error)}]
        ) from None
    return position_at(moment)


def _position_inside(text: str) -> tuple[int, int]:
    try:
        return pagination.decode_position(text)
    except Invalid as error:
        if error.code == "position_unknown":
            raise
        words = "neither a time in ISO 8601 nor the position of an earlier answer"
        errors = [{"loc": ["query", "updated_since"], "msg": words}]
        raise Invalid(f"updated_since is {words}.", errors=errors) from None


def position_at(moment: dt.datetime) -> tuple[int, int]:
    """The `(xid, id)` after which everything comes that happened since, and perhaps some that happened before."""
    # Not only from the first event that is visible: an earlier transaction may still be under way.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least(min(xid)::text::bigint, %s) FROM missioncontrol_taskevent WHERE at >= %s",
            [pagination.safe_xid(), moment],
        )
        first: tuple[Any, ...] = cursor.fetchone()
    return (int(first[0]), 0)


def list_events(task: Task, *, limit: int, cursor: str | None) -> Page[TaskEvent]:
    """The task's history, oldest first."""
    return pagination.by_id(task.events.all(), limit=limit, cursor=cursor, newest_first=False)


def saved_views(actor: str) -> list[SavedView]:
    """A person's own views, then what others share, each by name; at most 100."""
    views = SavedView.objects.order_by(Lower("name"), "id")
    theirs = views.filter(shared=True).exclude(owner=actor)
    return [*views.filter(owner=actor)[:SHOWN_VIEWS], *theirs[:SHOWN_VIEWS]]


def statistics(by: Principal) -> dict[str, Any]:
    """The ledger in numbers: exact, of tallies and of what an index finds in an hour or a day."""
    teams = list(by.teams)
    tasks = Task.objects.for_teams(teams)
    known = tally.by_team_and_status(teams)
    by_team: Counter[str] = Counter()
    for (team, _), n in sorted(known.items()):
        by_team[team] += n
    created, done = tally.created_and_done(timezone.now() - dt.timedelta(hours=24), teams)
    return {
        "created_24h": created,
        "done_24h": done,
        "total": by_team.total(),
        "by_status": tally.by_status(known),
        "by_team": dict(by_team),
        "claimed": tasks.claimed().count(),
        "overdue": tally.overdue(teams),
        "oldest_open_at": tasks.filter(status=Status.OPEN).aggregate(at=Min("created_at"))["at"],
    }
