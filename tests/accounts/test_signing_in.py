"""The password first, then the code: nothing opens before both were right, and each code works once."""

import threading
import time
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from alai.kernel import door, two_factor
from alai.kernel.models import AuditEntry, Authenticator, Session
from alai.kernel.two_factor import WrongCode
from tests.accounts.conftest import (
    CODE,
    LOGIN,
    PASSWORD,
    Phone,
    browser,
    give_phone,
    is_in,
    signed_in,
    type_code,
    type_password,
    wrong,
)  # fmt: skip
from tests.cast import BASE, Caller, make_task


@pytest.fixture
def phone(mia: User) -> Phone:
    return give_phone(mia)


def test_without_a_second_factor_the_password_is_enough(mia: User) -> None:
    client = browser()
    assert type_password(client, "mia", "/admin/account/") == "/admin/account/"
    assert is_in(client)


def test_password_and_code_lead_to_where_one_wanted_to_go(phone: Phone) -> None:
    client = browser()
    deep = "/admin/account/tokens/?a=1&b=2"
    assert client.get(deep).headers["Location"].startswith(LOGIN)
    assert (
        type_password(client, "mia", deep)
        == "/admin/login/code/?next=%2Fadmin%2Faccount%2Ftokens%2F%3Fa%3D1%26b%3D2"
    )
    assert type_code(client, phone.code(), deep) == (302, deep)
    assert is_in(client)


def test_the_password_alone_opens_nothing(phone: Phone) -> None:
    client = browser()
    type_password(client, "mia")
    assert not is_in(client)
    assert client.get(f"{BASE}/tasks").status_code == 401
    assert client.get(f"{BASE}/me").status_code == 401
    assert client.get("/metrics").status_code == 401
    assert client.get("/admin/account/").headers["Location"].startswith(LOGIN)
    assert not Session.objects.filter(user=phone.user).exists()
    assert not AuditEntry.objects.filter(action="sign-in").exists()


def test_a_deep_link_asks_for_the_code_that_is_still_owed(phone: Phone) -> None:
    client = browser()
    type_password(client, "mia")
    to_login = client.get("/admin/account/tokens/").headers["Location"]
    to_code = client.get(to_login).headers["Location"]
    assert to_code == f"{CODE}?next=%2Fadmin%2Faccount%2Ftokens%2F"
    assert "Your code, Mia" in client.get(to_code).content.decode()


def test_the_code_is_no_way_to_another_site(phone: Phone) -> None:
    for there in ("https://example.com/", "//example.com", "javascript:alert(1)"):
        client = browser()
        phone.wait()
        assert "example.com" not in type_password(client, "mia", there)
        assert type_code(client, phone.code(), there) == (302, "/admin/")


def test_a_wrong_code_is_refused(phone: Phone) -> None:
    client = browser()
    type_password(client, "mia")
    for code, sentence in (
        (wrong(phone.code()), "wrong, or was used already"),
        ("12", "six digits"),
        ("", "required"),
    ):
        status, said = type_code(client, code)
        assert status == 200
        assert sentence in said or "6 digits" in said
    assert not is_in(client)


def test_a_code_works_once(phone: Phone) -> None:
    code = phone.code()
    first, second = browser(), browser()
    type_password(first, "mia")
    type_password(second, "mia")
    assert type_code(first, code)[0] == 302
    status, said = type_code(second, code)
    assert (status, "used already" in said) == (200, True)
    assert not is_in(second)


@pytest.mark.django_db(transaction=True)
def test_of_ten_requests_with_one_code_one_is_let_in(mia: User) -> None:
    phone = give_phone(mia)
    code, right = phone.code(), []

    def try_it() -> None:
        try:
            two_factor.verify(user=mia, code=code)
            right.append(True)
        except WrongCode:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(right) == 1


def test_a_recovery_code_works_once_however_it_is_typed(phone: Phone) -> None:
    code = phone.recovery_codes[3]
    client = browser()
    type_password(client, "mia")
    assert type_code(client, code.upper().replace("-", " ")) == (302, "/admin/")
    assert "9 recovery codes left" in client.get("/admin/").content.decode()
    again = browser()
    type_password(again, "mia")
    status, said = type_code(again, code)
    assert (status, "used already" in said) == (200, True)
    assert type_code(again, phone.recovery_codes[4])[0] == 302
    entry = AuditEntry.objects.filter(target_type="kernel_recoverycode", action="update").first()
    assert entry is not None
    assert (entry.actor, entry.why) == ("mia", "signing in with a recovery code")


def test_somebody_elses_codes_do_not_count(phone: Phone, ole: User) -> None:
    other = give_phone(ole)
    client = browser()
    type_password(client, "mia")
    for code in (other.code(), other.recovery_codes[0]):
        assert type_code(client, code)[0] == 200
    assert not is_in(client)


def test_a_code_without_the_password_is_nothing(phone: Phone) -> None:
    client = browser()
    status, leads_to = type_code(client, phone.code())
    assert (status, leads_to.startswith(LOGIN)) == (302, True)
    assert not is_in(client)


def test_the_password_is_asked_again_after_a_while(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "PATIENCE_SECONDS", 0.05)
    client = browser()
    type_password(client, "mia")
    time.sleep(0.1)
    assert type_code(client, phone.code())[1].startswith(LOGIN)
    assert not is_in(client)


def test_a_password_that_changed_meanwhile_is_asked_again(phone: Phone) -> None:
    client = browser()
    type_password(client, "mia")
    phone.user.set_password("quite another password")
    phone.user.save()
    assert type_code(client, phone.code())[1].startswith(LOGIN)
    assert not is_in(client)


def test_somebody_deactivated_meanwhile_is_not_let_in(phone: Phone) -> None:
    client = browser()
    type_password(client, "mia")
    User.objects.update(is_active=False)
    assert type_code(client, phone.code())[1].startswith(LOGIN)


def test_one_can_start_over_as_somebody_else(phone: Phone, ole: User) -> None:
    client = browser()
    type_password(client, "mia")
    client.post("/admin/login/again/")
    assert client.get(LOGIN).status_code == 200
    assert type_password(client, "ole") == "/admin/"


def test_a_session_from_before_it_was_set_up_is_asked_for_a_code(mia: User) -> None:
    """Somebody who signed in at the very moment in which it was set up elsewhere."""
    client = browser()
    client.force_login(mia, backend="django.contrib.auth.backends.ModelBackend")
    phone = give_phone(mia)
    assert client.get("/admin/account/").headers["Location"] == f"{CODE}?next=%2Fadmin%2Faccount%2F"
    refused = client.get(f"{BASE}/me")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
    assert client.post("/admin/account/name/", {"first_name": "X"}).headers["Location"] == CODE
    key = client.session.session_key
    assert type_code(client, phone.code()) == (302, "/admin/")
    assert client.session.session_key != key
    assert is_in(client)
    assert client.get(f"{BASE}/me").status_code == 200


def test_a_header_does_not_get_around_the_second_factor(mia: User) -> None:
    client = browser()
    client.force_login(mia, backend="django.contrib.auth.backends.ModelBackend")
    give_phone(mia)
    for value in ("Bearer x", "Basic eDp5", "x"):
        assert client.get("/admin/account/", headers={"Authorization": value}).status_code == 302
        assert client.get(f"{BASE}/tasks", headers={"Authorization": value}).status_code == 401


def test_signing_in_with_both_opens_pages_and_the_api(ole: User) -> None:
    client = signed_in("ole", give_phone(ole))
    make_task()
    assert client.get(f"{BASE}/tasks").status_code == 200
    assert client.get(f"{BASE}/me").json()["session"] is True
    assert AuditEntry.objects.filter(action="sign-in", actor="ole").count() == 1


def test_tokens_are_none_of_its_business(mia: User, cast: object) -> None:
    caller: Caller = cast.john  # type: ignore[attr-defined]
    give_phone(mia)
    assert caller.get("/tasks").status == 200


def test_turning_the_authenticator_of_another_into_ones_own_is_not_possible(phone: Phone, ole: User) -> None:
    """A session verified with one person's authenticator is not verified for another's."""
    mine = give_phone(ole)
    client = signed_in("ole", mine)
    session = client.session
    session["otp_device_id"] = Authenticator.objects.get(user=phone.user).persistent_id
    session.save()
    assert not is_in(client)


def test_the_sign_in_page_sends_people_home_who_are_in(mia: User) -> None:
    client = signed_in("mia")
    assert client.get(LOGIN).headers["Location"] == "/admin/"


def test_a_wrong_password_says_so(mia: User) -> None:
    reply = Client().post(LOGIN, {"username": "mia", "password": PASSWORD + "x"})
    assert reply.status_code == 200
    assert "correct username and password" in reply.content.decode()


@pytest.mark.parametrize(
    ("before", "then"),
    [
        (
            "http://testserver/admin/missioncontrol/task/1/change/?_back=x",
            "/admin/missioncontrol/task/1/change/?_back=x",
        ),
        ("https://evil.example/admin/", "/admin/"),
        ("//evil.example/x", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
        ("", "/admin/"),
    ],
)
def test_who_sends_a_form_signed_out_comes_back_to_its_page(before: str, then: str, db: None) -> None:
    reply = browser().post(
        "/admin/missioncontrol/task/1/act/comment/", {"body": "x"}, headers={"Referer": before}
    )
    assert reply.status_code == 302
    assert reply.headers["Location"] == f"/admin/login/?{urlencode({'next': then}, safe='/')}"


def test_who_is_signed_in_already_is_led_on(mia: User) -> None:
    client = signed_in("mia")
    there = client.get("/admin/login/?next=/admin/account/tokens/")
    assert there.headers["Location"] == "/admin/account/tokens/"
    assert client.get("/admin/login/?next=https://evil.example/").headers["Location"] == "/admin/"


def test_a_wrong_method_is_said_in_a_page(mia: User) -> None:
    client = signed_in("mia")
    reply = client.get("/admin/logout/", headers={"Accept": "text/html"})
    assert reply.status_code == 405
    assert "/admin/logout/ takes POST, OPTIONS, not GET." in reply.content.decode()
