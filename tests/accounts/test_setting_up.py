"""Two-factor is set up with a QR code and a first right code; the recovery codes are shown once."""

import hashlib
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import Settings

from alai.kernel import two_factor
from alai.kernel.models import AuditEntry, Authenticator, RecoveryCode
from alai.kernel.sealing import Unreadable, seal, unseal
from tests.accounts.conftest import (
    ACCOUNT,
    SET_UP,
    Phone,
    browser,
    code_of,
    give_phone,
    hex_of,
    is_in,
    signed_in,
    type_code,
    type_password,
    wrong,
)  # fmt: skip


def shown_secret(page: str) -> str:
    found = re.search(r'aria-label="The key">([A-Z2-7-]{39})<', page)
    assert found
    return found[1]


def set_up(client: Client, page: str, **data: str) -> Any:
    return client.post(SET_UP, {"code": code_of(hex_of(shown_secret(page))), **data})


def test_a_scanned_code_turns_it_on_and_the_next_sign_in_asks_for_one(mia: User) -> None:
    client = signed_in("mia")
    page = client.get(SET_UP).content.decode()
    assert "<svg" in page
    assert "data:image" not in page
    reply = set_up(client, page)
    assert reply.status_code == 200
    assert "no-store" in reply["Cache-Control"]
    assert len(reply.context["codes"]) == len(set(reply.context["codes"])) == 10
    assert is_in(client)
    assert type_password(browser(), "mia").startswith("/admin/login/code/")


def test_a_wrong_code_turns_nothing_on_and_keeps_the_key_that_was_scanned(mia: User) -> None:
    client = signed_in("mia")
    secret = shown_secret(client.get(SET_UP).content.decode())
    reply = client.post(SET_UP, {"code": wrong(code_of(hex_of(secret)))})
    assert "not the code which your app shows" in reply.content.decode()
    assert shown_secret(reply.content.decode()) == secret
    assert not Authenticator.objects.exists()
    for nonsense in ("", "12345", "abcdef", "١٢٣٤٥٦", "1" * 41):
        assert client.post(SET_UP, {"code": nonsense}).status_code == 200
    assert not Authenticator.objects.exists()


def test_the_code_of_the_set_up_does_not_sign_in_again(mia: User) -> None:
    client = signed_in("mia")
    page = client.get(SET_UP).content.decode()
    code = code_of(hex_of(shown_secret(page)))
    assert client.post(SET_UP, {"code": code}).context["codes"]
    other = browser()
    type_password(other, "mia")
    status, said = type_code(other, code)
    assert (status, "used already" in said) == (200, True)


def test_no_secret_stands_in_the_database_in_the_clear(mia: User) -> None:
    client = signed_in("mia")
    page = client.get(SET_UP).content.decode()
    key = shown_secret(page).replace("-", "")
    codes = set_up(client, page).context["codes"]
    with connection.cursor() as cursor:
        found = ""
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT coalesce(string_agg(to_jsonb(t)::text, ' '), '') FROM \"{table}\" t")
            found += cursor.fetchone()[0]
    for secret in (key, hex_of(key), *codes, *(code.replace("-", "") for code in codes)):
        assert secret not in found
    assert hashlib.sha256(codes[0].replace("-", "").encode()).hexdigest() in found
    assert unseal(Authenticator.objects.get().sealed_secret) == hex_of(key)


def test_setting_it_up_is_in_the_audit_trail_without_its_secrets(mia: User) -> None:
    client = signed_in("mia")
    set_up(client, client.get(SET_UP).content.decode())
    entry = AuditEntry.objects.get(target_type="kernel_authenticator", action="insert")
    assert (entry.actor, entry.why) == ("mia", "two-factor set up")
    assert entry.after is not None
    assert entry.after["sealed_secret"] == "[omitted]"
    assert AuditEntry.objects.get(action="recovery-codes-made").actor == "mia"


def test_using_it_is_no_change_worth_an_entry(mia: User) -> None:
    phone = give_phone(mia)
    before = AuditEntry.objects.filter(target_type="kernel_authenticator").count()
    signed_in("mia", phone)
    assert AuditEntry.objects.filter(target_type="kernel_authenticator").count() == before


def test_setting_it_up_ends_the_sessions_that_came_without_it(mia: User) -> None:
    elsewhere, client = signed_in("mia"), signed_in("mia")
    set_up(client, client.get(SET_UP).content.decode())
    assert is_in(client)
    assert not is_in(elsewhere)


def test_another_phone_takes_a_code_of_the_old_one(mia: User) -> None:
    old = give_phone(mia)
    client = signed_in("mia", old)
    page = client.get(SET_UP).content.decode()
    assert "another phone" in page
    refused = set_up(client, page, old_code=wrong(old.code()))
    assert "wrong, or was used already" in refused.content.decode()
    old.wait()
    assert len(set_up(client, page, old_code=old.code()).context["codes"]) == 10
    assert Authenticator.objects.get().user == mia
    new = Phone(mia, hex_of(shown_secret(page)), [])
    fresh = browser()
    type_password(fresh, "mia")
    assert type_code(fresh, old.code())[0] == 200
    new.wait()
    assert type_code(fresh, new.code()) == (302, "/admin/")


def test_new_recovery_codes_take_a_code_and_replace_the_old_ones(mia: User) -> None:
    phone = give_phone(mia)
    client = signed_in("mia", phone)
    client.post("/admin/account/two-factor/codes/", {"code": wrong(phone.code())})
    assert RecoveryCode.objects.filter(
        digest=two_factor._hashed(phone.recovery_codes[0].replace("-", ""))
    ).exists()
    phone.wait()
    reply = client.post("/admin/account/two-factor/codes/", {"code": phone.code()})
    assert "no-store" in reply["Cache-Control"]
    new = reply.context["codes"]
    assert not set(new) & set(phone.recovery_codes)
    other = browser()
    type_password(other, "mia")
    assert type_code(other, phone.recovery_codes[0])[0] == 200
    assert type_code(other, new[0]) == (302, "/admin/")


def test_turning_it_off_takes_a_code(mia: User) -> None:
    phone = give_phone(mia)
    client = signed_in("mia", phone)
    client.post("/admin/account/two-factor/off/", {"code": wrong(phone.code())})
    assert Authenticator.objects.exists()
    phone.wait()
    client.post("/admin/account/two-factor/off/", {"code": phone.code()})
    assert not Authenticator.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert "Two-factor is off" in client.get(ACCOUNT).content.decode()
    assert type_password(browser(), "mia") == "/admin/"
    assert AuditEntry.objects.filter(
        target_type="kernel_authenticator", action="delete", actor="mia"
    ).exists()


def test_a_sealed_secret_needs_the_key_that_sealed_it(settings: Settings) -> None:
    sealed = seal("secret")
    assert "secret" not in sealed
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-" + "y" * 50
    with pytest.raises(Unreadable):
        unseal(sealed)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert unseal(sealed) == "secret"


def test_after_a_change_of_the_key_a_recovery_code_lets_in(mia: User, settings: Settings) -> None:
    phone = give_phone(mia)
    settings.SECRET_KEY = "another-" + "y" * 50
    client = browser()
    type_password(client, "mia")
    status, said = type_code(client, phone.code())
    assert (status, "can no longer read" in said) == (200, True)
    assert type_code(client, phone.recovery_codes[0]) == (302, "/admin/")
