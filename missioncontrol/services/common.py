"""What the ledger's services share: finding a task, writing an event, turning a verdict into a refusal."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from alai.kernel import context
from alai.kernel.errors import ApiError, Conflict, Invalid, NotFound
from alai.kernel.pagination import MAX_BIGINT
from alai.kernel.principals import Principal
from missioncontrol.leases import Standing
from missioncontrol.models import Task, TaskEvent

TASK_TABLE = Task._meta.db_table
LONGEST_RETRY = 30
NAMED = 20  # tasks told in a sentence


def no_such_task(task_id: int) -> NotFound:
    return NotFound(f"There is no task {task_id}.", code="task_not_found")


def check_id(task_id: int) -> None:
    if not 0 < task_id <= MAX_BIGINT:
        raise no_such_task(task_id)


def visible_task(by: Principal, task_id: int) -> Task:
    """The task, when it exists (404) and the caller's token covers its team (403)."""
    check_id(task_id)
    task = Task.objects.filter(pk=task_id).first()
    if task is None:
        raise no_such_task(task_id)
    by.require_team(task.team)
    return task


def check_team_limit(by: Principal, task_id: int) -> None:
    """For verbs of one statement: only a token that is limited to teams costs a look."""
    check_id(task_id)
    if by.teams:
        visible_task(by, task_id)


@contextmanager
def acting_as(by: Principal, name: str = "", *, why: str = "") -> Iterator[None]:
    """Put the caller, on whose behalf and why into the context of everything written within."""
    changes = {"actor": by.actor, "on_behalf_of": name if name != by.actor else "", "why": why}
    with context.acting(**changes):
        yield


def record_event(task: Task, kind: str, **data: Any) -> TaskEvent:
    """Append to the task's history, in the caller's transaction."""
    acting = context.current()
    return TaskEvent.objects.create(
        task=task,
        kind=kind,
        actor=acting.actor,
        on_behalf_of=acting.on_behalf_of,
        data=data,
        why=acting.why,
        request_id=acting.request_id,
    )


def iso(moment: datetime) -> str:
    """Seconds are enough for people: 2026-05-08T12:30:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def refuse(standing: Standing | None, task_id: int) -> Standing:
    """Pass a verdict `ok` or `free` on; raise the refusal that any other one means."""
    if standing is None:
        raise no_such_task(task_id)
    if standing.verdict in ("ok", "free"):
        return standing
    raise _REFUSALS[standing.verdict](standing)


def _held(standing: Standing) -> ApiError:
    assert standing.lease_until is not None
    remaining = (standing.lease_until - standing.moment).total_seconds()
    wait = min(max(remaining, 1), LONGEST_RETRY) * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
    return Conflict(
        f"Task {standing.id} held by {standing.holder} until {iso(standing.lease_until)}",
        code="lease_held",
        holder=standing.holder,
        lease_until=iso(standing.lease_until),
        headers={"Retry-After": str(max(1, round(wait)))},
    )


def _not_held(standing: Standing) -> ApiError:
    if standing.lease_until is None:
        state = "nobody holds it"
    elif standing.live:
        state = f"{standing.holder} holds it until {iso(standing.lease_until)}"
    else:
        state = f"the lease of {standing.holder} expired at {iso(standing.lease_until)}"
    return Conflict(f"You do not hold task {standing.id}: {state}. Claim it again.", code="lease_not_held")


def _stale(standing: Standing) -> ApiError:
    return Conflict(
        f"The fencing token for task {standing.id} is not current: its lease has ended or passed on. "
        "Stop, and claim the task again before you write.",
        code="stale_fence",
    )


def _closed(standing: Standing) -> ApiError:
    return Conflict(f"Task {standing.id} is {standing.status}; reopen it first.", code="task_closed")


def _full_hands(standing: Standing) -> ApiError:
    holds = standing.holds or []
    listed = ", ".join(f"#{number}" for number in holds[:NAMED])
    rest = f" and {len(holds) - NAMED} more" if len(holds) > NAMED else ""
    return Conflict(
        f"You hold as many tasks as you may, {len(holds)}: {listed}{rest}. "
        "Finish or release one of them before you claim another.",
        code="wip_limit",
        holds=holds,
    )


def _reason(standing: Standing) -> ApiError:
    return Invalid(
        f"Task {standing.id} is held by {standing.holder}: give the reason why you take it over.",
        code="reason_required",
        errors=[{"loc": ["body", "reason"], "msg": "required while somebody holds the task"}],
    )


_REFUSALS = {
    "lease_held": _held,
    "lease_not_held": _not_held,
    "stale_fence": _stale,
    "task_closed": _closed,
    "wip_limit": _full_hands,
    "reason_required": _reason,
}
