"""What work has cost: the entries summed by month, team, owner or task.

A team's or an owner's cost is that of the tasks that are theirs now. Months and days are those of `TIME_ZONE`.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from django.db.models import CharField, Count, Expression, F, QuerySet, Sum
from django.db.models.functions import Cast, TruncMonth
from django.utils import timezone

from alai.kernel.principals import Principal
from missioncontrol.models import CostEntry

Grouping = Literal["month", "team", "owner", "task"]
KEYS: dict[str, Expression | F] = {
    "month": TruncMonth("at"),
    "team": F("task__team"),
    "owner": F("task__owner"),
    "task": Cast("task_id", CharField()),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a month (`2026-05`), team, owner or task (its number) has cost; `key` is empty for no team or owner."""

    key: str
    amount_usd: Decimal
    tasks: int
    entries: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Costs:
    """`items` are the first `limit` groups, the dearest first and months in order; `total_usd` is of all."""

    items: list[Cost]
    total_usd: Decimal
    tasks: int
    more: bool


@dataclass(frozen=True, slots=True)
class MonthOfTeam:
    """What a team's tasks cost in a month, named by its first day; `team` is empty for tasks of no team."""

    month: dt.date
    team: str
    amount_usd: Decimal
    tasks: int


def grouped(
    by: Principal, grouping: Grouping, *, first: dt.date | None, last: dt.date | None, limit: int
) -> Costs:
    """The costs that the caller's token covers, from the first to the last day, both included."""
    entries = within(_visible(by), first, last)
    groups = entries.values(key=KEYS[grouping]).annotate(
        amount=Sum("amount_usd"), tasks=Count("task", distinct=True), entries=Count("pk")
    )
    if grouping == "task":
        groups = groups.annotate(title=F("task__title"))
    ordered = groups.order_by("key") if grouping == "month" else groups.order_by("-amount", "key")
    rows: list[Any] = list(ordered[: limit + 1])
    whole = entries.aggregate(total=Sum("amount_usd"), tasks=Count("task", distinct=True))
    items = [_cost(row) for row in rows[:limit]]
    return Costs(items, whole["total"] or Decimal(0), whole["tasks"], more=len(rows) > limit)


def by_month_and_team(*, first: dt.date | None = None, last: dt.date | None = None) -> list[MonthOfTeam]:
    """Each team's costs in each month that has any, in order of month and team."""
    entries = within(CostEntry.objects.all(), first, last)
    rows = (
        entries.values(month=TruncMonth("at"), team=F("task__team"))
        .annotate(amount=Sum("amount_usd"), tasks=Count("task", distinct=True))
        .order_by("month", "team")
    )
    return [MonthOfTeam(row["month"].date(), row["team"], row["amount"], row["tasks"]) for row in rows]


def within(entries: QuerySet[CostEntry], first: dt.date | None, last: dt.date | None) -> QuerySet[CostEntry]:
    """The entries of these days, both included; None leaves that end open."""
    if first is not None:
        entries = entries.filter(at__gte=_midnight(first))
    if last is not None:
        entries = entries.filter(at__lt=_midnight(last + dt.timedelta(days=1)))
    return entries


def _visible(by: Principal) -> QuerySet[CostEntry]:
    entries = CostEntry.objects.order_by()
    return entries.filter(task__team__in=by.teams) if by.teams else entries


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def _cost(row: dict[str, Any]) -> Cost:
    key = row["key"]
    name = f"{key:%Y-%m}" if isinstance(key, dt.datetime) else key
    return Cost(name, row["amount"], row["tasks"], row["entries"], row.get("title", ""))
