"""What in the ledger needs a person."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from alai.kernel import needs, words
from alai.kernel.admin.base import principal
from alai.kernel.needs import NOTHING, SHOWN, Action, Found, Need
from alai.kernel.principals import Principal
from missioncontrol import mentions, narrowing
from missioncontrol.admin import story
from missioncontrol.models import UNFINISHED, Comment, Priority, Status, Task
from missioncontrol.narrowing import LEFT, PRESSING

EXCERPT = 120  # of a comment
SWEPT_WITHIN = timedelta(minutes=5)  # beat sweeps each minute; later than this, it does not


def _found(
    request: HttpRequest, tasks: QuerySet[Task], tell: Callable[..., Need], query: str, more: str
) -> Found:
    """The first few of the tasks as needs, and how many there are, counted up to a limit."""
    if not request.user.has_perm("missioncontrol.view_task"):
        return NOTHING
    rows = list(tasks.defer("description", "legacy")[:SHOWN])
    total = len(rows) if len(rows) < SHOWN else tasks.order_by().values("pk")[: needs.COUNT_LIMIT].count()
    by = principal(request) if request.user.has_perm("missioncontrol.change_task") else None
    url = reverse("admin:missioncontrol_task_changelist") + query
    return Found([tell(task, by) for task in rows], total, url, more)


def _need(task: Task, tag: str, tone: Any, sentence: str, actions: Sequence[Action], **extra: Any) -> Need:
    meta = " · ".join(filter(None, [task.team, task.owner and f"owner {task.owner}", extra.pop("meta", "")]))
    return Need(
        tag, tone, sentence, subject=f"#{task.pk} {task.title}", meta=meta, url=story.task_url(task.pk),
        actions=[*actions, Action("Open", story.task_url(task.pk), primary=not actions)], **extra,
    )  # fmt: skip


def _act(task: Task, verb: str, label: str, by: Principal | None, **extra: Any) -> list[Action]:
    url = reverse("admin:missioncontrol_task_act", args=[task.pk, verb])
    return [Action(label, url, post=True, fields={"back": "home"}, **extra)] if by else []


def acceptance(request: HttpRequest) -> Found:
    tasks = Task.objects.filter(status=Status.READY).order_by("-priority", "updated_at")

    def tell(task: Task, by: Principal | None) -> Need:
        accept = _act(task, "accept", "Accept", by, primary=True)
        since = words.duration(timezone.now() - task.updated_at)
        return _need(task, "Ready", "warning", f"waits for acceptance for {since}", accept)

    return _found(request, tasks, tell, "?status=ready", "ready tasks")


def overdue(request: HttpRequest) -> Found:
    pressing = Task.objects.filter(status__in=UNFINISHED, priority__gte=Priority.HIGH, due_at__lt=Now())
    tasks = pressing.order_by("-priority", "due_at")

    def tell(task: Task, by: Principal | None) -> Need:
        late = words.duration(timezone.now() - task.due_at) if task.due_at else ""
        rank = Priority(task.priority).label.lower()
        return _need(task, "Overdue", "danger", f"is {rank} and {late} overdue", [])

    return _found(
        request,
        tasks,
        tell,
        f"?status={LEFT}&priority={PRESSING}&due=overdue",
        "high or critical and overdue",
    )


def blocked(request: HttpRequest) -> Found:
    long_ago = Now() - narrowing.LONG
    tasks = Task.objects.filter(status=Status.BLOCKED, updated_at__lt=long_ago, priority__gte=Priority.HIGH)

    def tell(task: Task, by: Principal | None) -> Need:
        length = words.duration(timezone.now() - task.updated_at)
        back = _act(task, "unblock", "Back to open", by)
        return _need(task, "Blocked", "warning", f"has been blocked for {length}", back)

    query = f"?status=blocked&priority={PRESSING}&unchanged=week"
    tasks = tasks.order_by("-priority", "updated_at")
    return _found(request, tasks, tell, query, "high or critical and blocked for a week")


def not_swept(request: HttpRequest) -> Found:
    tasks = Task.objects.filter(~Q(lease_actor=""), lease_until__lt=Now() - SWEPT_WITHIN).order_by(
        "lease_until"
    )

    def tell(task: Task, by: Principal | None) -> Need:
        length = words.duration(timezone.now() - task.lease_until) if task.lease_until else ""
        end = (
            _act(task, "release", "Release…", by, ask="Why do you end it?") if by and by.has("admin") else []
        )
        sentence = f"still carries the lease of {task.lease_actor}, which ran out {length} ago"
        return _need(task, "Lease", "danger", sentence, end)

    return _found(request, tasks, tell, f"?claimed={narrowing.EXPIRED}", "leases that ran out")


def not_enforced(request: HttpRequest) -> Found:
    if settings.MC_LEASE_ENFORCE:
        return NOTHING
    sentence = "are granted and recorded, but not enforced: two sessions can write the same task."
    return Found([Need("Unsafe", "danger", sentence, subject="Leases", meta="Set MC_LEASE_ENFORCE=1.")], 1)


def mentioned(request: HttpRequest) -> Found:
    """Who waits for an answer of the person who looks; a comment on the task answers, "Seen" does too."""
    if not request.user.has_perm("missioncontrol.view_task"):
        return NOTHING
    by = principal(request)
    open_ones = mentions.unanswered_by(by.actor)
    rows = list(open_ones.select_related("comment__task").order_by("-id")[:SHOWN])
    total = len(rows) if len(rows) < SHOWN else open_ones.order_by().values("pk")[: needs.COUNT_LIMIT].count()
    may_talk = request.user.has_perm("missioncontrol.change_task") or request.user.has_perm(
        "missioncontrol.add_comment"
    )
    url = reverse("admin:missioncontrol_task_changelist") + f"?status=all&asked={quote(by.actor)}"
    return Found([_asked(row.comment, by if may_talk else None) for row in rows], total, url, "mentions")


def _asked(comment: Comment, by: Principal | None) -> Need:
    task = comment.task
    said = " ".join(comment.body.split())
    excerpt = f"{said[:EXCERPT]}…" if len(said) > EXCERPT else said
    answer = Action("Answer", story.task_url(task.pk) + "#history", primary=True)
    return Need(
        "Mention", "info", f"{comment.author} mentions you: “{excerpt}”", subject=f"#{task.pk} {task.title}",
        meta=task.team, url=story.task_url(task.pk), since=comment.created_at,
        actions=[answer, *_act(task, "seen", "Seen", by)],
    )  # fmt: skip


needs.register("lease enforcement", not_enforced, weight=100)
needs.register("expired leases", not_swept, weight=90)
needs.register("overdue", overdue, weight=80)
needs.register("mentions", mentioned, weight=75)
needs.register("acceptance", acceptance, weight=70)
needs.register("blocked", blocked, weight=40)
