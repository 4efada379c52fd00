"""Tokens over their life: who may make which, rotated with an overlap, revoked, about to expire.

`alai.kernel.auth` makes them and checks them at the door.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from alai.kernel import audit
from alai.kernel.auth import issue_token
from alai.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from alai.kernel.models import SCOPES, Actor, Token
from alai.kernel.principals import Principal

DEFAULT_OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=7)
PRIVILEGED = ("ceo", "admin")
VALID = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now()))


@dataclass(frozen=True, slots=True)
class Rotated:
    """The new token with its text, which is never to be seen again, and when the old one ends."""

    token: Token
    text: str
    old_ends_at: datetime


# --- Reads ------------------------------------------------------------------------------------------


def own_agents(by: Principal) -> QuerySet[Actor]:
    """The agents whose tokens a signed-in person makes."""
    return Actor.objects.filter(kind=Actor.Kind.AGENT, owner__username=by.actor, is_active=True)


def own(by: Principal) -> QuerySet[Token]:
    """A person's own tokens and their agents'; for a token those of its actor."""
    if not by.is_session:
        return Token.objects.filter(actor__name=by.actor)
    agents = Q(actor__kind=Actor.Kind.AGENT, actor__owner__username=by.actor)
    return Token.objects.filter(agents | Q(actor__user__username=by.actor))


def visible_to(by: Principal) -> QuerySet[Token]:
    return Token.objects.all() if by.has("admin") else own(by)


def grantable(by: Principal) -> list[str]:
    """The scopes that a person may give to a token: what OWN_TOKEN_SCOPES allows, and what they may do themselves."""
    allowed = set(settings.OWN_TOKEN_SCOPES) - set(PRIVILEGED)
    return [scope for scope in SCOPES if by.has(scope) or scope in allowed]


def expiring(tokens: QuerySet[Token]) -> QuerySet[Token]:
    """Those that end within TOKEN_WARNING_DAYS and nothing has taken their place, the first to end first.

    A token that was rotated counts as replaced once the new one was used, and not before.
    """
    soon = Q(expires_at__gt=Now(), expires_at__lte=Now() + timedelta(days=settings.TOKEN_WARNING_DAYS))
    still_used = Q(last_used_at__gt=F("successor__created_at"), successor__last_used_at=None)
    open_ended = Q(successor=None) | (still_used & Q(successor__revoked_at=None))
    return (
        tokens.filter(VALID, soon, open_ended)
        .filter(actor__is_active=True)
        .select_related("actor", "successor")
        .order_by("expires_at")
    )


# --- Writes -----------------------------------------------------------------------------------------


def make_own(
    *,
    by: Principal,
    agent_id: int,
    scopes: Sequence[str],
    days: int,
    name: str = "",
    teams: Sequence[str] = (),
    accounts: Sequence[str] = (),
    hosts: Sequence[str] = (),
) -> tuple[Token, str]:
    """A token for one of the person's own agents, and its text, which is never to be seen again.

    Raises NotFound for an agent of somebody else, Forbidden for a scope beyond `grantable`, Invalid.
    """
    agent = own_agents(by).filter(pk=agent_id).first() if by.is_session else None
    if agent is None:
        raise NotFound("You have no such agent; an administrator names an agent's owner.")
    if not scopes:
        raise Invalid("Choose at least one scope.")
    if not 1 <= days <= settings.OWN_TOKEN_DAYS:
        raise Invalid(f"A token of your own lives for 1 to {settings.OWN_TOKEN_DAYS} days.")
    _must_grant(by, scopes)
    return issue_token(
        actor=agent,
        scopes=list(scopes),
        name=name,
        expires_at=_now() + timedelta(days=days),
        teams=list(teams),
        accounts=list(accounts),
        hosts=list(hosts),
    )


def rotate(*, by: Principal, token_id: int, overlap: timedelta = DEFAULT_OVERLAP) -> Rotated:
    """A new token that may do the same and lives as long; the old one works for `overlap` more, then expires.

    The database's clock decides when the old one ends. A token may rotate itself; else it takes a person, or
    an unlimited token with the scope `admin`, who may hand out all of its scopes. Raises NotFound, Forbidden,
    Invalid, or Conflict (`token_ended`, `already_rotated`).
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise Invalid("The old token can go on for 0 hours to 7 days.")
    with audit.writing(why=f"rotated by {by.actor}"):
        # Locked: of two rotations at once the second finds the first's successor.
        found = visible_to(by).select_for_update(of=("self",)).select_related("actor")
        old = found.filter(pk=token_id).annotate(clock=Now()).first()
        if old is None:
            raise NotFound(f"There is no token {token_id} of yours.")
        _must_rotate(by, old)
        ends_at = _earlier(old.expires_at, old.clock + overlap)
        lifetime = old.expires_at - old.created_at if old.expires_at else None
        Token.objects.filter(pk=old.pk).update(expires_at=ends_at)
        token, text = issue_token(
            actor=old.actor,
            scopes=old.scopes,
            name=old.name,
            expires_at=old.clock + lifetime if lifetime else None,
            teams=old.teams,
            accounts=old.accounts,
            hosts=old.hosts,
            replaces=old,
        )
    return Rotated(token, text, ends_at)


def revoke(tokens: QuerySet[Token], *, why: str) -> int:
    """Refuse the tokens from now on; answers how many were still usable."""
    with audit.writing(why=why):
        return Token.objects.filter(pk__in=tokens.values("pk"), revoked_at=None).update(revoked_at=Now())


def _must_rotate(by: Principal, old: Any) -> None:
    if old.pk != by.token_id:
        if by.token_id and (not by.has("admin") or by.teams or by.accounts or by.hosts):
            raise Forbidden("A token rotates itself; others take an unlimited one with the scope admin.")
        _must_grant(by, old.scopes)
    if Token.objects.filter(replaces=old).exists():
        raise Conflict(f"{old.prefix}… was rotated already: rotate the new one.", code="already_rotated")
    if old.revoked_at or (old.expires_at and old.expires_at <= old.clock) or not old.actor.is_active:
        raise Conflict(f"{old.prefix}… is not valid any more: make a new token.", code="token_ended")


def _must_grant(by: Principal, scopes: Sequence[str]) -> None:
    beyond = sorted(set(scopes) - set(grantable(by)))
    if beyond:
        raise Forbidden(
            f"You cannot hand out {', '.join(beyond)}.", code="scope_not_grantable", scopes=beyond
        )


def _earlier(first: datetime | None, second: datetime) -> datetime:
    return min(first, second) if first else second


def _now() -> datetime:
    """The database's clock, against which tokens are judged."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    return row[0]
