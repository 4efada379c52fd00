"""A stream opens for whom the API is open, and ends when that ends."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, Session, Token
from tests.cast import Cast, make_task
from tests.streams.listening import EVENTS, Heard, bearer, eventually, listening
from tests.streams.test_live_events import happen


def signed_in(user: User) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return f"sessionid={client.cookies['sessionid'].value}"


@pytest.fixture
def ole(cast: Cast) -> User:
    return User.objects.create_superuser("ole-admin", password=None)


def refused(heard: Heard, status: int, code: str) -> bool:
    assert heard.headers["content-type"] == "application/problem+json"
    return (heard.status, heard.problem["code"]) == (status, code)


def test_without_a_valid_token_there_is_no_stream(cast: Cast, address: str) -> None:
    with listening(address) as heard:
        assert refused(heard, 401, "unauthorized")
    with listening(address, **bearer("mct_nonsense")) as heard:
        assert refused(heard, 401, "unauthorized")


def test_a_token_without_the_scope_is_refused(cast: Cast, address: str) -> None:
    with listening(address, **bearer(cast.charlie.token)) as heard:
        assert refused(heard, 403, "scope_missing")


def test_a_token_that_is_limited_to_teams_hears_of_those_alone(cast: Cast, address: str) -> None:
    _, text = issue_token(actor=Actor.objects.get(name="john"), scopes=["tasks:read"], teams=["sales"])
    sales, tech = make_task(team="sales"), make_task(team="tech")
    for query in ("", "?team=sales,tech"):
        with listening(address, EVENTS + query, **bearer(text)) as heard:
            happen(tech.pk)
            allowed = happen(sales.pk)
            eventually(lambda heard=heard: bool(heard.events))  # type: ignore[misc]
            assert heard.ids() == [allowed]
            position = heard.last_id
        happen(tech.pk)
        allowed = happen(sales.pk)
        with listening(address, EVENTS + query, last_id=position, **bearer(text)) as heard:
            eventually(lambda heard=heard: bool(heard.events))  # type: ignore[misc]
            assert heard.ids() == [allowed]


def test_the_admins_session_may_listen_from_its_own_pages(cast: Cast, address: str, ole: User) -> None:
    cookie = signed_in(ole)
    with listening(address, cookie=cookie, sec_fetch_site="same-origin", origin=address) as heard:
        new = happen(make_task().pk)
        eventually(lambda: heard.ids() == [new])


def test_another_sites_page_may_not_listen_with_a_session(cast: Cast, address: str, ole: User) -> None:
    cookie = signed_in(ole)
    with listening(address, cookie=cookie, sec_fetch_site="cross-site") as heard:
        assert refused(heard, 403, "cross_origin")
    with listening(address, cookie=cookie, origin="https://example.com") as heard:
        assert refused(heard, 403, "cross_origin")


def test_a_revoked_token_ends_its_stream(cast: Cast, address: str) -> None:
    actor = Actor.objects.get(name="john")
    token, text = issue_token(actor=actor, scopes=["tasks:read"])
    with listening(address, **bearer(text)) as heard, listening(address, **bearer(cast.john.token)) as other:
        Token.objects.filter(pk=token.pk).update(revoked_at=token.created_at)
        assert heard.ended.wait(5)
        assert heard.retry == "5000"
        assert not other.ended.wait(0.7)


def test_a_token_that_loses_a_team_ends_its_stream(cast: Cast, address: str) -> None:
    token, text = issue_token(actor=Actor.objects.get(name="john"), scopes=["tasks:read"])
    with listening(address, **bearer(text)) as heard:
        Token.objects.filter(pk=token.pk).update(teams=["sales"])
        assert heard.ended.wait(5)


def test_a_session_that_is_signed_out_ends_its_stream(cast: Cast, address: str, ole: User) -> None:
    with listening(address, cookie=signed_in(ole)) as heard:
        Session.objects.all().delete()
        assert heard.ended.wait(5)
