"""Leases: who may work on a task, decided by one SQL statement a verb (`missioncontrol.lease_sql`)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg import Cursor

from alai.kernel import audit, context
from missioncontrol import lease_sql

MAX_SWEEP = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """What a statement found and did. `verdict` is `ok` or the code of the refusal.

    `lease_*` and `status` tell what stands now; `moment` is the database clock at the decision.
    `changed` is true when the statement wrote. `holds` are the tasks of an actor that may hold no more
    (verdict `wip_limit`).
    """

    id: int
    status: str
    verdict: str
    changed: bool
    live: bool
    lease_actor: str
    lease_session: str
    lease_until: datetime | None
    fencing_token: int
    moment: datetime
    holds: list[int] | None = None

    @property
    def holder(self) -> str:
        return f"{self.lease_actor}:{self.lease_session}"


@dataclass(frozen=True, slots=True)
class Presented:
    """What a writer shows: its actor, the fence it was granted, and whether it writes as a person.

    `session` is compared when it is given. `protected` says that the write needs the lease of a leased task.
    `reason` is what a person gives for taking a leased task over.
    """

    actor: str
    fence: int | None = None
    session: str = ""
    person: bool = False
    protected: bool = True
    reason: str = ""


def claim(
    task_id: int,
    *,
    actor: str,
    session: str,
    ttl: timedelta,
    override: bool = False,
    note: dict[str, Any] | None = None,
) -> Standing | None:
    """Grant the task's lease, or tell who holds it; None when there is no such task.

    `note` joins the event's data.
    """
    facts = {**({"override": True} if override else {}), **(note or {})}
    return _one(lease_sql.CLAIM, task=task_id, override=override, **_grant(actor, session, ttl, facts))


def claim_next(
    *,
    actor: str,
    session: str,
    ttl: timedelta,
    capabilities: list[str] | None = None,
    filters: str = "",
    params: dict[str, Any] | None = None,
    teams: Sequence[str] = (),
) -> Standing | None:
    """Grant the best claimable task, never the same to two callers; None when there is none.

    A task is claimable whose requirements lie within `capabilities`; None means those recorded of the actor.
    `filters` is SQL of our own about `t` (never a caller's words), with its values in `params`. `teams` are those
    that the filters let through, if they name any: where to look.
    """
    sql, parts = lease_sql.next_statement(filters, teams)
    grant = _grant(actor, session, ttl, {})
    return _one(sql, override=False, capabilities=capabilities, **grant, **parts, **(params or {}))


def extend(
    task_id: int, *, actor: str, session: str, ttl: timedelta, fence: int | None = None
) -> Standing | None:
    """Prolong the caller's live lease from now on; None when there is no such task. A `fence` that is given has to
    be the lease's: the same session may have lost it and claimed anew meanwhile."""
    return _one(lease_sql.EXTEND, task=task_id, fence=fence, **_grant(actor, session, ttl, {}))


def release(
    task_id: int,
    *,
    actor: str,
    session: str,
    fence: int | None = None,
    override: bool = False,
    note: dict[str, Any] | None = None,
) -> Standing | None:
    """End the caller's lease, whose `fence` is compared when it is given; with `override` anybody's, raising the
    fence. Verdict `free` when none stands."""
    facts = json.dumps({**({"override": True} if override else {}), **(note or {})})
    return _one(
        lease_sql.RELEASE,
        task=task_id,
        actor=actor,
        session=session,
        fence=fence,
        override=override,
        note=facts,
    )


def judge(task_id: int, presented: Presented) -> Standing | None:
    """Lock the task and say whether the write may go on; the caller's transaction keeps the lock."""
    return _one(lease_sql.JUDGE, task=task_id, **_presented(presented))


def change(
    task_id: int,
    presented: Presented,
    *,
    kind: str,
    status: str,
    owner: str | None = None,
    note: dict[str, Any] | None = None,
) -> Standing | None:
    """Change status or owner under the fence; ready, done and cancelled end the lease, a person's takeover too."""
    return _one(
        lease_sql.CHANGE,
        task=task_id,
        kind=kind,
        status=status,
        owner=owner,
        note=json.dumps(_marked(note or {})),
        why=presented.reason,
        **_presented(presented),
    )


def status(task_id: int) -> Standing | None:
    return _one(lease_sql.STATUS, task=task_id)


def expired(*, filters: str = "", params: dict[str, Any] | None = None) -> list[Standing]:
    """The leases that have run out and were not yet ended, oldest first, at most 1,000."""
    return _run(lease_sql.EXPIRED.format(filters=filters), limit=MAX_SWEEP, **(params or {}))


def sweep(*, filters: str = "", params: dict[str, Any] | None = None) -> list[Standing]:
    """End the leases that have run out, at most 1,000 at a time; each result names the former holder."""
    return _run(lease_sql.SWEEP.format(filters=filters), limit=MAX_SWEEP, **(params or {}))


def _grant(actor: str, session: str, ttl: timedelta, note: dict[str, Any]) -> dict[str, Any]:
    enforced: bool = settings.MC_LEASE_ENFORCE
    note = _marked(note)
    return {"actor": actor, "session": session, "ttl": ttl, "enforced": enforced, "note": json.dumps(note)}


def _marked(note: dict[str, Any]) -> dict[str, Any]:
    """With what everything is marked that is written while nobody's lease is enforced."""
    return note if settings.MC_LEASE_ENFORCE else {**note, "unenforced": True}


def _presented(presented: Presented) -> dict[str, Any]:
    return {
        "actor": presented.actor,
        "session": presented.session,
        "fence": presented.fence,
        "person": presented.person,
        "protected": presented.protected,
        "reason": presented.reason,
        "enforced": settings.MC_LEASE_ENFORCE,
    }


def _one(sql: str, **params: Any) -> Standing | None:
    rows = _run(sql, **params)
    return rows[0] if rows else None


def _run(sql: str, **params: Any) -> list[Standing]:
    """Run a named statement as it is, prepared, past Django's cursor: that costs a third of a claim."""
    acting = context.current()
    params = {
        "by": acting.actor,
        "behalf": acting.on_behalf_of,
        "why": acting.why,
        "request": acting.request_id,
        "context": audit.context_json(history=lease_sql.TABLE),
        **params,
    }
    params["why"] = params["why"] or acting.why  # a takeover brings its own reason
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        rows = cursor.execute(sql, params, prepare=settings.DATABASE_PREPARE).fetchall()
    return [Standing(*row[:-1]) for row in rows]
