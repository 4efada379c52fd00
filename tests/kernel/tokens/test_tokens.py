"""Tokens: hashed, scoped, limited, expiring, revocable."""

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, AuditEntry, Token
from inbox.models import Account
from infra.models import Host
from tests.cast import AGENT, Caller, Cast, make_task

pytestmark = pytest.mark.django_db


def agent(name: str = "agent", **limits: list[str]) -> Caller:
    actor, _ = Actor.objects.get_or_create(name=name)
    return Caller(issue_token(actor=actor, scopes=AGENT, **limits)[1])  # type: ignore[arg-type]


def test_the_command_prints_the_token_alone_and_stores_only_its_hash() -> None:
    out = io.StringIO()
    call_command("create_token", "--agent", "john", "--scope", "tasks:read", stdout=out)
    text = out.getvalue().strip()
    assert out.getvalue() == text + "\n"
    assert Caller(text).get("/tasks").status == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(t)::text FROM kernel_token t")
        assert text not in str(cursor.fetchall())
    assert AuditEntry.objects.filter(target_type="kernel_token", actor="system").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--agent", "john", "--scope", "everything"], "unknown scope everything"),
        (["--agent", "jo hn"], "no actor's name"),
        (["--agent", "john", "--days", "0"], "--days"),
    ],
)
def test_the_command_explains_bad_input(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("create_token", *arguments)
    assert not Token.objects.exists()


def test_a_limit_that_nothing_bears_is_remarked_on_and_kept() -> None:
    make_task(team="sales")
    Host.objects.create(slug="anvil", name="ANVIL")
    Account.objects.create(address="post@example.com")
    said, remarked = io.StringIO(), io.StringIO()
    limits = ["--team", "sales", "--team", "slaes", "--host", "anvil", "--host", "anvill", "--account"]
    call_command(
        "create_token", "--agent", "john", *limits, " Post@example.com", stdout=said, stderr=remarked
    )
    assert remarked.getvalue().splitlines() == [
        "No team is called slaes yet: the token can do nothing there until one is.",
        "No host is called anvill yet: the token can do nothing there until one is.",
    ]
    assert said.getvalue().count("\n") == 1, "the token stands alone on stdout"
    assert Token.objects.get().teams == ["sales", "slaes"]


def test_an_expired_revoked_or_inactive_ones_token_is_refused() -> None:
    caller = agent()
    assert caller.get("/tasks").status == 200
    past = timezone.now() - dt.timedelta(seconds=1)
    for change in ({"expires_at": past}, {"revoked_at": past}):
        Token.objects.update(**change)
        assert caller.get("/tasks").status == 401
        Token.objects.update(expires_at=None, revoked_at=None)
    Actor.objects.update(is_active=False)
    assert caller.get("/tasks").status == 401


def test_the_last_use_is_kept_to_the_minute() -> None:
    caller = agent()
    caller.get("/tasks")
    first = Token.objects.get().last_used_at
    caller.get("/tasks")
    assert first is not None
    assert Token.objects.get().last_used_at == first


def test_a_token_limited_to_teams_sees_and_changes_theirs_alone() -> None:
    caller = agent(teams=["drop"])
    own, other = make_task(team="drop"), make_task(team="bilko", priority=3)
    assert [item["id"] for item in caller.get("/tasks").body["items"]] == [own.pk]
    assert caller.get("/tasks?team=bilko").body["items"] == []
    assert caller.get("/stats").body["total"] == 1
    for reply in (
        caller.get(f"/tasks/{other.pk}"),
        caller.get(f"/tasks/{other.pk}/events"),
        caller.patch(f"/tasks/{other.pk}", {"title": "x"}),
        caller.patch(f"/tasks/{own.pk}", {"team": "bilko"}),
        caller.post(f"/tasks/{other.pk}/claim", {"session": "s"}),
        caller.post(f"/tasks/{other.pk}/done", {"evidence": ["x"]}),
        caller.post("/tasks", {"title": "x", "team": "bilko"}),
        caller.post("/claims/next", {"session": "s", "filters": {"team": "bilko"}}),
    ):
        assert (reply.status, reply.body["code"]) == (403, "team_not_allowed")
    assert caller.post("/claims/next", {"session": "s"}).body["task_id"] == own.pk
    assert caller.post("/tasks", {"title": "x", "team": "drop"}).status == 201
    assert caller.post("/tasks", {"title": "x", "team": "drop", "depends_on": [other.pk]}).status == 422
    assert caller.patch(f"/tasks/{own.pk}", {"parent_id": other.pk}, x_fencing_token="1").status == 422


def test_another_scheme_or_a_mangled_header_is_401(cast: Cast) -> None:
    for value in ("", "Bearer", "Bearer ", f"Basic {cast.john.token}", cast.john.token, "Bearer \x00"):
        assert Caller().get("/tasks", authorization=value).status == 401
