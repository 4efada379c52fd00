"""Costs: what was spent on a task, entry by entry; the task's `cost_usd` is their sum."""

from datetime import datetime
from decimal import Decimal

from alai.kernel import audit, context
from alai.kernel.errors import Invalid
from alai.kernel.principals import Principal
from missioncontrol.models import CostEntry, Task
from missioncontrol.querysets import ClockTimestamp
from missioncontrol.services.common import TASK_TABLE, acting_as, record_event, visible_task

LARGEST_TOTAL = Decimal(10**8)  # the first that `cost_usd` cannot hold
MANUAL = "manual"


def record_cost(
    *,
    by: Principal,
    task_id: int,
    amount_usd: Decimal,
    kind: str = MANUAL,
    note: str = "",
    at: datetime | None = None,
) -> CostEntry:
    """Add an amount to what the task has cost; a negative one corrects. `at` is when it was spent, else now.

    It needs no lease: what was spent was spent, also by a session that lost it.
    """
    visible_task(by, task_id)
    with acting_as(by), audit.writing(history=TASK_TABLE):
        task = Task.objects.select_for_update(no_key=True).get(pk=task_id)
        total = (task.cost_usd or Decimal(0)) + amount_usd
        _check_total(total, task)
        Task.objects.filter(pk=task_id).update(cost_usd=total, updated_at=ClockTimestamp())
        record_event(
            task, "cost_recorded", amount_usd=str(amount_usd), cost_kind=kind, note=note, total_usd=str(total)
        )
        return _append(task, amount_usd, kind=kind, note=note, at=at)


def note_total(task: Task, before: Decimal | None, after: Decimal | None) -> None:
    """Add the entry for a total that somebody sets as it should be, in that change's own transaction."""
    difference = (after or Decimal(0)) - (before or Decimal(0))
    if difference:
        _append(task, difference, kind=MANUAL, note=f"the total was set to {after or 0}")


def _append(
    task: Task, amount: Decimal, *, kind: str, note: str = "", at: datetime | None = None
) -> CostEntry:
    entry = CostEntry(task=task, amount_usd=amount, kind=kind, note=note, actor=context.current().actor)
    if at is not None:
        entry.at = at
    entry.save(force_insert=True)
    entry.refresh_from_db(fields=["at", "recorded_at"])
    return entry


def _check_total(total: Decimal, task: Task) -> None:
    if total < min(task.cost_usd or 0, 0):  # an imported total may be below nothing already
        spent = task.cost_usd or Decimal(0)
        message = f"task {task.pk} has cost {spent} so far; no more than that can be taken back"
    elif total >= LARGEST_TOTAL:
        message = f"task {task.pk} would have cost {LARGEST_TOTAL:,} or more, which is more than it can hold"
    else:
        return
    raise Invalid(f"amount_usd: {message}.", errors=[{"loc": ["body", "amount_usd"], "msg": message}])
