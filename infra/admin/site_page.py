"""One site: how it stands, how it was, how fast, its certificate, and what happened to it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone

from alai.kernel import words
from infra import objectives, selectors
from infra.admin.bars import bars
from infra.admin.budgets import in_order, rows_of
from infra.history import TONES, history, percent, unseen
from infra.models import Check, HourSummary, Incident, Site
from infra.selectors import Standing, Uptime
from missioncontrol.admin import charts
from missioncontrol.admin.charts import Chart

HOURS = 7 * 24
INCIDENTS = 15


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a TLS check saw: who signed it, until when it is good."""

    issuer: str
    expires_at: dt.datetime
    tone: str


def context(site: Site) -> dict[str, Any]:
    """Everything that `infra/site.html` shows."""
    now = timezone.now()
    checks = list(selectors.checks().filter(site=site))
    standings = [(check, selectors.standing_of(check, now)) for check in checks]
    main = next((check for check in checks if check.kind == "http"), checks[0] if checks else None)
    past = history([main.pk], now)[main.pk] if main else unseen(now)
    uptimes = selectors.uptimes([main.pk], now)[main.pk] if main else {}
    worst = selectors.worst(standing for _, standing in standings)
    readings = objectives.readings(objectives.objectives().filter(check_record__site=site), now)
    return {
        "site": site, "now": now, "main": main, "worst": worst, "tone": TONES[worst.verdict],
        "sentence": sentence(site, worst, uptimes.get("30d")),
        "checks": [(check, standing, TONES[standing.verdict]) for check, standing in standings],
        "uptimes": [(name, percent(uptimes[name]) if name in uptimes else "–") for name in selectors.WINDOWS],
        "days": bars(past.runs), "ninety": past.percent,
        "chart": latency_chart(main, now) if main else None,
        "certificate": certificate(checks, now),
        "results": selectors.last_results([check.pk for check in checks]),
        "incidents": _incidents(site, checks),
        "slos": in_order(rows_of(readings, now)),
    }  # fmt: skip


def _incidents(site: Site, checks: Sequence[Check]) -> list[Incident]:
    """Of its checks, and those that were declared about it."""
    found = Incident.objects.filter(Q(check_record__in=checks) | Q(sites=site))
    return list(found.distinct().order_by("-id")[:INCIDENTS])


def sentence(site: Site, standing: Standing, month: Uptime | None) -> str:
    """The answer in words."""
    known = month is not None and month.percent is not None
    past = f" {month.percent:.2f} % of what was seen in 30 days." if month is not None and known else ""
    since = f", for {words.duration(timezone.now() - standing.since)} now" if standing.since else ""
    return f"{site.slug} is {standing.verdict.value}{since}.{past}"


def latency_chart(check: Check, now: dt.datetime) -> Chart | None:
    """Median and the 95th percentile of each hour of the last week."""
    start = now.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=HOURS - 1)
    rows = HourSummary.objects.filter(check_record=check, hour__gte=start)
    found = {row.hour: row for row in rows}
    hours = [start + dt.timedelta(hours=number) for number in range(HOURS)]
    medians = [found[hour].latency_median if hour in found else None for hour in hours]
    slow = [found[hour].latency_p95 if hour in found else None for hour in hours]
    known = sorted(one for one in slow if one is not None)
    if not known:
        return None
    top = charts.round_top(known[-1])
    return Chart(
        f"Answers in {_median(medians):,.0f} ms in the middle; the slowest hour took {known[-1]:,.0f} ms.",
        [f"{level} ms" for level in charts.count_levels(top)],
        charts.marks(hours, lambda hour: f"{timezone.localtime(hour):%a %H:%M}"),
        lines=[charts.line("half are faster", medians, top), charts.line("95 of 100 are faster", slow, top)],
        strips=charts.strips([_told(hour, *both) for hour, *both in zip(hours, medians, slow, strict=True)]),
    )


def certificate(checks: Sequence[Check], now: dt.datetime) -> Certificate | None:
    """The one that runs out first."""
    seen = []
    for check in checks:
        facts = getattr(check, "state", None) and check.state.facts
        if facts and facts.get("tls_expires_at"):
            expires = dt.datetime.fromisoformat(facts["tls_expires_at"])
            tone = (
                "danger"
                if expires < now
                else "warning"
                if expires < now + dt.timedelta(days=30)
                else "success"
            )
            seen.append(Certificate(facts.get("tls_issuer", ""), expires, tone))
    return min(seen, key=lambda one: (one.expires_at, not one.issuer), default=None)


def _median(values: Sequence[float | None]) -> float:
    known = sorted(one for one in values if one is not None)
    return known[len(known) // 2] if known else 0.0


def _told(hour: dt.datetime, median: float | None, slow: float | None) -> str:
    when = f"{timezone.localtime(hour):%a %H:%M}"
    if median is None or slow is None:
        return f"{when}: not seen"
    return f"{when}: {median:,.0f} ms, 95 of 100 within {slow:,.0f} ms"
