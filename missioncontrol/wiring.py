"""What the ledger tells the kernel when Django is ready."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from alai.kernel import audit, idempotency, importing, limits, metrics, retention
from alai.kernel.api import register_lookup
from missioncontrol import gates, leases, legacy, legacy_hivemind, policies, tally
from missioncontrol.models import (
    Comment,
    CostEntry,
    CostTally,
    Dependency,
    Evidence,
    GatePolicy,
    Grant,
    Memory,
    Mention,
    Message,
    SavedView,
    Task,
    TaskEvent,
    TaskPace,
    TaskSearch,
    TaskTally,
    TeamPace,
)
from missioncontrol.services.common import visible_task


def register() -> None:
    for model in (Task, Comment, Mention, Dependency, Evidence, GatePolicy, Grant, SavedView):
        audit.register(model)
    # What is remembered may be private, and each revision is kept anyway.
    audit.register(Memory, omit=("content", "vector"), quiet=("revision", "is_current"))
    audit.append_only(TaskEvent)
    audit.append_only(CostEntry)
    audit.append_only(Message)
    retention.register(
        "task-events", TaskEvent, "at", None, "What happened to tasks; for good unless you say so."
    )
    retention.register("comments", Comment, "created_at", None, "What was said about tasks.")
    retention.register("grants", Grant, "created_at", 3 * 365, "A CEO's permissions for overrides.")
    retention.register("messages", Message, "created_at", None, "What agents said in channels.")
    retention.register(
        "memory-revisions", Memory, "created_at", None, "Earlier revisions of memories.", Q(is_current=False)
    )
    retention.permanent(Task, reason="the ledger itself")
    retention.permanent(Evidence, reason="what proves that a task is done is kept as long as the task")
    retention.permanent(CostEntry, reason="their sum is what the task has cost")
    retention.permanent(GatePolicy, reason="few, and edited rather than added to")
    retention.permanent(Mention, reason="it goes with its comment")
    retention.permanent(SavedView, reason="people throw their own views away")
    metrics.gauge("alai_tasks", "Tasks.", ["status"], tasks_by_status)
    audit.exempt(TaskSearch, reason="derived from the task by a trigger")
    audit.exempt(TaskTally, reason="derived from the tasks by triggers")
    audit.exempt(TaskPace, reason="derived from the tasks by triggers")
    audit.exempt(TeamPace, reason="derived from the tasks by triggers")
    audit.exempt(CostTally, reason="derived from costs and tasks by triggers")
    gates.register(gates.Gate("evidence", policies.wanted))
    register_lookup("task_id", visible_task)
    limits.register("team", teams_among)
    importing.register(legacy.MISSION_CONTROL)
    importing.register(legacy_hivemind.HIVEMIND)
    for operation in ("claim", "next"):
        idempotency.expires_with(operation, grant_lives)


def teams_among(names: Sequence[str]) -> set[str]:
    return set(Task.objects.filter(team__in=names).values_list("team", flat=True).order_by().distinct())


def tasks_by_status() -> dict[tuple[str, ...], float]:
    return {(status,): float(count) for status, count in tally.by_status().items() if count}


def grant_lives(status: int, body: dict[str, Any]) -> bool:
    """A repeated claim answers the stored grant only while that very lease lives."""
    standing = leases.status(body["task_id"]) if status == 200 else None
    return (
        standing is not None
        and standing.live
        and standing.holder == body["holder"]
        and standing.fencing_token == body["fencing_token"]
    )
