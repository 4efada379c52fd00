"""The watch over HTTP."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Path, Query, Router, Status

from alai.kernel.api import PROBLEMS, Scope, caller, idempotent
from alai.kernel.pagination import DEFAULT_LIMIT, MAX_LIMIT
from infra import selectors, services
from infra.hosts_api import router as hosts_router
from infra.jobs_api import router as jobs_router
from infra.models import Cost
from infra.routing_api import router as routing_router
from infra.schemas import (
    CheckList,
    CheckOut,
    EntryOut,
    HostingCostList,
    HostingCostOut,
    IncidentDetail,
    IncidentIn,
    IncidentList,
    IncidentNoteIn,
    IncidentOut,
    ProbeOut,
    RangeOut,
    ResultOut,
    SiteDetail,
    SiteList,
    SiteOut,
    UptimeOut,
)

router = Router(tags=["infra"])
router.add_router("", hosts_router)
router.add_router("", jobs_router)
router.add_router("", routing_router)
READ = Scope("infra:read", "infra:write")
WRITE = Scope("infra:write")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=500)]
Domain = Annotated[str, Path(max_length=253)]
State = Literal["", "open", "acknowledged", "resolved", "unresolved"]


@router.get("/infra/sites", auth=READ, response={200: SiteList, **PROBLEMS}, operation_id="list_sites")
def list_sites(request: HttpRequest) -> SiteList:
    """Every site and how it stands: the worst of its checks. What nobody looks at is unknown, never up."""
    items = []
    for site, checks in selectors.sites_with_checks():
        standing = selectors.worst(map(selectors.standing_of, checks))
        items.append(SiteOut(**SiteOut.fields_of(site, standing)))
    return SiteList(items=items)


@router.get(
    "/infra/sites/{domain}", auth=READ, response={200: SiteDetail, **PROBLEMS}, operation_id="get_site"
)
def get_site(request: HttpRequest, domain: Domain) -> SiteDetail:
    """A site with its checks, its uptime over a day, a week and a month, and when its certificate runs out."""
    site = selectors.site_named(domain)
    checks = list(selectors.checks().filter(site=site))
    ids = [check.pk for check in checks]
    http = [check.pk for check in checks if check.kind == "http"] or ids
    found = selectors.uptimes(http)
    windows = {name: UptimeOut.of(one) for pk in http[:1] for name, one in found[pk].items()}
    standing = selectors.worst(map(selectors.standing_of, checks))
    return SiteDetail(
        **SiteOut.fields_of(site, standing),
        uptime=windows,
        tls_expires_at=selectors.tls_expiry(checks),
        checks=[CheckOut.of(check) for check in checks],
        last_results=[ResultOut.of(one) for one in selectors.last_results(ids)],
    )


@router.post(
    "/infra/sites/{domain}/probe",
    auth=WRITE,
    response={202: ProbeOut, **PROBLEMS},
    operation_id="probe_site",
)
def probe_site(request: HttpRequest, domain: Domain) -> Status[ProbeOut]:
    """Have its checks looked at now, by the prober; the answer does not wait for it."""
    site = selectors.site_named(domain)
    return Status(202, ProbeOut(due=services.probe_now(by=caller(request), site=site)))


@router.get("/infra/checks", auth=READ, response={200: CheckList, **PROBLEMS}, operation_id="list_checks")
def list_checks(request: HttpRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> CheckList:
    page = selectors.list_checks(limit=limit, cursor=cursor)
    return CheckList(items=[CheckOut.of(check) for check in page.items], next_cursor=page.next_cursor)


@router.get(
    "/infra/incidents", auth=READ, response={200: IncidentList, **PROBLEMS}, operation_id="list_incidents"
)
def list_incidents(
    request: HttpRequest, state: State = "", limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> IncidentList:
    """Incidents, newest first; `state=unresolved` for what is open or acknowledged."""
    page = selectors.list_incidents(state=state, limit=limit, cursor=cursor)
    return IncidentList(items=[IncidentOut.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.post(
    "/infra/incidents",
    auth=WRITE,
    response={201: IncidentOut, **PROBLEMS},
    operation_id="declare_incident",
    openapi_extra=idempotent(),
)
def declare_incident(request: HttpRequest, body: IncidentIn) -> Status[IncidentOut]:
    """Say that something is wrong which no check sees: the severity's policy hears at once, level by level."""
    made = services.declare(
        by=caller(request), title=body.title, severity=body.severity, detail=body.detail, sites=body.sites,
        services=body.services,
    )  # fmt: skip
    return Status(201, IncidentOut.of(made))


@router.get(
    "/infra/incidents/{int:incident_id}",
    auth=READ,
    response={200: IncidentDetail, **PROBLEMS},
    operation_id="get_incident",
)
def get_incident(request: HttpRequest, incident_id: int) -> IncidentDetail:
    incident = selectors.incident_numbered(incident_id)
    timeline = [EntryOut.of(entry) for entry in incident.entries.order_by("id")[:500]]
    return IncidentDetail(**IncidentOut.of(incident).model_dump(), timeline=timeline)


@router.post(
    "/infra/incidents/{int:incident_id}/ack",
    auth=WRITE,
    response={200: IncidentOut, **PROBLEMS},
    operation_id="acknowledge_incident",
)
def acknowledge_incident(request: HttpRequest, incident_id: int, body: IncidentNoteIn) -> IncidentOut:
    """Say that somebody has it: it climbs no further. 409 when it is resolved."""
    incident = services.acknowledge(by=caller(request), incident_id=incident_id, note=body.note)
    return IncidentOut.of(incident)


@router.post(
    "/infra/incidents/{int:incident_id}/resolve",
    auth=WRITE,
    response={200: IncidentOut, **PROBLEMS},
    operation_id="resolve_incident",
)
def resolve_incident(request: HttpRequest, incident_id: int, body: IncidentNoteIn) -> IncidentOut:
    """Say that it is over. Resolving it twice changes nothing."""
    return IncidentOut.of(services.resolve(by=caller(request), incident_id=incident_id, note=body.note))


@router.get("/infra/costs", auth=READ, response={200: HostingCostList, **PROBLEMS}, operation_id="list_costs")
def list_costs(request: HttpRequest) -> HostingCostList:
    """What things cost in euro a month, now and as planned, with the totals of what counts."""
    rows = Cost.objects.select_related("site", "platform")
    totals = {name: RangeOut.of(found) for name, found in selectors.cost_totals().items()}
    return HostingCostList(items=[HostingCostOut.of(cost) for cost in rows], totals=totals)
