"""Every endpoint without a token, with a wrong scope, and with the right one."""

import re
from typing import Any

import pytest

from alai.api import schema
from alai.kernel.auth import issue_token
from alai.kernel.models import SCOPES, Actor
from tests.cast import BASE, Caller, Cast, make_task

pytestmark = pytest.mark.django_db
OPERATIONS = [
    (method.upper(), path.removeprefix(BASE), operation)
    for path, operations in schema()["paths"].items()
    for method, operation in operations.items()
]
IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]
# Anybody with a token may ask about itself, and rotate itself.
OWN = {"/me", "/me/tokens", "/tokens/{token_id}/rotate"}
SCOPED = [case for case in OPERATIONS if case[1] not in OWN]
CEO_ONLY = {"/grants"}
SCOPES_BELOW = {  # path prefix -> what opens it; the ledger's for all others
    "/hivemind/": {"hivemind"},
    "/inbox/erasures": {"admin"},
    "/inbox/": {"inbox:read", "inbox:write"},
    "/infra/": {"infra:read", "infra:write"},
}
ADMIN_ONLY = {"/infra/slos/{objective}/override"}


def opening(path: str) -> set[str]:
    """The scopes of which one opens the path."""
    if path in ADMIN_ONLY:
        return {"admin"}
    below = (scopes for prefix, scopes in SCOPES_BELOW.items() if path.startswith(prefix))
    return next(below, {"tasks:read", "tasks:write"})


def caller_with(name: str, scopes: list[str]) -> Caller:
    return Caller(issue_token(actor=Actor.objects.create(name=name), scopes=scopes)[1])


def url(path: str, task_id: int) -> str:
    """The path with the task's number; of everything else one that is not there."""
    known = path.replace("{task_id}", str(task_id)).replace("{domain}", "nowhere.example")
    return re.sub(r"{\w+_id}", "404404", known)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_without_a_valid_token_it_is_401(
    cast: Cast, method: str, path: str, operation: dict[str, Any]
) -> None:
    for caller in (cast.nobody, Caller("mct_wrong"), Caller(cast.john.token + "x")):
        reply = caller.call(method, url(path, 404), "not even json")
        assert (reply.status, reply.body["code"]) == (401, "unauthorized")
        assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "operation"), SCOPED, ids=[f"{case[0]} {case[1]}" for case in SCOPED]
)
def test_without_the_scope_it_is_403(cast: Cast, method: str, path: str, operation: dict[str, Any]) -> None:
    others = [scope for scope in SCOPES if scope not in opening(path) | {"admin", "ceo"}]
    callers = [cast.charlie, caller_with("x", others)]
    if method != "GET":
        callers.append(
            caller_with(
                "reader", [scope for scope in opening(path) | {"tasks:read"} if scope.endswith(":read")]
            )
        )
    for caller in callers:
        reply = caller.call(method, url(path, 404), "not even json")
        assert (reply.status, reply.body["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_with_the_scope_it_is_let_in(cast: Cast, method: str, path: str, operation: dict[str, Any]) -> None:
    caller = cast.ada if path in CEO_ONLY else caller_with("x", sorted(opening(path)))
    reply = caller.call(method, url(path, make_task().pk), "{}" if method != "GET" else None)
    assert reply.status in (200, 201, 202, 204, 404, 409, 422)
    if reply.status == 404:  # of what it names, not of the address
        assert "There is nothing at" not in reply.body["detail"]
    assert str(reply.status) in {str(status) for status in operation["responses"]}


def test_admin_implies_everything_but_ceo(cast: Cast) -> None:
    reply = cast.ole.post("/grants", {"task_id": make_task().pk, "action": "claim", "reason": "r"})
    assert reply.body["code"] == "scope_missing"


def test_a_caller_can_ask_who_it_is(cast: Cast) -> None:
    body = cast.john.get("/me").body
    assert (body["actor"], body["scopes"], body["session"]) == ("john", ["tasks:read", "tasks:write"], False)
    assert cast.charlie.get("/me").body["scopes"] == []
    assert cast.nobody.get("/me").status == 401
