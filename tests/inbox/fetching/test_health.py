"""How each account is, in words and in figures: on the home page, in /health/ready and in /metrics."""

import datetime as dt

import pytest
from django.contrib.auth.models import Permission, User
from django.test import RequestFactory
from django.utils import timezone

from alai.kernel import health, metrics
from alai.kernel.needs import NOTHING, Found
from alai.kernel.valkey import valkey
from inbox import accounts
from inbox.account_needs import broken_accounts
from inbox.accounts import State
from inbox.models import Account
from inbox.watching_wiring import _health

pytestmark = pytest.mark.django_db
NOW = timezone.now()
WELL = {"checked_at": NOW, "succeeded_at": NOW}


def account(address: str = "post@example.com", **fields: object) -> Account:
    usual = {"host": "imap.example.com", "secret_ref": "env:X", "created_at": NOW}
    return Account(address=address, **{**usual, **fields})


def state(fields: dict[str, object]) -> State:
    return accounts.health(account("post@example.com", **fields), NOW).state


def ago(**length: float) -> dt.datetime:
    return NOW - dt.timedelta(**length)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (WELL, State.WELL),
        ({**WELL, "behind": 3}, State.BEHIND),
        ({}, State.NEW),
        ({"checked_at": ago(minutes=20), "succeeded_at": ago(minutes=20)}, State.LATE),
        ({"created_at": ago(minutes=20)}, State.LATE),
        ({**WELL, "failures": 1, "trouble": "network"}, State.FAILING),
        (
            {"checked_at": NOW, "succeeded_at": ago(hours=2), "failures": 9, "trouble": "network"},
            State.NEEDS_YOU,
        ),
        ({**WELL, "failures": 1, "trouble": "auth"}, State.NEEDS_YOU),
        ({**WELL, "failures": 1, "trouble": "secret"}, State.NEEDS_YOU),
        ({**WELL, "failures": 1, "trouble": "certificate"}, State.NEEDS_YOU),
        ({**WELL, "enabled": False, "failures": 1, "trouble": "auth"}, State.OFF),
        ({"host": ""}, State.NOT_SET_UP),
    ],
)
def test_a_state_is_what_has_to_be_done(fields: dict[str, object], expected: State) -> None:
    assert state(fields) == expected


def test_a_sentence_says_what_is_amiss_and_when_it_is_tried_again() -> None:
    broken = account(
        checked_at=NOW, succeeded_at=ago(hours=3), failures=2, trouble="auth",
        last_error="imap.example.com refuses the login: no.", retry_at=NOW + dt.timedelta(minutes=31),
    )  # fmt: skip
    sentence = accounts.health(broken, NOW).sentence
    assert sentence == "imap.example.com refuses the login: no. Last read 3 h ago, tried again in 31 min."


def test_every_state_has_a_sentence() -> None:
    for fields in (
        {},
        WELL,
        {"host": ""},
        {"enabled": False},
        {**WELL, "behind": 2},
        {"created_at": ago(hours=9)},
    ):
        assert accounts.health(account("post@example.com", **fields), NOW).sentence.endswith(".")


def saved(address: str, **fields: object) -> Account:
    """Its moments are meant as seen from now, however long ago this module was imported."""
    since = timezone.now() - NOW
    moved = {
        name: value + since if isinstance(value, dt.datetime) else value for name, value in fields.items()
    }
    one = account(address, **{"created_at": NOW + since, **moved})
    one.save()
    return one


def test_metrics_tell_lag_and_backlog_of_each_account() -> None:
    saved("a@example.com", checked_at=NOW, succeeded_at=ago(seconds=90), behind=7)
    saved("b@example.com", **{**WELL, "failures": 3, "trouble": "network"})
    saved("off@example.com", enabled=False)
    lines = metrics.render().decode()
    assert 'alai_mail_account_behind{account="a@example.com"} 7.0' in lines
    assert 'alai_mail_account_failures{account="b@example.com"} 3.0' in lines
    assert 'alai_mail_accounts{state="off"} 1.0' in lines and "off@example.com" not in lines
    lag = next(line for line in lines.splitlines() if 'lag_seconds{account="a@' in line)
    assert 90 <= float(lag.split()[-1]) < 200
    assert 'alai_job_queue_depth{queue_name="mail"}' in lines


def test_readiness_counts_without_names_and_only_when_an_account_is_watched() -> None:
    valkey().delete("mc:alive:mail")
    assert _health() is None
    saved("a@example.com", **WELL)
    found = _health()
    assert found is not None and found.detail == "the mail worker: not seen"
    health._stamped.pop("mail", None)
    health.stamp("mail")
    found = _health()
    assert found is not None and (found.status, found.detail) == ("ok", "all accounts are read")
    saved("b@example.com", **{**WELL, "failures": 1, "trouble": "auth"})
    found = _health()
    assert found is not None and found.status == "degraded"
    assert found.detail == "1 of 2 mail accounts cannot be read"
    valkey().delete("mc:alive:mail")


def asked(*permissions: str) -> Found:
    request = RequestFactory().get("/")
    request.user = User.objects.create_user("ada")
    request.user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return broken_accounts(request)


def test_the_home_page_names_accounts_that_need_somebody() -> None:
    saved("well@example.com", **WELL)
    saved("lasting@example.com", checked_at=NOW, succeeded_at=ago(hours=5), failures=9, trouble="network")
    saved("passing@example.com", **{**WELL, "failures": 1, "trouble": "network"})
    saved("refused@example.com", **{**WELL, "failures": 1, "trouble": "auth", "last_error": "No."})
    saved("never@example.com", checked_at=NOW, failures=1, trouble="secret", last_error="X is not set.")
    found = asked("view_account")
    assert found.total == 3
    assert [need.subject for need in found.needs] == ["never@example.com", "lasting@example.com"]
    assert "X is not set." in found.needs[0].sentence


def test_when_nobody_fetches_it_is_one_thing() -> None:
    for number in range(4):
        saved(f"{number}@example.com", checked_at=ago(hours=1), succeeded_at=ago(hours=1))
    found = asked("view_account")
    assert found.total == 1 and "mail worker" in found.needs[0].sentence


def test_who_may_not_see_accounts_sees_none() -> None:
    saved("refused@example.com", **{**WELL, "failures": 1, "trouble": "auth"})
    assert asked() == NOTHING
