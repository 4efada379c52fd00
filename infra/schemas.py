"""The watch's shapes on the wire."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from ninja import Schema
from pydantic import Field

from alai.kernel.shapes import Body, Line
from infra.models import Check, Cost, Incident, IncidentEntry, Result, Site
from infra.probes import Verdict
from infra.selectors import Range, Standing, Uptime, standing_of

VerdictName = Literal["up", "degraded", "down", "blocked", "unknown"]
ROLES = ("commander", "technical", "communications", "scribe")
StateName = Literal["open", "acknowledged", "resolved"]
Name = Annotated[str, Field(max_length=253)]


class UptimeOut(Schema):
    percent: float | None = Field(description="Of the time that was seen; null when nothing was seen.")
    seen_percent: float

    @classmethod
    def of(cls, uptime: Uptime) -> "UptimeOut":
        return cls(percent=uptime.percent, seen_percent=uptime.seen)


class CheckOut(Schema):
    id: int
    name: str
    kind: str
    site: str | None
    host: str | None
    interval_seconds: int
    enabled: bool
    verdict: VerdictName
    since: datetime | None
    looked_at: datetime | None
    detail: str
    latency_ms: float | None

    @classmethod
    def of(cls, check: Check) -> "CheckOut":
        found = standing_of(check)
        return cls(
            id=check.pk,
            name=check.slug,
            kind=check.kind,
            site=check.site.slug if check.site else None,
            host=check.host.slug if check.host else None,
            interval_seconds=check.interval_seconds,
            enabled=check.enabled,
            verdict=found.verdict.value,
            since=found.since,
            looked_at=found.looked_at,
            detail=found.detail,
            latency_ms=found.latency_ms,
        )


class CheckList(Schema):
    items: list[CheckOut]
    next_cursor: str | None


class SiteOut(Schema):
    domain: str
    kind: str
    platform: str | None
    target: str | None
    watched: bool
    verdict: VerdictName
    since: datetime | None
    looked_at: datetime | None
    detail: str
    latency_ms: float | None

    @classmethod
    def fields_of(cls, site: Site, standing: Standing) -> dict[str, Any]:
        return {
            "domain": site.slug,
            "kind": site.kind,
            "platform": site.platform.slug if site.platform else None,
            "target": site.target.slug if site.target else None,
            "watched": site.watched,
            "verdict": standing.verdict.value,
            "since": standing.since,
            "looked_at": standing.looked_at,
            "detail": standing.detail,
            "latency_ms": standing.latency_ms,
        }


class SiteList(Schema):
    items: list[SiteOut]
    next_cursor: None = None


class ResultOut(Schema):
    check: str
    at: datetime
    verdict: VerdictName
    latency_ms: float | None
    detail: str

    @classmethod
    def of(cls, result: Result) -> "ResultOut":
        return cls(
            check=result.check_record.slug,
            at=result.at,
            verdict=Verdict(result.verdict).value,
            latency_ms=result.latency_ms,
            detail=result.detail,
        )


class SiteDetail(SiteOut):
    uptime: dict[str, UptimeOut] = Field(description="By window: 24h, 7d, 30d, 90d.")
    tls_expires_at: datetime | None
    checks: list[CheckOut]
    last_results: list[ResultOut]


class ProbeOut(Schema):
    due: int = Field(description="How many of its checks are looked at now.")


class IncidentOut(Schema):
    id: int
    title: str
    detail: str
    check: str | None
    severity: str
    state: StateName
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assigned_to: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    reopened: int
    steps_told: int
    next_step_at: datetime | None
    task_id: int | None
    part_of: int | None
    objective_id: int | None = Field(description="Whose error budget burns.")
    sites: list[str] = Field(description="What somebody who declared it named.")
    services: list[str]
    roles: dict[str, str] = Field(
        description="Who commands, leads, speaks and writes; only roles that somebody has."
    )
    silenced_until: datetime | None
    next_update_at: datetime | None = Field(description="When a word about it is owed.")

    @classmethod
    def of(cls, incident: Incident) -> "IncidentOut":
        return cls(
            id=incident.pk,
            title=incident.title,
            detail=incident.detail,
            check=incident.check_record.slug if incident.check_record else None,
            severity=incident.severity,
            state=cast(StateName, incident.state),
            opened_at=incident.opened_at,
            acknowledged_at=incident.acknowledged_at,
            acknowledged_by=incident.acknowledged_by or None,
            assigned_to=incident.assigned_to or None,
            resolved_at=incident.resolved_at,
            resolved_by=incident.resolved_by or None,
            reopened=incident.reopened,
            steps_told=incident.step,
            next_step_at=incident.next_step_at,
            task_id=incident.task_id,
            part_of=incident.part_of_id,
            objective_id=incident.objective_id,
            sites=[site.slug for site in incident.sites.all()],
            services=[service.slug for service in incident.services.all()],
            roles={role: who for role in ROLES if (who := getattr(incident, role))},
            silenced_until=incident.silenced_until,
            next_update_at=incident.next_update_at,
        )


class EntryOut(Schema):
    at: datetime
    kind: str
    by: str | None
    text: str

    @classmethod
    def of(cls, entry: IncidentEntry) -> "EntryOut":
        return cls(at=entry.at, kind=entry.kind, by=entry.by or None, text=entry.text)


class IncidentDetail(IncidentOut):
    timeline: list[EntryOut]


class IncidentList(Schema):
    items: list[IncidentOut]
    next_cursor: str | None


class IncidentIn(Body):
    """What a check does not see, and a person does."""

    title: Line
    severity: Annotated[str, Field(max_length=100, description="A name of the registry's severities.")]
    detail: Annotated[str, Field(max_length=300)] = ""
    sites: Annotated[list[Name], Field(max_length=50)] = Field([], description="Domains.")
    services: Annotated[list[Name], Field(max_length=50)] = []


class IncidentNoteIn(Body):
    note: Annotated[str, Field(max_length=2000)] = ""


class RangeOut(Schema):
    low: Decimal | None
    high: Decimal | None

    @classmethod
    def of(cls, found: Range) -> "RangeOut":
        return cls(low=found.low, high=found.high)


class HostingCostOut(Schema):
    name: str
    what: str
    site: str | None
    platform: str | None
    current: RangeOut
    target: RangeOut
    counts: bool
    year: int | None
    notes: str

    @classmethod
    def of(cls, cost: Cost) -> "HostingCostOut":
        return cls(
            name=cost.slug,
            what=cost.what,
            site=cost.site.slug if cost.site else None,
            platform=cost.platform.slug if cost.platform else None,
            current=RangeOut(low=cost.current_min, high=cost.current_max),
            target=RangeOut(low=cost.target_min, high=cost.target_max),
            counts=cost.counts,
            year=cost.year,
            notes=cost.notes,
        )


class HostingCostList(Schema):
    items: list[HostingCostOut]
    totals: dict[str, RangeOut] = Field(description="Euro a month: current and target.")
    next_cursor: None = None
