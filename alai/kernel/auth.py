"""Bearer tokens and the admin session, turned into a principal."""

import hashlib
import secrets
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.http import HttpRequest
from psycopg import Cursor

from alai.kernel import audit, two_factor
from alai.kernel.address import client_address
from alai.kernel.models import SCOPES, Actor, Token
from alai.kernel.people import session_scopes
from alai.kernel.principals import Principal

PREFIX = "mct_"
# One look-up; "last used" is kept to the minute so that reading does not become writing.
LOOK_UP = """
SELECT t.id, a.name, t.scopes, t.teams, t.accounts, t.hosts,
       t.last_used_at IS NULL OR t.last_used_at < clock_timestamp() - interval '1 minute' AS note_use
FROM kernel_token t JOIN kernel_actor a ON a.id = t.actor_id LEFT JOIN auth_user o ON o.id = a.owner_id
WHERE t.digest = %s AND t.revoked_at IS NULL AND a.is_active AND o.is_active IS NOT FALSE
  AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
"""


def digest(token: str) -> str:
    """A token has 256 random bits, so a plain hash is as good as a slow one, and as quick as needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(
    *,
    actor: Actor,
    scopes: list[str],
    name: str = "",
    expires_at: datetime | None = None,
    teams: list[str] | None = None,
    accounts: list[str] | None = None,
    hosts: list[str] | None = None,
    replaces: Token | None = None,
) -> tuple[Token, str]:
    """A new token and its text, which is never to be seen again. ValueError for an unknown scope."""
    unknown = sorted(set(scopes) - SCOPES.keys())
    if unknown:
        raise ValueError(f"unknown scope {unknown[0]}; the scopes are {', '.join(SCOPES)}")
    text = PREFIX + secrets.token_urlsafe(32)
    with audit.writing():
        token = Token.objects.create(
            actor=actor,
            name=name,
            prefix=text[:10],
            digest=digest(text),
            scopes=sorted(set(scopes)),
            expires_at=expires_at,
            teams=teams or [],
            accounts=accounts or [],
            hosts=hosts or [],
            replaces=replaces,
        )
    return token, text


def authenticate(request: HttpRequest) -> Principal | None:
    """The principal of a bearer token, else of a member of staff who is signed in completely, else None."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        return _of_token(text.strip(), request) if scheme.lower() == "bearer" and text.strip() else None
    user = request.user if request.COOKIES else None
    if user is None or not user.is_authenticated or not user.is_active or not user.is_staff:
        return None
    if two_factor.missing(user, request.session):
        return None
    return Principal(actor=user.get_username(), scopes=session_scopes(user), is_session=True)


def _of_token(text: str, request: HttpRequest) -> Principal | None:
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        row = cursor.execute(LOOK_UP, [digest(text)], prepare=settings.DATABASE_PREPARE).fetchone()
    if row is None:
        return None
    token_id, actor, scopes, teams, accounts, hosts, note_use = row
    if note_use:
        Token.objects.filter(pk=token_id).update(last_used_at=Now(), last_used_from=client_address(request))
    return Principal(
        actor=actor,
        scopes=frozenset(scopes),
        token_id=token_id,
        teams=tuple(teams),
        accounts=tuple(accounts),
        hosts=tuple(hosts),
    )
