"""`GET /me`: whose token is this, and what may it do?"""

from django.http import HttpRequest
from ninja import Router, Schema

from alai.kernel.api import PROBLEMS, Scope, caller

router = Router(tags=["access"])


class MeOut(Schema):
    actor: str
    scopes: list[str]
    session: bool
    teams: list[str]
    accounts: list[str]
    hosts: list[str]


@router.get("/me", auth=Scope(), response={200: MeOut, **PROBLEMS}, operation_id="me")
def me(request: HttpRequest) -> MeOut:
    """The caller as this server sees it; empty lists of teams, accounts and hosts mean no limit."""
    by = caller(request)
    return MeOut(
        actor=by.actor,
        scopes=sorted(by.scopes),
        session=by.is_session,
        teams=list(by.teams),
        accounts=list(by.accounts),
        hosts=list(by.hosts),
    )
