"""Hosts over HTTP: their heartbeats, what their agents look after, and how fresh all of it is."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Router

from alai.kernel.api import PROBLEMS, Scope, caller
from infra import selectors_hosts, services
from infra.hosts_schemas import (
    HeartbeatIn,
    HeartbeatOut,
    HostList,
    HostOrdersOut,
    HostOut,
    ServiceOrderOut,
)

router = Router(tags=["infra"])
READ = Scope("infra:read", "infra:write")
WRITE = Scope("infra:write")
HostName = Annotated[str, Path(max_length=100)]


@router.get("/infra/hosts", auth=READ, response={200: HostList, **PROBLEMS}, operation_id="list_hosts")
def list_hosts(request: HttpRequest) -> HostList:
    """Every host with its last beat: fresh, late (one missed), silent (two or more), or never seen."""
    return HostList(items=[HostOut.of(host) for host in selectors_hosts.hosts()])


@router.get(
    "/infra/heartbeats/{host}",
    auth=WRITE,
    response={200: HostOrdersOut, **PROBLEMS},
    operation_id="get_heartbeat_orders",
)
def get_heartbeat_orders(request: HttpRequest, host: HostName) -> HostOrdersOut:
    """What the host's agent has to look after: its registered services, and which of them it restarts."""
    caller(request).require_host(host)
    found = services.host_named(host)
    orders = [ServiceOrderOut.of(one) for one in selectors_hosts.services_of(found)]
    return HostOrdersOut(host=found.slug, every_seconds=selectors_hosts.EVERY, services=orders)


@router.post(
    "/infra/heartbeats/{host}",
    auth=WRITE,
    response={200: HeartbeatOut, **PROBLEMS},
    operation_id="send_heartbeat",
)
def send_heartbeat(request: HttpRequest, host: HostName, body: HeartbeatIn) -> HeartbeatOut:
    """The host lives. Two minutes of silence are an incident, so is a registered service that is down twice in a row.

    A token that is limited to hosts beats for those alone.
    """
    done = services.record_beat(by=caller(request), host=host, vitals=body.vitals())
    return HeartbeatOut(host=host, at=done.at, unknown_services=done.unknown)
