"""What work has cost, summed by month, team, owner or task.

A team's or an owner's cost is that of the tasks that are theirs now. Months and days are those of `TIME_ZONE`. Sums of
months and teams come from a tally by team and day (UTC), the dearest tasks of all time from what each has cost in all;
those of an owner, or of single days by task, are added up entry by entry.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from django.db import connection
from django.db.models import CharField, Count, Expression, F, QuerySet, Sum
from django.db.models.functions import Cast
from django.utils import timezone

from alai.kernel.principals import Principal
from missioncontrol.models import CostEntry, Task

Grouping = Literal["month", "team", "owner", "task"]
KEYS: dict[str, Expression | F] = {"owner": F("task__owner"), "task": Cast("task_id", CharField())}
NOTHING = Decimal(0)
LONG_AGO = dt.datetime(1, 1, 2, tzinfo=dt.UTC)

# Each tallied day counts where its noon lies, that is from the noon before a moment on (the moments move, as there are
# fewer of them than of days). What was spent between a local midnight, where periods begin, and the nearest one of UTC
# was counted on the wrong side: it moves over. These are few, looked up one by one (OFFSET 0).
BETWEEN = """
WITH seam AS (
    SELECT least(local, utc) AS begins, greatest(local, utc) AS ends
    FROM unnest(%(edges)s::timestamptz[]) local,
         LATERAL (SELECT date_bin('1 day', local + interval '12 hours' - interval '1 microsecond',
                                  '2000-01-01 00:00Z') AS utc) nearest
), misplaced AS (
    SELECT entry.at, date_bin('1 day', entry.at, '2000-01-01 00:00Z') AS day, task.team, entry.amount_usd
    FROM seam,
         LATERAL (SELECT at, task_id, amount_usd FROM missioncontrol_costentry
                  WHERE at >= seam.begins AND at < seam.ends OFFSET 0) entry,
         LATERAL (SELECT team FROM missioncontrol_task WHERE id = entry.task_id OFFSET 0) task
), part AS (
    SELECT width_bucket(at, %(noons)s::timestamptz[]) AS slot, team, amount_usd, n FROM missioncontrol_costtally
    WHERE at >= %(first_noon)s AND at < %(last_noon)s
    UNION ALL SELECT width_bucket(day, %(noons)s::timestamptz[]), team, -amount_usd, -1 FROM misplaced
    WHERE day >= %(first_noon)s
    UNION ALL SELECT width_bucket(at, %(edges)s::timestamptz[]), team, amount_usd, 1 FROM misplaced
    WHERE at >= %(first)s
)
SELECT slot, team, sum(amount_usd), sum(n)::bigint FROM part
GROUP BY slot, team HAVING sum(n) <> 0 ORDER BY slot, team
"""
# The months (UTC) in which something was spent: from the first day of one to the first day of the next by the index.
MONTHS = """
WITH RECURSIVE month AS (
    SELECT date_trunc('month', min(at) AT TIME ZONE 'UTC') AS first FROM missioncontrol_costtally
    UNION ALL
    SELECT date_trunc('month', (SELECT min(at) FROM missioncontrol_costtally
                                WHERE at >= (month.first + interval '1 month') AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')
    FROM month WHERE first IS NOT NULL
)
SELECT first::date FROM month WHERE first IS NOT NULL
"""
HALF_A_DAY = dt.timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a team's tasks cost from the moment number `slot` to the next, in so many entries; the first is 0."""

    slot: int
    team: str
    amount_usd: Decimal
    entries: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a month (`2026-05`), team, owner or task (its number) has cost; `key` is empty for no team or owner."""

    key: str
    amount_usd: Decimal
    entries: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Costs:
    """`items` are the first `limit` groups, the dearest first and months in order; `total_usd` is of all."""

    items: list[Cost]
    total_usd: Decimal
    more: bool


def between(moments: Sequence[dt.datetime], until: dt.datetime | None = None) -> list[Spent]:
    """What each team's tasks cost from each moment to the next, and from the last one on (or until then)."""
    edges = [*moments, until] if until else list(moments)
    noons = [edge.astimezone(dt.UTC) - HALF_A_DAY for edge in edges]
    asked: dict[str, Any] = {
        "edges": edges, "first": edges[0],
        "noons": noons, "first_noon": noons[0], "last_noon": noons[-1] if until else "infinity",
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(BETWEEN, asked)
        spent = [Spent(slot - 1, *rest) for slot, *rest in cursor.fetchall()]
    return [one for one in spent if one.slot < len(moments)]  # beyond, only what moved over the end


def grouped(
    by: Principal, grouping: Grouping, *, first: dt.date | None, last: dt.date | None, limit: int
) -> Costs:
    """The costs that the caller's token covers, from the first to the last day, both included."""
    start = LONG_AGO if first is None else _midnight(first)
    stop = None if last is None else _midnight(last + dt.timedelta(days=1))
    moments = [start, *(_months(start, stop) if grouping == "month" else [])]
    spent = [one for one in between(moments, stop) if not by.teams or one.team in by.teams]
    match grouping:
        case "month":
            items = _added_up(spent, lambda one: f"{timezone.localtime(moments[one.slot]):%Y-%m}")
        case "team":
            items = sorted(
                _added_up(spent, lambda one: one.team), key=lambda cost: (-cost.amount_usd, cost.key)
            )
        case "task" if first is None and last is None:
            items = _dearest(by, limit) or _entry_by_entry(by, grouping, start, stop, limit)
        case _:
            items = _entry_by_entry(by, grouping, start, stop, limit)
    total = sum((one.amount_usd for one in spent), NOTHING)
    return Costs(items[:limit], total, more=len(items) > limit)


def _added_up(spent: Sequence[Spent], key: Callable[[Spent], str]) -> list[Cost]:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    entries: dict[str, int] = defaultdict(int)
    for one in spent:
        amounts[key(one)] += one.amount_usd
        entries[key(one)] += one.entries
    return [Cost(name, amounts[name], entries[name]) for name in amounts]


def _dearest(by: Principal, limit: int) -> list[Cost]:
    """The tasks that cost most in all; none when there are not so many that cost anything."""
    tasks = Task.objects.filter(cost_usd__gt=0).for_teams(list(by.teams)).order_by("-cost_usd", "-pk")
    found = tasks.only("title", "cost_usd")[: limit + 1]
    if len(found) <= limit:
        return []
    entries = CostEntry.objects.filter(task__in=[task.pk for task in found]).order_by()
    counted = dict(entries.values_list("task").annotate(n=Count("pk")))
    return [
        Cost(str(task.pk), task.cost_usd or NOTHING, counted.get(task.pk, 0), task.title) for task in found
    ]


def _entry_by_entry(
    by: Principal, grouping: Grouping, start: dt.datetime, stop: dt.datetime | None, limit: int
) -> list[Cost]:
    """One more than the limit, the dearest first."""
    entries: QuerySet[CostEntry] = CostEntry.objects.filter(at__gte=start)
    if stop:
        entries = entries.filter(at__lt=stop)
    if by.teams:
        entries = entries.filter(task__team__in=by.teams)
    groups = entries.values(key=KEYS[grouping]).annotate(amount=Sum("amount_usd"), entries=Count("pk"))
    if grouping == "task":
        groups = groups.annotate(title=F("task__title"))
    rows: list[Any] = list(groups.order_by("-amount", "key")[: limit + 1])
    return [Cost(row["key"], row["amount"], row["entries"], row.get("title", "")) for row in rows]


def _months(start: dt.datetime, stop: dt.datetime | None) -> list[dt.datetime]:
    """Where months begin after the one moment and before the other, as far as anything was spent in them. A day of UTC
    may lie in the month before or after elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS)
        firsts = {first for (first,) in cursor.fetchall()}
    befores = {(first - dt.timedelta(days=1)).replace(day=1) for first in firsts}
    nexts = {(first + dt.timedelta(days=31)).replace(day=1) for first in firsts}
    moments = [_midnight(first) for first in sorted(befores | firsts | nexts)]
    return [moment for moment in moments if start < moment and (stop is None or moment < stop)]


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))
