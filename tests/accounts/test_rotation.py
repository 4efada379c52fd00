"""A token is rotated with an overlap: the new one works at once, the old one for a while more."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.urls import reverse
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alai.kernel import tokens
from alai.kernel.auth import issue_token
from alai.kernel.errors import ApiError
from alai.kernel.models import Actor, AuditEntry, IdempotencyRecord, Token
from alai.kernel.principals import Principal
from tests.accounts.conftest import signed_in
from tests.cast import BASE, Caller, Cast

LIST = "/admin/account/tokens/"
OLE = Principal(actor="ole", scopes=frozenset({"admin"}), is_session=True)


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def let_pass(token: Token, time: timedelta) -> None:
    """The token ends sooner by so much, as if the database's clock had gone on."""
    Token.objects.filter(pk=token.pk).update(expires_at=F("expires_at") - time)


def test_both_work_during_the_overlap_and_the_old_one_ends_by_itself(mia: User, scout: Actor) -> None:
    old, old_text = issue_token(
        actor=scout, scopes=["tasks:read"], name="laptop", teams=["sales"], hosts=["h"]
    )
    client = signed_in("mia")
    reply = client.post(f"{LIST}{old.pk}/rotate/", {"overlap": "24"})
    assert "no-store" in reply["Cache-Control"]
    new_text = reply.context["text"]
    assert "and then ends by itself" in reply.content.decode()
    new = Token.objects.get(replaces=old)
    assert (new.scopes, new.name, new.teams, new.hosts) == (["tasks:read"], "laptop", ["sales"], ["h"])
    for text in (old_text, new_text):
        assert Caller(text).get("/tasks").status == 200
    old.refresh_from_db()
    assert old.expires_at is not None
    assert abs(old.expires_at - database_time() - timedelta(hours=24)) < timedelta(minutes=1)
    let_pass(old, timedelta(hours=24))
    assert Caller(old_text).get("/tasks").status == 401
    assert Caller(new_text).get("/tasks").status == 200
    assert old.revoked_at is None


def test_the_applications_clock_has_no_say(mia: User, scout: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    old, old_text = issue_token(actor=scout, scopes=["tasks:read"])
    by = Principal(actor="mia", scopes=frozenset({"tasks:read"}), is_session=True)
    monkeypatch.setattr("django.utils.timezone.now", lambda: database_time() + timedelta(days=9))
    made = tokens.rotate(by=by, token_id=old.pk, overlap=timedelta(hours=1))
    assert abs(made.old_ends_at - database_time() - timedelta(hours=1)) < timedelta(minutes=1)
    assert Caller(old_text).get("/tasks").status == 200


def test_the_pair_stands_together(mia: User, scout: Actor) -> None:
    old, _ = issue_token(actor=scout, scopes=["tasks:read"])
    client = signed_in("mia")
    client.post(f"{LIST}{old.pk}/rotate/")
    new = Token.objects.get(replaces=old)
    page = client.get(LIST).content.decode()
    assert page.index(new.prefix) < page.index("mc-pair") < page.rindex(old.prefix)
    assert "Old, ends" in page
    assert f"rotate-{old.pk}" not in page
    assert f"revoke-{old.pk}" in page


def test_without_overlap_the_old_one_is_refused_at_once(mia: User, scout: Actor) -> None:
    old, old_text = issue_token(actor=scout, scopes=["tasks:read"])
    reply = signed_in("mia").post(f"{LIST}{old.pk}/rotate/", {"overlap": "0"})
    assert "is refused already" in reply.content.decode()
    assert Caller(old_text).get("/tasks").status == 401
    assert Caller(reply.context["text"]).get("/tasks").status == 200


def test_the_overlap_never_prolongs_the_old_one(mia: User, scout: Actor) -> None:
    ends = database_time() + timedelta(hours=2)
    old, _ = issue_token(actor=scout, scopes=["tasks:read"], expires_at=ends)
    signed_in("mia").post(f"{LIST}{old.pk}/rotate/", {"overlap": "168"})
    old.refresh_from_db()
    assert old.expires_at == ends


def test_the_new_one_lives_as_long_as_the_old_one_was_made_for(mia: User, scout: Actor) -> None:
    old, _ = issue_token(actor=scout, scopes=["tasks:read"], expires_at=database_time() + timedelta(days=30))
    let_pass(old, timedelta(days=10))
    Token.objects.update(created_at=old.created_at - timedelta(days=10))
    signed_in("mia").post(f"{LIST}{old.pk}/rotate/")
    new = Token.objects.get(replaces=old)
    assert new.expires_at is not None
    assert abs(new.expires_at - database_time() - timedelta(days=30)) < timedelta(minutes=1)


def test_one_that_never_ends_begets_one_that_never_ends(ole: User, scout: Actor) -> None:
    old, _ = issue_token(actor=scout, scopes=["tasks:read"])
    tokens.rotate(by=OLE, token_id=old.pk)
    assert Token.objects.get(replaces=old).expires_at is None


@pytest.mark.parametrize("change", [{"revoked_at": "now"}, {"expires_at": "now"}])
def test_what_has_ended_is_not_rotated(mia: User, scout: Actor, change: dict[str, str]) -> None:
    old, _ = issue_token(actor=scout, scopes=["tasks:read"])
    Token.objects.update(**dict.fromkeys(change, database_time()))
    reply = signed_in("mia").post(f"{BASE}/tokens/{old.pk}/rotate", {}, "application/json")
    assert (reply.status_code, reply.json()["code"]) == (409, "token_ended")


def test_a_token_is_rotated_once(mia: User, scout: Actor) -> None:
    old, _ = issue_token(actor=scout, scopes=["tasks:read"])
    client = signed_in("mia")
    assert client.post(f"{BASE}/tokens/{old.pk}/rotate", {}, "application/json").status_code == 201
    again = client.post(f"{BASE}/tokens/{old.pk}/rotate", {}, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "already_rotated")
    client.post(f"{LIST}{old.pk}/rotate/")
    assert "was rotated already" in client.get(LIST).content.decode()
    assert Token.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_ten_rotations_at_once_one_wins(ole: User, mia: User, scout: Actor) -> None:
    old, _ = issue_token(actor=scout, scopes=["tasks:read"])
    outcomes: list[str] = []

    def try_it() -> None:
        try:
            tokens.rotate(by=OLE, token_id=old.pk)
            outcomes.append("made")
        except ApiError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(outcomes) == ["already_rotated"] * 9 + ["made"]
    assert Token.objects.count() == 2


# --- By REST ----------------------------------------------------------------------------------------


def token_of(caller: Caller) -> int:
    return int(caller.get("/me/tokens").body["items"][0]["id"])


def test_an_agent_rotates_its_own_token(cast: Cast) -> None:
    pk = token_of(cast.john)
    reply = cast.john.post(f"/tokens/{pk}/rotate", {"overlap_hours": 2})
    assert (reply.status, reply.headers["Cache-Control"]) == (201, "no-store")
    body = reply.body
    assert (body["replaces"], body["actor"], body["scopes"]) == (pk, "john", ["tasks:read", "tasks:write"])
    assert body["old_expires_at"].endswith("Z")
    new = Caller(body["token"])
    assert new.get("/tasks").status == cast.john.get("/tasks").status == 200
    pair = {item["id"]: item for item in new.get("/me/tokens").body["items"]}
    assert (pair[pk]["replaced_by"], pair[body["id"]]["replaced_by"]) == (body["id"], None)
    entry = AuditEntry.objects.filter(target_type="kernel_token", action="insert").latest("id")
    assert (entry.actor, entry.why) == ("john", "rotated by john")


def test_the_body_may_be_left_out(cast: Cast) -> None:
    reply = cast.john.call("POST", f"/tokens/{token_of(cast.john)}/rotate")
    assert reply.status == 201


def test_a_token_rotates_no_other(cast: Cast) -> None:
    sibling, _ = issue_token(actor=Actor.objects.get(name="john"), scopes=["tasks:read"])
    assert cast.john.post(f"/tokens/{sibling.pk}/rotate").status == 403
    assert cast.john.post(f"/tokens/{token_of(cast.pi_orch)}/rotate").status == 404
    assert cast.nobody.post(f"/tokens/{sibling.pk}/rotate").status == 401


def test_an_administrators_token_rotates_any_but_a_ceos(cast: Cast) -> None:
    assert cast.ole.post(f"/tokens/{token_of(cast.john)}/rotate").status == 201
    refused = cast.ole.post(f"/tokens/{token_of(cast.ada)}/rotate")
    assert (refused.status, refused.body["code"]) == (403, "scope_not_grantable")
    assert cast.ada.post(f"/tokens/{token_of(cast.ole)}/rotate").status == 201


def test_a_limited_administrators_token_cannot_rotate_its_way_out(cast: Cast) -> None:
    _, text = issue_token(actor=Actor.objects.get(name="ole"), scopes=["admin"], teams=["sales"])
    assert Caller(text).post(f"/tokens/{token_of(cast.john)}/rotate").status == 403


@pytest.mark.parametrize("hours", [-1, 168.5, "x", None, 1e300, []])
def test_an_overlap_that_is_none_is_422(cast: Cast, hours: Any) -> None:
    reply = cast.john.post(f"/tokens/{token_of(cast.john)}/rotate", {"overlap_hours": hours})
    assert reply.status == 422
    assert Token.objects.filter(actor__name="john").count() == 1


def test_a_repeated_key_neither_answers_with_the_token_nor_keeps_it(cast: Cast) -> None:
    pk = token_of(cast.john)
    first = cast.john.post(f"/tokens/{pk}/rotate", idempotency_key="k")
    again = cast.john.post(f"/tokens/{pk}/rotate", idempotency_key="k")
    assert (first.status, again.status, again.body["code"]) == (201, 409, "already_rotated")
    kept = b"".join(bytes(record.response) for record in IdempotencyRecord.objects.all())
    assert first.body["token"].encode() not in kept


def test_me_tokens_pages_through_ones_own(cast: Cast) -> None:
    actor = Actor.objects.get(name="john")
    for number in range(5):
        issue_token(actor=actor, scopes=["tasks:read"], name=str(number))
    found: list[int] = []
    cursor = ""
    while cursor is not None:
        body = cast.john.get(f"/me/tokens?limit=2{f'&cursor={cursor}' if cursor else ''}").body
        found += [item["id"] for item in body["items"]]
        cursor = body["next_cursor"]
    assert found == sorted(Token.objects.filter(actor=actor).values_list("pk", flat=True), reverse=True)
    assert not {"token", "digest"} & set(body["items"][0])
    assert cast.john.get("/me/tokens?cursor=nonsense").status == 422


def test_a_session_sees_its_agents_tokens(mia: User, scout: Actor) -> None:
    issue_token(actor=scout, scopes=["tasks:read"])
    issue_token(actor=Actor.objects.get(name="mia"), scopes=["tasks:read"])
    items = signed_in("mia").get(f"{BASE}/me/tokens").json()["items"]
    assert [item["actor"] for item in items] == ["mia", "scout"]


# --- In the admin's list of all tokens --------------------------------------------------------------


def test_an_administrator_rotates_any_in_the_admin(ole: User, mia: User, scout: Actor) -> None:
    old, old_text = issue_token(actor=scout, scopes=["tasks:read"])
    url = reverse("admin:kernel_token_rotate_this", args=[old.pk])
    admin = signed_in("ole")
    assert "Rotate" in admin.get(url).content.decode()
    assert admin.post(url, {"hours": "-1"}).status_code == 200
    assert Token.objects.count() == 1
    reply = admin.post(url, {"hours": "0.5"})
    assert Caller(reply.context["text"]).get("/tasks").status == 200
    assert Caller(old_text).get("/tasks").status == 200
    let_pass(old, timedelta(minutes=30))
    assert Caller(old_text).get("/tasks").status == 401
    assert "was rotated already" in admin.post(url, {"hours": "1"}, follow=True).content.decode()
    detail = admin.get(reverse("admin:kernel_token_change", args=[old.pk])).content.decode()
    assert "replaced by" in detail


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    own=st.sets(st.sampled_from(["tasks:read", "inbox:read", "admin", "ceo", "secrets"])),
    allowed=st.sets(st.sampled_from(["tasks:write", "hivemind", "ceo", "admin", "nonsense"])),
)
def test_nothing_beyond_ones_own_and_the_allowed_is_grantable(own: set[str], allowed: set[str]) -> None:
    by = Principal(actor="x", scopes=frozenset(own), is_session=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.OWN_TOKEN_SCOPES", sorted(allowed))
        grantable = set(tokens.grantable(by))
    assert {scope for scope in own if scope != "admin"} <= grantable
    assert ("ceo" in grantable) == ("ceo" in own)
    assert ("admin" in grantable) == ("admin" in own)
    if "admin" not in own:
        assert grantable <= own | allowed
