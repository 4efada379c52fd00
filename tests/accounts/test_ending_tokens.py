"""Before a token ends, those whom it concerns see so under "Needs you" at home."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from alai.kernel import tokens
from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, Token
from alai.kernel.principals import Principal
from tests.accounts.conftest import signed_in
from tests.cast import Caller

MIA = Principal(actor="mia", scopes=frozenset({"tasks:read"}), is_session=True)


def home(name: str) -> str:
    return signed_in(name).get("/admin/").content.decode()


def ending(actor: Actor, days: float) -> tuple[Token, str]:
    return issue_token(actor=actor, scopes=["tasks:read"], expires_at=timezone.now() + timedelta(days=days))


def test_a_token_that_ends_this_week_needs_its_owner_and_an_administrator(
    mia: User, ole: User, scout: Actor
) -> None:
    token, _ = ending(scout, 3)
    User.objects.create_user("sten", password="a long enough password", is_staff=True)
    assert f"has a token, {token.prefix}…, that ends in 3 days" in home("mia")
    assert "/admin/account/tokens/" in home("mia")
    assert f"/admin/kernel/token/{token.pk}/change/" in home("ole")
    assert token.prefix not in home("sten")


def test_what_ends_later_or_has_ended_or_was_revoked_needs_nobody(mia: User, scout: Actor) -> None:
    ending(scout, 8)
    ending(scout, -1)
    revoked, _ = ending(scout, 1)
    tokens.revoke(Token.objects.filter(pk=revoked.pk), why="test")
    issue_token(actor=scout, scopes=["tasks:read"])
    assert "Nothing needs you" in home("mia")


def test_how_early_is_a_setting(mia: User, scout: Actor, settings: Settings) -> None:
    ending(scout, 8)
    settings.TOKEN_WARNING_DAYS = 10
    assert "ends in 8 days" in home("mia")


def test_a_rotated_one_is_taken_care_of(mia: User, scout: Actor) -> None:
    token, _ = ending(scout, 60)
    tokens.rotate(by=MIA, token_id=token.pk)
    assert "Nothing needs you" in home("mia")


def test_an_agent_that_still_uses_the_old_one_needs_its_owner(mia: User, scout: Actor) -> None:
    token, text = ending(scout, 60)
    made = tokens.rotate(by=MIA, token_id=token.pk)
    Caller(text).get("/tasks")
    assert f"still uses {token.prefix}…, which ends in 24 h: give it the new one" in home("mia")
    assert "Still used, ends" in signed_in("mia").get("/admin/account/tokens/").content.decode()
    Caller(made.text).get("/tasks")
    assert "Nothing needs you" in home("mia")
