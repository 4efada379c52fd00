"""Reads of the watch: sites with their uptime, checks, incidents, hosts, costs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Case, DateTimeField, ExpressionWrapper, F, QuerySet, Sum, Value, When
from django.utils import timezone

from alai.kernel import pagination
from alai.kernel.errors import NotFound
from alai.kernel.pagination import MAX_BIGINT, Page
from infra.models import Check, CheckState, Cost, HourSummary, Incident, Result, Site
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
    if state is None:
        return UNSEEN
    told = (state.looked_at, state.verdict, state.since, state.detail, state.latency_ms)
    return _standing(now or timezone.now(), check.interval_seconds, *told)


def _standing(
    now: datetime,
    interval_seconds: int,
    looked_at: datetime | None,
    verdict: str,
    since: datetime,
    detail: str,
    latency_ms: float | None,
) -> Standing:
    if looked_at is None:
        return UNSEEN
    if now - looked_at > timedelta(seconds=interval_seconds * STALE_INTERVALS + 60):
        return Standing(Verdict.UNKNOWN, looked_at, looked_at, "Nobody looks any more.")
    return Standing(Verdict(verdict), since, looked_at, detail, latency_ms)


class Watched(NamedTuple):
    """A check that is switched on, as one of very many: what it is and looks at, and its verdict of now."""

    pk: int
    slug: str
    kind: str
    site_id: int | None
    host_id: int | None
    service_id: int | None
    verdict: Verdict


def worst(standings: Iterable[Standing]) -> Standing:
    """The one that tells how the whole is."""
    return min(standings, key=lambda one: BADNESS.index(one.verdict), default=UNSEEN)


def checks() -> QuerySet[Check]:
    return Check.objects.select_related("state", "site", "host", "service").order_by("slug")


def enabled_checks(now: datetime) -> list[Watched]:
    """Every check that is switched on. Whether it is stale is judged as `standing_of` does, by the database: to read
    a thousand moments takes longer than all the rest."""
    patience = F("interval_seconds") * Value(timedelta(seconds=STALE_INTERVALS)) + Value(timedelta(minutes=1))
    stale_at = ExpressionWrapper(F("state__looked_at") + patience, DateTimeField())
    rows = Check.objects.filter(enabled=True).alias(stale_at=stale_at).order_by("slug")
    verdict = Case(When(stale_at__gte=now, then="state__verdict"), default=Value(Verdict.UNKNOWN.value))
    found: Iterable[Any] = rows.values_list("pk", "slug", "kind", "site", "host", "service", verdict)
    return [Watched._make((*rest, Verdict(word))) for *rest, word in found]


def standings(check_ids: Collection[int], now: datetime) -> dict[int, Standing]:
    """How each of the checks stands now."""
    told = ("looked_at", "verdict", "since", "detail", "latency_ms")
    rows = CheckState.objects.filter(check_record__in=check_ids)
    found = rows.values_list("check_record", "check_record__interval_seconds", *told)
    return {pk: _standing(now, *rest) for pk, *rest in found}


def facts(check_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What each of the checks saw last, beside its verdict."""
    rows = CheckState.objects.filter(check_record__in=check_ids)
    return dict(rows.values_list("check_record", "facts"))


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
