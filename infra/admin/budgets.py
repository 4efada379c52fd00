"""The error budgets by eye: how much is left, how fast it goes, and whether one may deploy."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from alai.kernel import words
from infra import slo
from infra.models import ObjectiveHour
from infra.objectives import Reading
from infra.slo import Policy

TONES = {Policy.MOVE_FAST: "success", Policy.SLOW_DOWN: "warning", Policy.FREEZE: "danger"}
BADGES = {Policy.MOVE_FAST: "move fast", Policy.SLOW_DOWN: "slow down", Policy.FREEZE: "freeze"}
FAST = 3.0  # times a day's share of the budget: the day was bad


@dataclass(frozen=True, slots=True)
class Day:
    """What a day took of the budget."""

    tone: str
    said: str


@dataclass(frozen=True, slots=True)
class Row:
    """One objective on the page."""

    reading: Reading
    tone: str
    badge: str
    left: str
    width: float  # of the bar, percent
    spent: str
    sli: str
    burns: list[tuple[str, str, bool]]  # window, rate, whether it is too fast
    days: list[Day]


def rows_of(readings: Sequence[Reading], now: dt.datetime) -> list[Row]:
    spent = _by_day(readings, now)
    return [_row(one, spent.get(one.objective.pk, {}), now) for one in readings]


def in_order(rows: list[Row]) -> list[Row]:
    """The least budget first; what has no target last."""
    return sorted(rows, key=lambda row: (row.reading.left is None, row.reading.left or 0.0))


def sentence(rows: Sequence[Row]) -> str:
    """The answer in words."""
    if not rows:
        return "Nobody has said yet what is promised."
    known = [row for row in rows if row.reading.left is not None]
    if not known:
        return "No objective has a target yet: nothing is promised, and nothing stops a deployment."
    frozen = [row for row in known if not row.reading.may_deploy]
    if frozen:
        names = ", ".join(row.reading.objective.name for row in frozen[:3])
        more = f" and {len(frozen) - 3} more" if len(frozen) > 3 else ""
        return f"No non-critical deployments: the budget of {names}{more} is all but spent."
    slow = [row for row in known if row.reading.policy == Policy.SLOW_DOWN]
    if slow:
        return f"Slow down with {', '.join(row.reading.objective.name for row in slow[:3])}: less than half is left."
    return "Deploy freely: every budget has more than half left."


def _row(reading: Reading, spent: dict[dt.date, float], now: dt.datetime) -> Row:
    policy, left, budget = reading.policy, reading.left, reading.budget
    ratio = reading.measure.ratio
    fast = {seconds for tier in reading.burning for seconds in (tier.long_seconds, tier.short_seconds)}
    burns = [
        (slo.said(seconds), f"{rate:.1f}x", seconds in fast)
        for seconds in sorted(reading.windows)
        if (rate := reading.burn(seconds)) is not None
    ]
    return Row(
        reading,
        TONES[policy] if policy else "unknown",
        BADGES[policy] if policy else "no target yet" if reading.objective.target is None else "not measured",
        f"{left:.1f} %" if left is not None else "–",
        max(0.0, min(100.0, left or 0.0)),
        _spent(budget) if budget else "",
        f"{100 * ratio:.3f} %" if ratio is not None else "–",
        burns,
        _days(reading, spent, now),
    )


def _spent(budget: slo.Budget) -> str:
    return f"{budget.spent / 60:,.1f} of {budget.allowed / 60:,.1f} min spent"


def _days(reading: Reading, spent: dict[dt.date, float], now: dt.datetime) -> list[Day]:
    budget, length = reading.budget, reading.objective.window_days
    if budget is None or budget.allowed <= 0:
        return []
    today = timezone.localtime(now).date()
    return [
        _day(today - dt.timedelta(days=back), spent, budget.allowed, length)
        for back in range(length - 1, -1, -1)
    ]


def _day(date: dt.date, spent: dict[dt.date, float], allowed: float, length: int) -> Day:
    bad = spent.get(date)
    if bad is None:
        return Day("unknown", f"{date:%-d %b}: not measured")
    share = 100 * bad / allowed
    if not bad:
        return Day("success", f"{date:%-d %b}: nothing spent")
    tone = "danger" if share > FAST * 100 / length else "warning"
    return Day(
        tone, f"{date:%-d %b}: {words.duration(dt.timedelta(seconds=bad))}, {share:.1f} % of the budget"
    )


def _by_day(readings: Sequence[Reading], now: dt.datetime) -> dict[int, dict[dt.date, float]]:
    """Bad seconds by objective and local day; days of which nothing was seen are left out."""
    longest = max((one.objective.window_days for one in readings), default=30)
    hours: Any = ObjectiveHour.objects.filter(hour__gt=now - dt.timedelta(days=longest)).order_by()
    found: dict[int, dict[dt.date, float]] = {}
    rows = (
        hours.annotate(day=TruncDate("hour"))
        .values("objective", "day")
        .annotate(spent=Sum("bad"), seen=Sum("good") + Sum("bad"))
    )
    for row in rows.filter(seen__gt=0):
        found.setdefault(row["objective"], {})[row["day"]] = row["spent"]
    return found
