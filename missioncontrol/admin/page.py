"""All that a task's page shows, gathered in a bounded number of queries."""

import json
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from alai.kernel.admin.base import principal
from missioncontrol import gates, mentions
from missioncontrol.admin import story, talk, verbs
from missioncontrol.models import Comment, Dependency, Evidence, Status, Task, TaskEvent

LONGEST_TIMELINE = 200
LONGEST_LIST = 50
THUMBNAIL_LIMIT = 5_000_000  # bytes; larger images are links
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
SLIM = ("id", "title", "status", "priority")


def task_with_all(task_id: int) -> Task | None:
    """The task with whether its lease lives and what it waits for."""
    waits_for = Dependency.objects.select_related("depends_on").order_by("depends_on_id")
    tasks = Task.objects.with_lease_state().select_related("parent")
    return tasks.prefetch_related(Prefetch("dependency_rows", waits_for)).filter(pk=task_id).first()


def context(request: HttpRequest, task: Task, *, may_change: bool, may_comment: bool) -> dict[str, Any]:
    waits_for = [row.depends_on for row in task.dependency_rows.all()]
    missing = [other.pk for other in waits_for if other.status != Status.DONE]
    live: bool = task.lease_live  # type: ignore[attr-defined]
    entries, more = _timeline(task, may_see_actors=request.user.has_perm("kernel.view_actor"))
    evidence = list(task.evidence.order_by("id"))
    return {
        "task": task,
        "badge": story.badge(task),
        "priority": story.priority(task),
        "standing": story.standing(task, live=live, waits_for=missing, now=timezone.now()),
        "live": live,
        "lease": task.lease,
        "waits_for": [_slim(other) for other in waits_for],
        "waited_for": [_slim(other) for other in _first(task.dependants.only(*SLIM).order_by("id"))],
        "children": [_slim(child) for child in _first(task.children.only(*SLIM, "parent_id").order_by("id"))],
        "pieces": [_piece(piece) for piece in evidence[:LONGEST_LIST]],
        "wanted": [] if task.is_closed else [one["missing"] for one in gates.missing("done", task, evidence)],
        "timeline": entries,
        "timeline_is_cut": more,
        "overdue": _overdue(task),
        "legacy": json.dumps(task.legacy, indent=2, ensure_ascii=False) if task.legacy else "",
        "verbs": _offered(request, task, may_change),
        "may_change": may_change,
        "may_comment": may_comment,
        "enforced": settings.MC_LEASE_ENFORCE,
    }


def _offered(request: HttpRequest, task: Task, may_change: bool) -> dict[str, verbs.Verb]:
    if not may_change:
        return {}
    found = verbs.offered(task, principal(request))
    return {name: verb for name, verb in found.items() if name not in verbs.TALK}


def _overdue(task: Task) -> timedelta | None:
    """How long the task is past its date; None when it is not."""
    if task.due_at is None or task.is_closed:
        return None
    late = timezone.now() - task.due_at
    return late if late > timedelta() else None


def _first[M: Model](rows: QuerySet[M]) -> list[M]:
    return list(rows[:LONGEST_LIST])


def _slim(task: Task) -> dict[str, Any]:
    return {"id": task.pk, "title": task.title, "url": story.task_url(task.pk), "badge": story.badge(task)}


def _piece(evidence: Evidence) -> dict[str, Any]:
    """A piece of evidence, and whether its picture can be shown."""
    stored = bool(evidence.file)
    small = (evidence.size or 0) <= THUMBNAIL_LIMIT
    return {
        "evidence": evidence,
        "stored": stored,
        "picture": stored and small and evidence.name.lower().endswith(IMAGES),
        "link": evidence.name if evidence.name.startswith(("https://", "http://")) else "",
    }


def _timeline(task: Task, *, may_see_actors: bool) -> tuple[list[story.Entry], bool]:
    """The latest entries, newest first, and whether there are older ones."""
    events = list(TaskEvent.objects.filter(task=task).order_by("-id")[: LONGEST_TIMELINE + 1])
    comments = list(Comment.objects.filter(task=task).order_by("-id")[: LONGEST_TIMELINE + 1])
    more = max(len(events), len(comments)) > LONGEST_TIMELINE
    shown = comments[:LONGEST_TIMELINE][::-1]
    said = partial(talk.said, known=mentions.known(comment.body for comment in shown), linked=may_see_actors)
    entries = story.timeline(events[:LONGEST_TIMELINE][::-1], shown, said)
    return entries, more
