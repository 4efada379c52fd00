"""Reads of the watch: sites with their uptime, checks, incidents, hosts, costs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils import timezone

from alai.kernel import pagination
from alai.kernel.errors import NotFound
from alai.kernel.pagination import MAX_BIGINT, Page
from infra.models import Check, Cost, HourSummary, Incident, Result, Site
from infra.probes import Verdict

WINDOWS = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
STALE_INTERVALS = 3
LAST_RESULTS = 20
SECONDS = ("up", "degraded", "down", "blocked", "unknown")


@dataclass(frozen=True, slots=True)
class Uptime:
    """`percent` of the time that was seen in which it answered, None when nothing was seen; `seen` in percent."""

    percent: float | None
    seen: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What a check or site shows now. A look older than three intervals shows nothing: unknown."""

    verdict: Verdict
    since: datetime | None
    looked_at: datetime | None
    detail: str = ""
    latency_ms: float | None = None


UNSEEN = Standing(Verdict.UNKNOWN, None, None, "Nobody has looked yet.")
BADNESS = (Verdict.DOWN, Verdict.BLOCKED, Verdict.DEGRADED, Verdict.UNKNOWN, Verdict.UP)


def standing_of(check: Check, now: datetime | None = None) -> Standing:
    state = getattr(check, "state", None)
    if state is None or state.looked_at is None:
        return UNSEEN
    moment = now or timezone.now()
    if moment - state.looked_at > timedelta(seconds=check.interval_seconds * STALE_INTERVALS + 60):
        return Standing(Verdict.UNKNOWN, state.looked_at, state.looked_at, "Nobody looks any more.")
    return Standing(Verdict(state.verdict), state.since, state.looked_at, state.detail, state.latency_ms)


def worst(standings: Iterable[Standing]) -> Standing:
    """The one that tells how the whole is."""
    return min(standings, key=lambda one: BADNESS.index(one.verdict), default=UNSEEN)


def checks() -> QuerySet[Check]:
    return Check.objects.select_related("state", "site", "host", "service").order_by("slug")


def enabled_checks() -> list[Check]:
    """Every check that is switched on with its state, and no more of it than a list of many needs."""
    rows = Check.objects.filter(enabled=True).select_related("state")
    return list(rows.defer("origin", "settings", "notes", "updated_at").order_by("slug"))


def sites_with_checks() -> list[tuple[Site, list[Check]]]:
    """Every site with its checks, in two queries."""
    by_site: dict[int, list[Check]] = {}
    for check in checks().filter(site__isnull=False, enabled=True):
        by_site.setdefault(check.site_id or 0, []).append(check)
    sites = Site.objects.select_related("platform", "target").order_by("slug")
    return [(site, by_site.get(site.pk, [])) for site in sites]


def site_named(domain: str) -> Site:
    found = Site.objects.select_related("platform", "target").filter(slug=domain).first()
    if found is None:
        raise NotFound(f"There is no site {domain[:100]}.", code="site_not_found")
    return found


def uptimes(check_ids: Sequence[int], now: datetime | None = None) -> dict[int, dict[str, Uptime]]:
    """Each check's uptime over a day, a week, a month and a quarter, weighted by time; one query a window."""
    moment = now or timezone.now()
    found: dict[int, dict[str, Uptime]] = {pk: {} for pk in check_ids}
    for name, length in WINDOWS.items():
        hours = HourSummary.objects.filter(check_record__in=check_ids, hour__gt=moment - length).order_by()
        rows: Iterable[Any] = hours.values("check_record").annotate(
            **{f"sum_{one}": Sum(one) for one in SECONDS}
        )
        for row in rows:
            found[row["check_record"]][name] = uptime({one: row[f"sum_{one}"] for one in SECONDS}, length)
    return found


def uptime(seconds: Mapping[str, float], length: timedelta) -> Uptime:
    """From seconds of each verdict: degraded still answers, unknown counts for neither side."""
    good = seconds["up"] + seconds["degraded"]
    seen = good + seconds["down"] + seconds["blocked"]
    return Uptime(
        round(100 * good / seen, 4) if seen else None, round(100 * seen / length.total_seconds(), 2)
    )


def tls_expiry(checks: Iterable[Check]) -> datetime | None:
    """The earliest certificate's end that any of the checks saw."""
    ends = (getattr(check, "state", None) and check.state.facts.get("tls_expires_at") for check in checks)
    return min((datetime.fromisoformat(one) for one in ends if one), default=None)


def last_results(check_ids: Sequence[int]) -> list[Result]:
    rows = Result.objects.filter(check_record__in=check_ids).select_related("check_record").order_by("-at")
    return list(rows[:LAST_RESULTS])


def list_checks(*, limit: int, cursor: str | None) -> Page[Check]:
    return pagination.by_id(checks().order_by(), limit=limit, cursor=cursor, newest_first=False)


def list_incidents(*, state: str, limit: int, cursor: str | None) -> Page[Incident]:
    incidents = Incident.objects.select_related("check_record").prefetch_related("sites", "services")
    if state == "unresolved":
        incidents = incidents.exclude(state=Incident.State.RESOLVED)
    elif state:
        incidents = incidents.filter(state=state)
    return pagination.by_id(incidents, limit=limit, cursor=cursor)


def incident_numbered(incident_id: int) -> Incident:
    rows = Incident.objects.select_related("check_record")
    found = rows.filter(pk=incident_id).first() if 0 < incident_id <= MAX_BIGINT else None
    if found is None:
        raise NotFound(f"There is no incident {incident_id}.", code="incident_not_found")
    return found


@dataclass(frozen=True, slots=True)
class Range:
    """Euro a month, from and to; None where nobody knows."""

    low: Decimal | None
    high: Decimal | None


def cost_totals() -> dict[str, Range]:
    """What counts, now and as planned; a year's projection stands by itself."""
    counted = Cost.objects.filter(counts=True, year=None)
    names = ("current_min", "current_max", "target_min", "target_max")
    sums: dict[str, Any] = counted.aggregate(**{name: Sum(name) for name in names})
    return {
        "current": Range(sums["current_min"], sums["current_max"]),
        "target": Range(sums["target_min"], sums["target_max"]),
    }
