"""A token that is limited to hosts acts on these alone: on their checks, and on the incidents of those.

What belongs to no host, as most checks of sites do, is beyond such a token. Reading is not limited.
"""

from collections.abc import Iterable

from alai.kernel.principals import Principal
from infra.models import Check, Incident, Service, Site

NO_HOST = ""


def require_checks(by: Principal, checks: Iterable[Check]) -> None:
    """403 unless each of the checks belongs to a host of the caller's token, and there is one at all."""
    if by.hosts:
        for host in {_host_of(check) for check in checks} or {NO_HOST}:
            by.require_host(host)


def require_incident(by: Principal, incident: Incident) -> None:
    """403 unless what the incident is about belongs to hosts of the caller's token."""
    if not by.hosts:
        return
    objective = incident.objective
    found = incident.check_record or (objective.check_record if objective else None)
    if found is not None:
        require_checks(by, [found])
    else:
        require_declared(by, incident.sites.all(), incident.services.select_related("host"))


def require_declared(by: Principal, sites: Iterable[Site], services: Iterable[Service]) -> None:
    """403 unless services alone are named, all of them on hosts of the caller's token."""
    if by.hosts:
        hosts = {one.host.slug if one.host else NO_HOST for one in services} | {NO_HOST for _ in sites}
        for host in hosts or {NO_HOST}:
            by.require_host(host)


def _host_of(check: Check) -> str:
    host = check.on_host
    return host.slug if host else NO_HOST
