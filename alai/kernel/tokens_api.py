"""`GET /me/tokens` and `POST /tokens/{id}/rotate`."""

from datetime import datetime, timedelta
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from alai.kernel import pagination, tokens
from alai.kernel.api import PROBLEMS, Scope, caller
from alai.kernel.models import Token
from alai.kernel.shapes import Body, Id

router = Router(tags=["access"])


class TokenOut(Schema):
    """What is known of a token; never its text."""

    id: int
    actor: str
    name: str
    prefix: str
    scopes: list[str]
    teams: list[str]
    accounts: list[str]
    hosts: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None
    revoked_at: datetime | None
    replaces: int | None
    replaced_by: int | None

    @classmethod
    def of(cls, token: Token) -> "TokenOut":
        successor = getattr(token, "successor", None)
        return cls(
            actor=token.actor.name,
            replaces=token.replaces_id,
            replaced_by=successor.pk if successor else None,
            **{name: getattr(token, name) for name in PLAIN},
        )


PLAIN = [name for name in TokenOut.model_fields if name not in ("actor", "replaces", "replaced_by")]


class TokensOut(Schema):
    items: list[TokenOut]
    next_cursor: str | None


class RotateIn(Body):
    overlap_hours: Annotated[float, Field(ge=0, le=168)] = 24


class RotatedOut(TokenOut):
    """`token` is shown this once; the old one works until `old_expires_at`."""

    token: str
    old_expires_at: datetime


@router.get("/me/tokens", auth=Scope(), response={200: TokensOut, **PROBLEMS}, operation_id="my_tokens")
def my_tokens(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=pagination.MAX_LIMIT)] = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> TokensOut:
    """The caller's tokens, the newest first: with a token those of its actor, with a session also its agents'."""
    rows = tokens.own(caller(request)).select_related("actor", "successor")
    page = pagination.by_id(rows, limit=limit, cursor=cursor)
    return TokensOut(items=[TokenOut.of(token) for token in page.items], next_cursor=page.next_cursor)


@router.post(
    "/tokens/{token_id}/rotate",
    auth=Scope(),
    response={201: RotatedOut, **PROBLEMS},
    operation_id="rotate_token",
)
def rotate_token(
    request: HttpRequest, response: HttpResponse, token_id: Id, body: RotateIn | None = None
) -> Status[RotatedOut]:
    """A new token in place of this one, which goes on working for `overlap_hours` and then expires by itself.

    A token may rotate itself; the scope `admin` rotates any.
    """
    overlap = timedelta(hours=(body or RotateIn()).overlap_hours)
    made = tokens.rotate(by=caller(request), token_id=token_id, overlap=overlap)
    response["Cache-Control"] = "no-store"  # nor is it kept for a repeated Idempotency-Key
    facts = TokenOut.of(made.token).model_dump()
    return Status(201, RotatedOut(**facts, token=made.text, old_expires_at=made.old_ends_at))
