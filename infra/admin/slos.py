"""The error budgets by eye: how much is left, how fast it goes, and whether one may deploy."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from alai.kernel import words
from alai.kernel.admin.base import principal
from alai.kernel.errors import ApiError
from infra import objectives, services, slo
from infra.admin.records import RecordAdmin
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


class LiftForm(forms.Form):
    reason = forms.CharField(max_length=500)
    hours = forms.FloatField(min_value=0.1, max_value=72)


class ObjectiveAdmin(RecordAdmin):
    """Objectives, and the page that shows how they stand."""

    def get_urls(self) -> list[URLPattern]:
        def wrapped(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            return self.admin_site.admin_view(view)

        own = [
            path("slos/", wrapped(self.slos_view), name="infra_objective_slos"),
            path("<int:pk>/lift/", wrapped(require_POST(self.lift)), name="infra_objective_lift"),
        ]
        return [*own, *super().get_urls()]

    def slos_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        rows = in_order(rows_of(objectives.readings(now=now), now))
        return TemplateResponse(request, "infra/slos.html", {
            **self.admin_site.each_context(request), "title": "Error budgets", "now": now, "rows": rows,
            "sentence": sentence(rows), "may_lift": self.has_change_permission(request),
            "open": [row for row in rows if row.reading.objective.target is None],
        })  # fmt: skip

    def lift(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        objective = self.get_queryset(request).filter(pk=pk).first()
        form = LiftForm(request.POST)
        if objective is None or not form.is_valid():
            messages.error(request, "Say why, and for how many hours (72 at most).")
        else:
            try:
                services.override_freeze(by=principal(request), objective=objective.slug, **form.cleaned_data)
            except ApiError as error:
                messages.error(request, error.detail)
            else:
                messages.success(request, f"Deployments of {objective} are let through.")
        return HttpResponseRedirect(reverse("admin:infra_objective_slos"))


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
    """Bad seconds by objective and local day."""
    longest = max((one.objective.window_days for one in readings), default=30)
    hours: Any = ObjectiveHour.objects.filter(hour__gt=now - dt.timedelta(days=longest)).order_by()
    found: dict[int, dict[dt.date, float]] = {}
    rows = hours.annotate(day=TruncDate("hour")).values("objective", "day").annotate(spent=Sum("bad"))
    for row in rows:
        found.setdefault(row["objective"], {})[row["day"]] = row["spent"]
    return found
