"""The handbook's eight panels ("Key Dashboard Specs") in figures; where nothing measures it, the panel says so."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import Aggregate, FloatField
from django.urls import reverse

from alai.kernel import words
from infra import objectives, selectors
from infra.history import TONES
from infra.models import Host, Incident, Result
from infra.probes import Verdict
from infra.selectors import BADNESS, Watched

HOUR = dt.timedelta(hours=1)
LATENCY = "board:latency"


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure: what it is, how it stands, and where to look further."""

    title: str
    value: str
    said: str
    tone: str = "unknown"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a check saw beside its verdict; its kind says which facts these are."""

    slug: str
    kind: str
    facts: dict[str, Any]


class Percentile99(Aggregate):
    """The value below which 99 of 100 lie."""

    template = "percentile_cont(0.99) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def panels(checks: Sequence[Watched], now: dt.datetime) -> list[Panel]:
    """Beside the health matrix itself: seven figures from six queries."""
    told = _told(checks)
    traffic = [seen for seen in told if seen.kind == "cloudflare" and "requests_per_second" in seen.facts]
    return [
        _incidents(),
        _budgets(now),
        _latency([check.pk for check in checks if check.kind == "http" and check.site_id], now),
        _requests(traffic),
        _errors(traffic),
        _deployment([seen for seen in told if seen.kind == "builds"]),
        _hosts(checks),
    ]


def _told(checks: Sequence[Watched]) -> list[Told]:
    """What the checks of the CDN and of builds said last."""
    asked = [check for check in checks if check.kind in ("cloudflare", "builds")]
    facts = selectors.facts([check.pk for check in asked])
    return [Told(check.slug, check.kind, facts.get(check.pk, {})) for check in asked]


def _incidents() -> Panel:
    unresolved = Incident.objects.exclude(state=Incident.State.RESOLVED).filter(part_of=None)
    states = list(unresolved.values_list("state", flat=True)[:1000])
    waiting = states.count(Incident.State.OPEN)
    url = reverse("admin:infra_incident_changelist")
    if not states:
        return Panel("Active incidents", "0", "Nothing is open.", "success", url)
    said = f"{words.number(waiting)} that nobody has" if waiting else "somebody has each of them"
    return Panel("Active incidents", f"{len(states):,}", said, "danger" if waiting else "warning", url)


def _budgets(now: dt.datetime) -> Panel:
    url = reverse("admin:infra_objective_slos")
    known = [one for one in objectives.readings(now=now) if one.left is not None]
    if not known:
        return Panel("Error budget", "–", "No objective has a target yet.", url=url)
    worst = min(known, key=lambda one: one.left or 0.0)
    tone = {"move_fast": "success", "slow_down": "warning"}.get(worst.policy or "", "danger")
    return Panel(
        "Error budget", f"{worst.left:.0f} %", f"left of {worst.objective.name}, the least", tone, url
    )


def _latency(check_ids: Sequence[int], now: dt.datetime) -> Panel:
    """An hour of many checks is a lot to look through: one look serves everybody for half a minute."""
    found = cache.get(LATENCY)
    if found is None:
        panel = _slowest(check_ids, now)
        cache.set(LATENCY, (panel.value, panel.said, panel.tone), 30)
        return panel
    value, said, tone = found
    return Panel("P99 latency, last hour", value, said, tone)


def _slowest(check_ids: Sequence[int], now: dt.datetime) -> Panel:
    looks = Result.objects.filter(check_record__in=check_ids, at__gt=now - HOUR, latency_ms__isnull=False)
    rows = (
        looks.values("check_record__site__slug").annotate(slow=Percentile99("latency_ms")).order_by("-slow")
    )
    worst = rows.first()
    if worst is None:
        return Panel("P99 latency, last hour", "–", "Nothing was looked at.")
    said = f"{worst['check_record__site__slug']}, the slowest"
    return Panel("P99 latency, last hour", f"{worst['slow']:,.0f} ms", said, "info")


def _requests(traffic: Sequence[Told]) -> Panel:
    if not traffic:
        return Panel("Request rate", "–", "No check of the CDN's traffic has answered.")
    rate = sum(told.facts["requests_per_second"] for told in traffic)
    return Panel(
        "Request rate", f"{rate:,.1f}/s", f"through the CDN, {words.plural(len(traffic), 'zone')}", "info"
    )


def _errors(traffic: Sequence[Told]) -> Panel:
    shares = [(told.facts["errors_percent"], told.slug) for told in traffic if "errors_percent" in told.facts]
    if not shares:
        return Panel("Error rate", "–", "No check of the CDN's errors has answered.")
    share, name = max(shares, key=lambda pair: pair[0])
    return Panel("Error rate", f"{share:.2f} %", f"5xx, {name}", "danger" if share > 1 else "success")


def _deployment(builds: Sequence[Told]) -> Panel:
    known = [told for told in builds if "finished_at" in told.facts]
    if not known:
        return Panel("Last deployment", "–", "No check of builds has answered.")
    last = max(known, key=lambda told: told.facts["finished_at"])
    facts = last.facts
    said = f"{last.slug} {facts.get('version', '')} {facts.get('conclusion', '')}"
    tone = "success" if facts.get("conclusion") == "success" else "danger"
    at = dt.datetime.fromisoformat(facts["finished_at"])
    return Panel("Last deployment", words.ago(at), said, tone)


def _hosts(checks: Sequence[Watched]) -> Panel:
    """Each host by the worst of its own checks."""
    by_host: dict[int, list[Verdict]] = {}
    for check in checks:
        if check.host_id is not None and check.service_id is None and check.site_id is None:
            by_host.setdefault(check.host_id, []).append(check.verdict)
    url = reverse("admin:infra_host_changelist")
    found = {
        name: min(by_host.get(pk, [Verdict.UNKNOWN]), key=BADNESS.index)
        for pk, name in Host.objects.order_by("slug").values_list("pk", "name")
    }
    if not found:
        return Panel("Hosts", "–", "No host is registered.", url=url)
    up = sum(verdict == Verdict.UP for verdict in found.values())
    bad = [name for name, verdict in found.items() if TONES[verdict] == "danger"]
    if bad:
        said, tone = f"{', '.join(bad[:2])} down", "danger"
    elif up < len(found):
        said, tone = f"{len(found) - up} not known", "unknown"
    else:
        said, tone = "all answer", "success"
    return Panel("Hosts", f"{up} of {len(found)}", said, tone, url)
