"""The routing of models over HTTP."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from alai.kernel.api import PROBLEMS, Scope, caller
from alai.kernel.errors import Invalid
from alai.kernel.shapes import Body, Moment
from infra import records, selectors_routing, services
from infra.routing import Health, Route
from infra.selectors_routing import Override, Routing, Seen

router = Router(tags=["infra"])
READ = Scope("infra:read", "infra:write")
Name = Annotated[str, Field(min_length=1, max_length=100)]
SeenFrom = Annotated[
    str, Query(alias="from", max_length=100, description="The host that asks: its addresses are meant.")
]
HEALTHY = {Health.UP: True, Health.DOWN: False, Health.UNKNOWN: None}


class RouteOut(Schema):
    host: str | None = Field(
        description="A model server, or with `cloud` a provider; null while the tier waits."
    )
    url: str | None
    model: str | None
    reason: str
    cloud: bool

    @classmethod
    def of(cls, route: Route) -> "RouteOut":
        return cls(
            host=route.host,
            url=route.url or None,
            model=route.model or None,
            reason=route.reason,
            cloud=route.cloud,
        )


class OverrideOut(Schema):
    host: str
    tier: str | None
    healthy: bool | None
    reason: str
    by: str
    expires_at: datetime

    @classmethod
    def of(cls, override: Override) -> "OverrideOut":
        return cls(
            host=override.server, tier=override.tier, healthy=override.healthy, reason=override.reason, by=override.by,
            expires_at=override.expires_at,
        )  # fmt: skip


class ServerOut(Schema):
    healthy: bool | None = Field(description="Null: nobody knows.")
    state: Literal["up", "down", "unknown"]
    url: str
    models: list[str] = Field(description="What it has; of an unknown one what it should have.")
    last_check: datetime | None
    detail: str
    override: OverrideOut | None

    @classmethod
    def of(cls, seen: Seen) -> "ServerOut":
        server = seen.server
        return cls(
            healthy=HEALTHY[server.health], state=server.health.value, url=server.url, models=list(server.models),
            last_check=seen.looked_at, detail=server.why or seen.detail,
            override=OverrideOut.of(seen.override) if seen.override else None,
        )  # fmt: skip


class RoutingOut(Schema):
    at: datetime
    tiers: dict[str, RouteOut]
    hosts: dict[str, ServerOut]
    overrides: list[OverrideOut]

    @classmethod
    def of(cls, routing: Routing) -> "RoutingOut":
        return cls(
            at=routing.at,
            tiers={name: RouteOut.of(route) for name, route in routing.routes.items()},
            hosts={name: ServerOut.of(seen) for name, seen in routing.servers.items()},
            overrides=[OverrideOut.of(one) for one in routing.overrides],
        )


class PlannedServerOut(Schema):
    host: str
    role: str
    port: int
    path: str
    timeout_ms: int
    addresses: list[dict[str, str]] = Field(
        description="`via` and `url`, in order; the first that answers is taken."
    )


class RoutingPlanOut(Schema):
    """What a host needs to route by itself while we are away."""

    at: datetime
    servers: dict[str, PlannedServerOut]
    tiers: dict[str, dict[str, str]]
    rules: dict[str, dict[str, Any]]
    overrides: list[OverrideOut]

    @classmethod
    def of(cls, routing: Routing) -> "RoutingPlanOut":
        servers = {
            name: PlannedServerOut(
                host=seen.host, role=seen.role, port=seen.port, path=seen.path, timeout_ms=seen.timeout_ms,
                addresses=[{"via": via, "url": url} for via, url in seen.addresses],
            )
            for name, seen in routing.servers.items()
        }  # fmt: skip
        rules = {
            rule.name: {
                "server": rule.server, "rank": rule.rank, "tiers": list(rule.tiers), "to_server": rule.to_server,
                "to_models": dict(rule.to_models), "cloud": rule.cloud, "cloud_model": rule.cloud_model,
                "notes": routing.notes[rule.name],
            }
            for rule in routing.rules
        }  # fmt: skip
        return cls(
            at=routing.at,
            servers=servers,
            tiers={
                name: {"server": tier.server, "model": tier.model} for name, tier in routing.tiers.items()
            },
            rules=rules,
            overrides=[OverrideOut.of(one) for one in routing.overrides],
        )


class OverrideIn(Body):
    """`host` and `healthy` overrule a server's checks; `tier` and `host` pin a tier. Null takes it back."""

    host: Name | None = None
    tier: Name | None = None
    healthy: bool | None = None
    reason: Annotated[str, Field(max_length=500)] = Field("", description="Always needed.")
    expires_at: Moment | None = None
    minutes: Annotated[int, Field(ge=1, le=7 * 1440)] | None = Field(
        None, description="Instead; 60 without either."
    )

    def until(self) -> datetime:
        if self.expires_at is not None and self.minutes is not None:
            raise Invalid("Give either expires_at or minutes.")
        return self.expires_at or records.clock() + timedelta(minutes=self.minutes or 60)


@router.get("/infra/routing", auth=READ, response={200: RoutingOut, **PROBLEMS}, operation_id="get_routing")
def get_routing(request: HttpRequest, seen_from: SeenFrom = "") -> RoutingOut:
    """Which server and model take each tier now, and why. What is down or lacks the model is never named."""
    return RoutingOut.of(selectors_routing.routing(seen_from=seen_from))


@router.get(
    "/infra/routing/plan",
    auth=READ,
    response={200: RoutingPlanOut, **PROBLEMS},
    operation_id="get_routing_plan",
)
def get_routing_plan(request: HttpRequest) -> RoutingPlanOut:
    """Servers, tiers, rules and overrides: what `alai routing sync` keeps for when we are away."""
    return RoutingPlanOut.of(selectors_routing.routing())


@router.put(
    "/infra/routing/override",
    auth=Scope("infra:write"),
    response={200: RoutingOut, **PROBLEMS},
    operation_id="override_routing",
)
def override_routing(request: HttpRequest, body: OverrideIn) -> RoutingOut:
    """Overrule the checks for a while, with a reason; answers the routing that follows."""
    apply(caller(request), body)
    return RoutingOut.of(selectors_routing.routing())


def apply(by: Any, body: OverrideIn) -> None:
    """The service that the body means."""
    if body.tier is not None and body.healthy is not None:
        raise Invalid("Either pin a tier (tier, host) or overrule a server (host, healthy).")
    if body.tier is None and body.host is None:
        raise Invalid(
            "Name a host, or a tier.", errors=[{"loc": ["body", "host"], "msg": "required without tier"}]
        )
    if body.tier is not None and body.host is not None:
        services.pin_tier(
            by=by, tier=body.tier, server=body.host, reason=body.reason, expires_at=body.until()
        )
    elif body.tier is None and body.host is not None and body.healthy is not None:
        services.override_server(
            by=by, server=body.host, healthy=body.healthy, reason=body.reason, expires_at=body.until()
        )
    else:
        services.clear_override(by=by, server=body.host or "", tier=body.tier or "", reason=body.reason)
