"""Tokens in the admin: made and shown once, revoked, never seen again."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from alai.kernel.admin.tokens import new_nonce
from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, AuditEntry, Token
from tests.cast import Caller


@pytest.fixture
def john(db: None) -> Actor:
    return Actor.objects.create(name="john")


def make(client: Client, actor: Actor, **fields: object) -> str:
    data = {"actor": actor.pk, "name": "laptop", "scopes": ["tasks:read"], "once": new_nonce(), **fields}
    reply = client.post(reverse("admin:kernel_token_add"), data)
    assert reply.status_code == 200
    assert "no-store" in reply["Cache-Control"]
    return str(reply.context["text"])


def test_a_new_token_is_shown_once_and_works(ada: Client, john: Actor) -> None:
    text = make(ada, john)
    assert Caller(text).get("/tasks").status == 200
    token = Token.objects.get()
    assert (token.actor, token.scopes, token.name) == (john, ["tasks:read"], "laptop")
    for url in (
        reverse("admin:kernel_token_changelist"),
        reverse("admin:kernel_token_change", args=[token.pk]),
    ):
        page = ada.get(url).content.decode()
        assert text not in page
        assert token.digest not in page


def test_reloading_the_page_that_shows_it_makes_no_second_one(ada: Client, john: Actor) -> None:
    data = {"actor": john.pk, "scopes": ["tasks:read"], "once": new_nonce()}
    for _ in range(2):
        reply = ada.post(reverse("admin:kernel_token_add"), data)
    assert "has made its token already" in reply.content.decode()
    assert Token.objects.count() == 1


def test_only_a_ceo_hands_out_the_scope_ceo(ada: Client, john: Actor) -> None:
    data = {"actor": john.pk, "scopes": ["ceo"], "once": new_nonce()}
    ole = Client()
    ole.force_login(User.objects.create_superuser("ole"))
    assert (
        "Only a member of the group ceo" in ole.post(reverse("admin:kernel_token_add"), data).content.decode()
    )
    User.objects.get(username="ada").groups.add(Group.objects.get_or_create(name="ceo")[0])
    make(ada, john, scopes=["ceo"])


def test_its_limits_are_kept(ada: Client, john: Actor) -> None:
    make(ada, john, teams="sales,drop")
    assert Token.objects.get().teams == ["sales", "drop"]


def test_a_time_that_has_passed_is_no_expiry(ada: Client, john: Actor) -> None:
    data = {"actor": john.pk, "scopes": ["tasks:read"], "expires_at_0": "2020-01-01", "expires_at_1": "10:00"}
    reply = ada.post(reverse("admin:kernel_token_add"), data)
    assert "passed already" in reply.content.decode()
    assert not Token.objects.exists()


def test_revoking_asks_and_then_refuses_the_token(ada: Client, john: Actor) -> None:
    token, text = issue_token(actor=john, scopes=["tasks:read"])
    url = reverse("admin:kernel_token_revoke_this", args=[token.pk])
    assert "Revoke" in ada.get(url).content.decode()
    assert Caller(text).get("/tasks").status == 200
    ada.post(url)
    assert Caller(text).get("/tasks").status == 401
    entry = AuditEntry.objects.filter(target_type="kernel_token", action="update").latest("id")
    assert (entry.actor, entry.why) == ("ada", "revoked in the admin")


def test_viewers_cannot_make_or_revoke(vera: Client, john: Actor) -> None:
    token, text = issue_token(actor=john, scopes=["tasks:read"])
    assert vera.get(reverse("admin:kernel_token_add")).status_code == 403
    assert vera.post(reverse("admin:kernel_token_revoke_this", args=[token.pk])).status_code == 403
    assert Caller(text).get("/tasks").status == 200
