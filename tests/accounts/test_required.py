"""REQUIRE_TWO_FACTOR: whom it means can reach the set-up page, and nothing else, until it is done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.accounts.conftest import (
    ACCOUNT,
    CODE,
    SET_UP,
    browser,
    code_of,
    give_phone,
    hex_of,
    is_in,
    signed_in,
    type_code,
    type_password,
)  # fmt: skip
from tests.accounts.test_setting_up import shown_secret
from tests.cast import BASE, Cast

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def everybody(settings: Settings) -> None:
    settings.REQUIRE_TWO_FACTOR = "everybody"


def test_without_it_only_the_set_up_page_opens(mia: User, everybody: None) -> None:
    client = browser()
    assert type_password(client, "mia", "/admin/account/") == "/admin/account/"
    for path in (
        "/admin/",
        ACCOUNT,
        "/admin/account/tokens/",
        "/admin/password_change/",
        "/admin/search/?s=x",
        "/nowhere",
    ):
        leads_to = client.get(path).headers["Location"]
        assert leads_to.startswith(f"{SET_UP}?next="), path
    assert client.post("/admin/account/name/", {"first_name": "X"}).headers["Location"] == SET_UP
    refused = client.get(f"{BASE}/tasks")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
    assert client.get("/metrics").status_code == 302
    mia.refresh_from_db()
    assert mia.first_name == "Mia"


def test_the_set_up_page_stands_alone(mia: User, everybody: None) -> None:
    client = browser()
    type_password(client, "mia")
    page = client.get(SET_UP).content.decode()
    assert "Set up two-factor to go on" in page
    assert "nav-sidebar" not in page
    assert "Not now" not in page


def test_set_up_leads_to_where_one_wanted_to_go(mia: User, everybody: None) -> None:
    client = browser()
    type_password(client, "mia")
    page = client.get(f"{SET_UP}?next=/admin/account/tokens/").content.decode()
    code = code_of(hex_of(shown_secret(page)))
    reply = client.post(SET_UP, {"code": code, "next": "/admin/account/tokens/"})
    assert 'href="/admin/account/tokens/">I have them' in reply.content.decode()
    assert is_in(client)
    assert client.get(f"{BASE}/me").status_code == 200


def test_one_can_sign_out_instead(mia: User, everybody: None) -> None:
    client = browser()
    type_password(client, "mia")
    assert client.post("/admin/logout/").status_code == 200
    assert client.get("/admin/").headers["Location"].startswith("/admin/login/")


def test_who_has_it_is_asked_for_the_code_and_cannot_turn_it_off(mia: User, everybody: None) -> None:
    phone = give_phone(mia)
    client = browser()
    assert type_password(client, "mia").startswith(CODE)
    assert type_code(client, phone.code())[0] == 302
    assert "Turn off" not in client.get(ACCOUNT).content.decode()
    phone.wait()
    client.post("/admin/account/two-factor/off/", {"code": phone.code()})
    assert "required of you" in client.get(ACCOUNT).content.decode()
    assert "Two-factor is on" in client.get(ACCOUNT).content.decode()


@pytest.mark.parametrize(
    ("setting", "meant"),
    [("", set()), ("administrators", {"ada", "ole", "cecil"}), ("staff", {"ada", "ole", "mia", "cecil"})],
)
def test_it_means_whom_it_says(
    setting: str, meant: set[str], ada: User, ole: User, mia: User, settings: Settings
) -> None:
    cecil = User.objects.create_user("cecil", password="a long enough password", is_staff=True)
    cecil.groups.add(*ada.groups.all())
    settings.REQUIRE_TWO_FACTOR = setting
    kept_out = {name for name in ("ada", "ole", "mia", "cecil") if not is_in(signed_in(name))}
    assert kept_out == meant


def test_switching_it_on_holds_for_who_is_signed_in_already(mia: User, settings: Settings) -> None:
    client = signed_in("mia")
    assert is_in(client)
    settings.REQUIRE_TWO_FACTOR = "staff"
    assert not is_in(client)


def test_tokens_go_on_working(cast: Cast, everybody: None) -> None:
    assert cast.john.get("/tasks").status == 200


def test_public_addresses_stay_public(mia: User, everybody: None) -> None:
    client = signed_in("mia")
    assert client.get("/health").status_code == 200
    assert client.get("/status").status_code == 200


def test_a_misspelt_setting_is_refused_rather_than_taken_for_off() -> None:
    command = [sys.executable, "manage.py", "check"]
    environment = {**os.environ, "REQUIRE_TWO_FACTOR": "evrybody"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "REQUIRE_TWO_FACTOR=evrybody is none of nobody, administrators, staff and everybody" in done.stderr
