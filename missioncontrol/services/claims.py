"""Claims: the verbs of the claim protocol, each one statement of `missioncontrol.leases`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import transaction

from alai.kernel import audit
from alai.kernel.errors import Forbidden
from alai.kernel.principals import Principal
from missioncontrol import leases
from missioncontrol.leases import Standing
from missioncontrol.models import Grant, Priority
from missioncontrol.querysets import ClockTimestamp
from missioncontrol.services.common import acting_as, check_team_limit, refuse, visible_task

CEO_APPROVED = "[CEO_APPROVED]"


@dataclass(frozen=True, slots=True)
class Override:
    """A claim or release over somebody's lease: the approval's words, why, and the grant that allows it."""

    approval: str
    reason: str
    grant_id: int | None = None


@dataclass(frozen=True, slots=True)
class NextFilters:
    """Which tasks `claim_next` considers; empty means all.

    `capabilities` are what the caller can do; None means those recorded of its actor.
    """

    teams: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    parent_id: int | None = None
    priority_at_least: Priority | None = None
    capabilities: tuple[str, ...] | None = None

    def sql(self) -> tuple[str, dict[str, Any]]:
        """Conditions on the task `t`, and their values. Of one team an index knows the best task."""
        alone = self.teams[0] if len(self.teams) == 1 else None
        conditions: dict[str, tuple[str, Any]] = {
            "AND t.team = %(team)s::text": ("team", alone),
            "AND t.team = ANY(%(teams)s)": ("teams", list(self.teams) if alone is None else None),
            "AND t.owner = ANY(%(owners)s)": ("owners", list(self.owners)),
            "AND t.tags @> %(tags)s::varchar[]": ("tags", list(self.tags)),
            "AND t.source = ANY(%(sources)s)": ("sources", list(self.sources)),
            "AND t.parent_id = %(parent)s::bigint": ("parent", self.parent_id),
        }
        used = {text: pair for text, pair in conditions.items() if pair[1] not in (None, [])}
        params: dict[str, Any] = dict(used.values())
        text = " ".join(used)
        if self.priority_at_least is not None:
            text += " AND t.priority >= %(priority)s::smallint"
            params["priority"] = self.priority_at_least.value
        return text, params


def claim_task(
    *,
    by: Principal,
    task_id: int,
    session: str,
    ttl: timedelta,
    actor: str | None = None,
    override: Override | None = None,
) -> Standing:
    """Take the task's lease, or refuse naming its holder. Source: handbook, "mc.js claim"."""
    name = by.name_for(actor)
    check_team_limit(by, task_id)
    if override is None:
        with acting_as(by, name):
            return refuse(leases.claim(task_id, actor=name, session=session, ttl=ttl), task_id)
    with acting_as(by, name, why=override.reason), _overriding(by, task_id, "claim", override):
        standing = leases.claim(
            task_id, actor=name, session=session, ttl=ttl, override=True, note=_allowed_by(by, override)
        )
        return refuse(standing, task_id)


def claim_next(
    *, by: Principal, session: str, ttl: timedelta, filters: NextFilters, actor: str | None = None
) -> Standing | None:
    """Take the best claimable task: priority, then due date, then age. None when there is none.

    Refused to an actor that holds as many tasks as it may.
    """
    name = by.name_for(actor)
    if by.teams:
        allowed = tuple(team for team in filters.teams or by.teams if team in by.teams)
        if not allowed:
            by.require_team(filters.teams[0])
        filters = replace(filters, teams=allowed)
    sql, params = filters.sql()
    capabilities = None if filters.capabilities is None else list(filters.capabilities)
    with acting_as(by, name):
        standing = leases.claim_next(
            actor=name,
            session=session,
            ttl=ttl,
            capabilities=capabilities,
            filters=sql,
            params=params,
            teams=filters.teams,
        )
    return standing and refuse(standing, standing.id)


def extend_claim(
    *,
    by: Principal,
    task_id: int,
    session: str,
    ttl: timedelta,
    actor: str | None = None,
    fence: int | None = None,
) -> Standing:
    """Prolong the caller's own live lease."""
    name = by.name_for(actor)
    check_team_limit(by, task_id)
    with acting_as(by, name):
        return refuse(leases.extend(task_id, actor=name, session=session, ttl=ttl, fence=fence), task_id)


def release_claim(
    *,
    by: Principal,
    task_id: int,
    session: str,
    actor: str | None = None,
    fence: int | None = None,
    override: Override | None = None,
    force_reason: str = "",
) -> Standing:
    """End the caller's lease. `force_reason` (scope admin) or `override` (CEO) ends anybody's, raising the fence."""
    if force_reason:
        by.require("admin")
    name = by.name_for(actor)
    check_team_limit(by, task_id)
    if override is None and not force_reason:
        with acting_as(by, name):
            return refuse(leases.release(task_id, actor=name, session=session, fence=fence), task_id)
    if override:
        with acting_as(by, name, why=override.reason), _overriding(by, task_id, "release", override):
            standing = leases.release(
                task_id, actor=name, session=session, override=True, note=_allowed_by(by, override)
            )
            return refuse(standing, task_id)
    with acting_as(by, name, why=force_reason), transaction.atomic():
        audit.record(action="force-release", target_type="task", target_id=task_id)
        standing = leases.release(task_id, actor=name, session=session, override=True)
        return refuse(standing, task_id)


def sweep_claims(*, by: Principal, auto_release: bool) -> tuple[list[Standing], int]:
    """The expired leases; with `auto_release` they are ended, and the second value counts them."""
    sql, params = NextFilters(teams=by.teams).sql()
    if not auto_release:
        return leases.expired(filters=sql, params=params), 0
    with acting_as(by):
        swept = leases.sweep(filters=sql, params=params)
    return swept, len(swept)


def record_grant(*, by: Principal, task_id: int, action: str, reason: str) -> Grant:
    """A CEO's permission for one override of the task's lease, good for 24 hours and once."""
    by.require("ceo")
    task = visible_task(by, task_id)
    with acting_as(by), audit.writing(why=reason):
        return Grant.objects.create(
            task=task,
            action=action,
            reason=reason,
            granted_by=by.actor,
        )


@contextmanager
def _overriding(by: Principal, task_id: int, action: str, override: Override) -> Iterator[None]:
    """One transaction of an authorised override; a refused one is on record too."""
    try:
        with transaction.atomic():
            _authorise(by, task_id, action, override)
            yield
    except Forbidden:
        audit.record(
            action=f"override-{action}-refused",
            target_type="task",
            target_id=task_id,
            approval=override.approval,
            grant_id=override.grant_id,
        )
        raise


def _authorise(by: Principal, task_id: int, action: str, override: Override) -> None:
    """403 unless the caller is a CEO or uses up a CEO's grant; always leaves an audit entry.

    The words `[CEO_APPROVED]` alone are no authority.
    """
    if override.approval != CEO_APPROVED:
        raise Forbidden(f"An override carries the approval {CEO_APPROVED}.", code="override_not_allowed")
    if not by.has("ceo") and not _use_grant(by, task_id, action, override.grant_id):
        raise Forbidden(
            "An override needs the scope ceo, or the unused `grant_id` of a grant that a CEO recorded "
            f"for this task and the action {action}.",
            code="override_not_allowed",
        )
    audit.record(
        action=f"override-{action}",
        target_type="task",
        target_id=task_id,
        approval=override.approval,
        grant_id=override.grant_id,
    )


def _allowed_by(by: Principal, override: Override) -> dict[str, Any]:
    """Whose permission the event names: the CEO's own, or that of the grant."""
    if by.has("ceo") or override.grant_id is None:
        return {"approved_by": by.actor}
    grant = Grant.objects.get(pk=override.grant_id)
    return {"approved_by": grant.granted_by, "grant_id": grant.pk}


def _use_grant(by: Principal, task_id: int, action: str, grant_id: int | None) -> bool:
    if grant_id is None:
        return False
    unused = Grant.objects.filter(
        pk=grant_id, task_id=task_id, action=action, used_at=None, expires_at__gt=ClockTimestamp()
    )
    return unused.update(used_at=ClockTimestamp(), used_by=by.actor) == 1
