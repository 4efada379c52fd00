"""Somebody's word on the routing of models: a server counts as well or not, a tier is pinned, for a while."""

from datetime import datetime, timedelta

from alai.kernel import audit
from alai.kernel.errors import Invalid, NotFound
from alai.kernel.principals import Principal
from infra import records
from infra.models import ModelServer, ModelTier, RoutingOverride
from missioncontrol.services.common import acting_as

LONGEST = timedelta(days=7)


def override_server(
    *, by: Principal, server: str, healthy: bool, reason: str, expires_at: datetime
) -> RoutingOverride:
    """From now on the server counts as healthy, or as down, whatever the checks see. Another word replaces it.

    Raises NotFound, Invalid, or Forbidden for a token that is limited to other hosts.
    """
    found = _server(by, server)
    _check(reason, expires_at)
    with acting_as(by, why=reason), audit.writing():
        fields = {
            "healthy": healthy,
            "reason": reason,
            "by": by.actor,
            "at": records.clock(),
            "expires_at": expires_at,
        }
        override, _ = RoutingOverride.objects.update_or_create(server=found, tier=None, defaults=fields)
    return override


def pin_tier(*, by: Principal, tier: str, server: str, reason: str, expires_at: datetime) -> RoutingOverride:
    """From now on the tier goes to the server while that serves it. Another word replaces it; raises as above,
    also when the word that would be replaced names a server beyond the token's hosts."""
    found, pinned = _server(by, server), _tier(tier)
    _check(reason, expires_at)
    with acting_as(by, why=reason), audit.writing():
        for one in RoutingOverride.objects.filter(tier=pinned).select_related("server__host"):
            by.require_host(one.server.host.slug)
        fields = {
            "server": found,
            "reason": reason,
            "by": by.actor,
            "at": records.clock(),
            "expires_at": expires_at,
        }
        override, _ = RoutingOverride.objects.update_or_create(tier=pinned, defaults=fields)
    return override


def clear_override(*, by: Principal, reason: str, server: str = "", tier: str = "") -> int:
    """Take a server's override or a tier's pin back; answers how many there were."""
    words = (
        RoutingOverride.objects.filter(tier=_tier(tier))
        if tier
        else RoutingOverride.objects.filter(tier=None)
    )
    if not tier:
        words = words.filter(server=_server(by, server))
    if not reason.strip():
        raise _no_reason()
    with acting_as(by, why=reason), audit.writing():
        for one in words.select_related("server__host"):
            by.require_host(one.server.host.slug)
        gone: int = words.delete()[0]
    return gone


def _check(reason: str, expires_at: datetime) -> None:
    if not reason.strip():
        raise _no_reason()
    now = records.clock()
    if not now < expires_at <= now + LONGEST:
        raise Invalid(
            f"An override expires within {LONGEST.days} days, and not in the past.",
            errors=[{"loc": ["body", "expires_at"], "msg": "within 7 days from now"}],
        )


def _no_reason() -> Invalid:
    return Invalid(
        "Say in `reason` why the checks are overruled.",
        errors=[{"loc": ["body", "reason"], "msg": "required"}],
    )


def _server(by: Principal, name: str) -> ModelServer:
    found = ModelServer.objects.select_related("host").filter(slug=name).first()
    if found is None:
        known = ", ".join(ModelServer.objects.order_by("slug").values_list("slug", flat=True)[:20]) or "none"
        raise NotFound(
            f"There is no model server {name[:100]}; there are {known}.", code="model_server_not_found"
        )
    by.require_host(found.host.slug)
    return found


def _tier(name: str) -> ModelTier:
    found = ModelTier.objects.filter(slug=name).first()
    if found is None:
        raise NotFound(f"There is no tier {name[:100]}.", code="tier_not_found")
    return found
