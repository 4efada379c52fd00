"""My tokens: people make tokens for their own agents, with scopes that they may hand out."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from alai.kernel.admin.tokens import new_nonce
from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, AuditEntry, Token
from tests.accounts.conftest import signed_in
from tests.cast import BASE, Caller

LIST = "/admin/account/tokens/"
NEW = "/admin/account/tokens/new/"


def make(client: Client, agent: Actor, **fields: Any) -> Any:
    data = {
        "agent": agent.pk,
        "name": "laptop",
        "scopes": ["tasks:read"],
        "days": 30,
        "once": new_nonce(),
        **fields,
    }
    return client.post(NEW, data)


def test_a_person_makes_a_token_for_an_agent_of_hers(mia: User, scout: Actor) -> None:
    client = signed_in("mia")
    reply = make(
        client,
        scout,
        scopes=["tasks:read", "tasks:write"],
        teams="sales, web",
        accounts="a@example.com",
        hosts="h1",
    )
    assert "no-store" in reply["Cache-Control"]
    text = reply.context["text"]
    token = Token.objects.get()
    assert (token.scopes, token.teams) == (["tasks:read", "tasks:write"], ["sales", "web"])
    assert (token.accounts, token.hosts, token.name) == (["a@example.com"], ["h1"], "laptop")
    assert token.expires_at is not None
    assert abs(token.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    page = client.get(LIST).content.decode()
    assert text not in page
    assert token.digest not in page
    assert "29 days left" in page
    assert "Never used" in page
    assert Caller(text).get("/me").body["actor"] == "scout"
    entry = AuditEntry.objects.get(target_type="kernel_token", action="insert")
    assert entry.actor == "mia"


def test_reloading_the_page_that_shows_it_makes_no_second_one(mia: User, scout: Actor) -> None:
    client, once = signed_in("mia"), new_nonce()
    make(client, scout, once=once)
    assert "has made its token already" in make(client, scout, once=once).content.decode()
    assert Token.objects.count() == 1


@pytest.mark.parametrize("scope", ["ceo", "admin", "secrets", "inbox:write", "nonsense"])
def test_a_scope_beyond_what_one_may_hand_out_is_neither_offered_nor_taken(
    mia: User, scout: Actor, scope: str
) -> None:
    client = signed_in("mia")
    assert f'value="{scope}"' not in client.get(NEW).content.decode()
    assert make(client, scout, scopes=["tasks:read", scope]).status_code == 200
    assert not Token.objects.exists()


def test_who_is_administrator_or_ceo_may_hand_that_out(ada: User, ole: User) -> None:
    for user, allowed in ((ole, {"admin"}), (ada, {"admin", "ceo"})):
        agent = Actor.objects.create(name=f"agent-of-{user}", kind="agent", owner=user)
        client = signed_in(user.username)
        for scope in ("admin", "ceo"):
            before = Token.objects.count()
            make(client, agent, scopes=[scope])
            assert Token.objects.count() - before == (scope in allowed)


def test_the_setting_widens_what_may_be_handed_out_but_never_to_admin(
    mia: User, scout: Actor, settings: Settings
) -> None:
    settings.OWN_TOKEN_SCOPES = ["runs", "admin", "ceo"]
    client = signed_in("mia")
    assert "text" in make(client, scout, scopes=["runs"]).context
    for scope in ("admin", "ceo", "tasks:write"):
        make(client, scout, scopes=[scope])
    assert Token.objects.count() == 1
    assert "alai.E020" in {message.id for message in run_checks()}


def test_only_ones_own_agents_are_offered_and_taken(mia: User, ole: User, scout: Actor) -> None:
    client = signed_in("mia")
    others = Actor.objects.create(name="not-hers", kind="agent", owner=ole)
    nobodys = Actor.objects.create(name="nobodys", kind="agent")
    inactive = Actor.objects.create(name="asleep", kind="agent", owner=mia, is_active=False)
    person = Actor.objects.get(name="mia")
    page = client.get(NEW).content.decode()
    assert "scout" in page
    for agent in (others, nobodys, inactive, person):
        assert f">{agent.name}</option>" not in page
        assert make(client, agent).status_code == 200
    assert not Token.objects.exists()


@pytest.mark.parametrize("days", ["0", "-1", "366", "", "x", "1e3", "99999999999999999999"])
def test_it_has_to_end_some_day(mia: User, scout: Actor, days: str) -> None:
    assert make(signed_in("mia"), scout, days=days).status_code == 200
    assert not Token.objects.exists()


def test_odd_limits_are_explained(mia: User, scout: Actor) -> None:
    client = signed_in("mia")
    odd: list[dict[str, Any]] = [
        {"teams": "x" * 300}, {"hosts": ",".join("x" * 60)}, {"name": "x" * 101}, {"name": "a\0b"}, {"scopes": []}
    ]  # fmt: skip
    for fields in odd:
        assert make(client, scout, **fields).status_code == 200
    assert not Token.objects.exists()


def test_somebody_elses_token_is_not_found(mia: User, ole: User, scout: Actor) -> None:
    other = Actor.objects.create(name="not-hers", kind="agent", owner=ole)
    token, text = issue_token(actor=other, scopes=["tasks:read"], name="a secret purpose")
    client = signed_in("mia")
    assert "a secret purpose" not in client.get(LIST).content.decode()
    for act in ("rotate", "revoke"):
        assert client.post(f"{LIST}{token.pk}/{act}/").status_code == 404
        assert client.post(f"{LIST}99999/{act}/").status_code == 404
        assert client.get(f"{LIST}{token.pk}/{act}/").status_code == 405
    assert client.post(f"{BASE}/tokens/{token.pk}/rotate", {}, "application/json").status_code == 404
    assert client.get(f"{BASE}/me/tokens").json()["items"] == []
    assert Caller(text).get("/tasks").status == 200


def test_an_agent_given_to_somebody_else_takes_its_tokens_along(mia: User, ole: User, scout: Actor) -> None:
    token, _ = issue_token(actor=scout, scopes=["tasks:read"])
    client = signed_in("mia")
    assert token.prefix in client.get(LIST).content.decode()
    Actor.objects.filter(pk=scout.pk).update(owner=ole)
    assert token.prefix not in client.get(LIST).content.decode()
    assert client.post(f"{LIST}{token.pk}/revoke/").status_code == 404


def test_revoking_refuses_it_from_then_on(mia: User, scout: Actor) -> None:
    token, text = issue_token(actor=scout, scopes=["tasks:read"])
    client = signed_in("mia")
    client.post(f"{LIST}{token.pk}/revoke/")
    assert Caller(text).get("/tasks").status == 401
    assert "revoked" in client.get(LIST).content.decode()
    entry = AuditEntry.objects.filter(target_type="kernel_token", action="update").latest("id")
    assert (entry.actor, entry.why) == ("mia", "revoked under My tokens")


def test_one_sees_when_and_from_where_it_was_used(mia: User, scout: Actor) -> None:
    _, text = issue_token(actor=scout, scopes=["tasks:read"])
    Client(REMOTE_ADDR="198.51.100.23").get(f"{BASE}/tasks", headers={"Authorization": f"Bearer {text}"})
    page = signed_in("mia").get(LIST).content.decode()
    assert "from 198.51.100.23" in page


def test_who_has_no_agents_is_told_how_to_get_one(mia: User) -> None:
    client = signed_in("mia")
    for path in (LIST, NEW):
        assert "names you as an agent&#x27;s owner" in client.get(path).content.decode().replace(
            "'", "&#x27;"
        )


def test_the_agents_of_somebody_who_left_are_refused(mia: User, scout: Actor) -> None:
    _, text = issue_token(actor=scout, scopes=["tasks:read"])
    assert Caller(text).get("/tasks").status == 200
    User.objects.filter(pk=mia.pk).update(is_active=False)
    assert Caller(text).get("/tasks").status == 401


def test_losing_a_right_does_not_hand_it_out_again(ada: User) -> None:
    agent = Actor.objects.create(name="aide", kind="agent", owner=ada)
    token, _ = issue_token(actor=agent, scopes=["ceo"])
    client = signed_in("ada")
    Group.objects.get(name="ceo").user_set.clear()
    client.post(f"{LIST}{token.pk}/rotate/")
    assert "cannot hand out ceo" in client.get(LIST).content.decode()
    assert Token.objects.count() == 1
