"""Codes cannot be guessed: wrong ones count like wrong passwords, and each makes the next wait longer."""

from axes.models import AccessAttempt
from django.contrib.auth.models import User
from pytest_django import Settings

from alai.kernel.models import Authenticator
from tests.accounts.conftest import (
    PASSWORD,
    browser,
    give_phone,
    is_in,
    signed_in,
    type_code,
    type_password,
    wrong,
)


def test_after_five_wrong_codes_name_and_address_are_locked(mia: User, settings: Settings) -> None:
    phone = give_phone(mia)
    client = browser()
    type_password(client, "mia")
    statuses = []
    for _ in range(settings.AXES_FAILURE_LIMIT):
        statuses.append(type_code(client, wrong(phone.code()))[0])
        phone.wait()
    assert statuses == [200] * 4 + [429]
    status, said = type_code(client, phone.code())
    assert (status, "Too many wrong passwords or codes" in said) == (429, True)
    assert not is_in(client)


def test_typing_the_password_again_does_not_forgive_wrong_codes(mia: User) -> None:
    phone = give_phone(mia)
    statuses = []
    for _ in range(5):
        client = browser()
        type_password(client, "mia")
        statuses.append(type_code(client, wrong(phone.code()))[0])
        phone.wait()
    assert statuses[-1] == 429
    assert type_password(browser(), "mia") == ""


def test_wrong_passwords_and_wrong_codes_count_together(mia: User) -> None:
    phone = give_phone(mia)
    client = browser()
    for _ in range(3):
        type_password(client, "mia", password=PASSWORD + "x")
    type_password(client, "mia")
    assert type_code(client, wrong(phone.code()))[0] == 200
    phone.wait()
    assert type_code(client, wrong(phone.code()))[0] == 429


def test_signing_in_completely_forgives(mia: User) -> None:
    phone = give_phone(mia)
    client = browser()
    type_password(client, "mia")
    type_code(client, wrong(phone.code()))
    phone.wait()
    assert type_code(client, phone.code())[0] == 302
    assert not AccessAttempt.objects.exists()


def test_an_administrator_lifts_the_lock(mia: User) -> None:
    phone = give_phone(mia)
    client = browser()
    type_password(client, "mia")
    for _ in range(5):
        type_code(client, wrong(phone.code()))
        phone.wait()
    AccessAttempt.objects.all().delete()
    assert type_code(client, phone.code())[0] == 302


def test_from_many_addresses_guessing_slows_down_all_the_same(mia: User) -> None:
    """Each wrong code doubles the wait, wherever it comes from; until then even the right one is not looked at."""
    phone = give_phone(mia)
    for number in range(1, 8):
        client = browser(address=f"192.0.2.{number}")
        type_password(client, "mia")
        assert type_code(client, wrong(phone.code()))[0] == 200
        if number < 7:
            Authenticator.objects.update(throttling_failure_timestamp=None)
    assert Authenticator.objects.get().throttling_failure_count == 7
    late = browser(address="192.0.2.99")
    type_password(late, "mia")
    status, said = type_code(late, phone.code())
    assert status == 200
    assert "Too many wrong codes. Try again in" in said  # 64 seconds, of which some have passed
    assert not is_in(late)


def test_a_recovery_code_lets_in_while_codes_wait(mia: User) -> None:
    phone = give_phone(mia)
    client = browser()
    type_password(client, "mia")
    type_code(client, wrong(phone.code()))
    Authenticator.objects.update(throttling_failure_count=10)  # the tenth: 512 seconds
    assert type_code(client, phone.code())[0] == 200
    assert type_code(client, phone.recovery_codes[0])[0] == 302


def test_what_was_typed_is_not_kept(mia: User) -> None:
    phone = give_phone(mia)
    client = browser()
    type_password(client, "mia")
    code = phone.recovery_codes[0]
    nearly = code[:-1] + ("2" if code[-1] != "2" else "3")
    type_code(client, nearly)
    attempt = AccessAttempt.objects.get()
    assert attempt.username == "mia"
    assert nearly not in attempt.post_data
    assert "code=****" in attempt.post_data


def test_behind_a_proxy_each_client_is_locked_by_itself(mia: User, settings: Settings) -> None:
    settings.PROXY_COUNT = 1
    client = browser(address="10.0.0.1")
    for _ in range(5):
        client.post(
            "/admin/login/",
            {"username": "mia", "password": "x"},
            headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"},
        )
    assert AccessAttempt.objects.get().ip_address == "203.0.113.9"
    assert type_password(browser(address="10.0.0.1"), "mia") == "/admin/"


def test_the_old_password_cannot_be_guessed_in_a_session_that_was_left_open(
    mia: User, settings: Settings
) -> None:
    client = signed_in("mia")
    new = {"new_password1": "another long password", "new_password2": "another long password"}
    statuses = [
        client.post("/admin/password_change/", {"old_password": "guessed", **new}).status_code
        for _ in range(settings.AXES_FAILURE_LIMIT)
    ]
    assert statuses == [200] * 4 + [429]
    locked = client.post("/admin/password_change/", {"old_password": PASSWORD, **new})
    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    assert "locked for 15 min after the last try" in locked.content.decode()
    mia.refresh_from_db()
    assert mia.check_password(PASSWORD)


def test_a_new_password_that_will_not_do_is_no_guess(mia: User, settings: Settings) -> None:
    client = signed_in("mia")
    short = {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"}
    for _ in range(settings.AXES_FAILURE_LIMIT + 1):
        assert client.post("/admin/password_change/", short).status_code == 200
