"""An incident that somebody declares, where no check sees what is wrong. It climbs like any other."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from alai.kernel import audit
from alai.kernel.errors import Invalid
from alai.kernel.principals import Principal
from infra.models import Incident, Record, Service, Severity, Site
from infra.services.climbing import begin
from infra.services.limits import require_declared
from missioncontrol.services.common import acting_as


def declare(
    *,
    by: Principal,
    title: str,
    severity: str,
    detail: str = "",
    sites: Sequence[str] = (),
    services: Sequence[str] = (),
) -> Incident:
    """Open an incident about these sites and services; the severity's policy is told at once, level by level.

    Raises Invalid for names that the registry does not have, Forbidden for a token that is limited to other hosts.
    """
    if not title.strip():
        raise Invalid("Say in `title` what is wrong.", errors=[{"loc": ["body", "title"], "msg": "required"}])
    rank = _named(Severity, [severity], "severity")[0]
    named_sites, named_services = _named(Site, sites, "sites"), _named(Service, services, "services")
    require_declared(by, named_sites, named_services)
    with acting_as(by), audit.writing():
        now = timezone.now()
        incident = Incident(
            title=title.strip()[:200],
            detail=detail.strip()[:300],
            opened_at=now,
            told_from=now,  # a person's word needs no second look
            steps=list(rank.policy.steps) if rank.policy else [],
        )
        begin(incident, severity=rank, by=by.actor)
        incident.sites.set(named_sites)
        incident.services.set(named_services)
    return incident


def _named[R: Record](model: type[R], names: Sequence[str], field: str) -> list[Any]:
    """The records of these names, in their order; Invalid names the first that is not there."""
    rows = model._default_manager.filter(slug__in=names)
    found = {row.slug: row for row in rows}
    for name in names:
        if name not in found:
            problem = {"loc": ["body", field], "msg": "not in the registry"}
            raise Invalid(f"The registry has no {name[:100]} ({field}).", errors=[problem])
    return [found[name] for name in dict.fromkeys(names)]
