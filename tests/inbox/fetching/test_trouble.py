"""What can go wrong with an account is told apart, waits as it should, and touches no other account."""

import datetime as dt
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from django.utils import timezone
from pytest_django import Settings

from inbox import accounts
from inbox.fetching import poll as turns
from inbox.fetching.kept import KEEPER
from inbox.imap.sockets import Limits
from inbox.models import Account, Folder
from inbox.services import fetching
from tests.inbox.fetching.conftest import Mailbox, another
from tests.mailserver.dovecot import Dovecot, dovecot, missing
from tests.mailserver.proxy import proxy

pytestmark = pytest.mark.django_db
Trouble = Account.Trouble


def set_up(mailbox: Mailbox, **fields: object) -> None:
    Account.objects.filter(pk=mailbox.account.pk).update(**fields)
    mailbox.account.refresh_from_db()


def waits(mailbox: Mailbox) -> float:
    """Minutes until the next try."""
    retry = mailbox.account.retry_at
    return (retry - timezone.now()) / dt.timedelta(minutes=1) if retry else 0.0


@pytest.fixture
def own_server(settings: Settings) -> Iterator[Dovecot]:
    """A Dovecot that a test may stop and give other certificates."""
    if reason := missing():
        pytest.skip(reason)
    with dovecot() as running:
        settings.MAIL_CA_FILE = str(running.ca_file)
        yield running


@pytest.fixture
def own(mailbox: Mailbox, own_server: Dovecot, settings: Settings) -> Mailbox:
    settings.MAIL_CA_FILE = str(own_server.ca_file)
    set_up(mailbox, port=own_server.port)
    return Mailbox(own_server, mailbox.user, mailbox.account)


def test_a_refused_password_waits_long_and_longer(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD_TEST", "wrong horse")
    outcome = mailbox.poll()
    assert (
        outcome.failed and "refuses the login" in outcome.sentence and "wrong horse" not in outcome.sentence
    )
    assert mailbox.account.trouble == Trouble.AUTH and 12 <= waits(mailbox) <= 18
    assert mailbox.account.pk not in accounts.due()
    mailbox.poll()
    assert 24 <= waits(mailbox) <= 36
    for _ in range(6):
        mailbox.poll()
    assert waits(mailbox) <= 4 * 60 * 1.2
    monkeypatch.undo()


def test_the_right_password_makes_it_well_at_once(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    right = os.environ["MAIL_PASSWORD_TEST"]
    monkeypatch.setenv("MAIL_PASSWORD_TEST", "wrong")
    mailbox.poll()
    monkeypatch.setenv("MAIL_PASSWORD_TEST", right)
    fetching.try_again_now(account_id=mailbox.account.pk)
    assert mailbox.account.pk in accounts.due()
    assert not mailbox.poll().failed
    assert (mailbox.account.failures, mailbox.account.trouble, mailbox.account.last_error) == (0, "", "")


def test_a_password_that_changes_is_used_from_the_next_turn_on(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not mailbox.poll().failed
    monkeypatch.setenv("MAIL_PASSWORD_TEST", "changed")
    assert mailbox.poll().failed, "the kept connection was opened with the old one"


def test_a_missing_password_names_its_variable_and_asks_no_server(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAIL_PASSWORD_TEST")
    before = mailbox.server.log().count("imap-login")
    outcome = mailbox.poll()
    assert "MAIL_PASSWORD_TEST is not set" in outcome.sentence
    assert mailbox.account.trouble == Trouble.SECRET and waits(mailbox) <= 0
    assert mailbox.server.log().count("imap-login") == before


def test_a_password_in_a_file_works_and_an_open_file_does_not(mailbox: Mailbox, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(os.environ["MAIL_PASSWORD_TEST"] + "\n")
    path.chmod(0o600)
    set_up(mailbox, secret_ref=f"file:{path}")
    assert not mailbox.poll().failed
    path.chmod(0o644)
    assert "chmod 600" in mailbox.poll().sentence


def test_starttls_is_another_way_in(mailbox: Mailbox) -> None:
    set_up(mailbox, port=mailbox.server.port_starttls, security=Account.Security.STARTTLS)
    mailbox.deliver("over STARTTLS")
    assert mailbox.poll().new == 1


def test_a_port_without_tls_gets_no_password(mailbox: Mailbox) -> None:
    set_up(mailbox, port=mailbox.server.port_starttls)
    assert "speaks no TLS on this port" in mailbox.poll().sentence


@pytest.mark.parametrize(
    ("name", "days", "own_authority", "words"),
    [
        ("localhost", -1, True, "expired"),
        ("mail.example.com", 30, True, "not valid for 'localhost'"),
        ("localhost", 30, False, "unable to get local issuer"),
    ],
)
def test_a_certificate_that_does_not_convince_gets_no_password(
    own: Mailbox, name: str, days: int, own_authority: bool, words: str
) -> None:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    own.server.certify(name=name, not_after=until, by=None if own_authority else trustme.CA())
    own.server.restart()
    outcome = own.poll()
    assert words in outcome.sentence
    assert own.account.trouble == Trouble.CERTIFICATE
    assert "Login:" not in own.server.log()


def test_a_missing_file_of_authorities_is_named(mailbox: Mailbox, settings: Settings) -> None:
    settings.MAIL_CA_FILE = "/nowhere/ca.pem"
    assert "/nowhere/ca.pem cannot be used" in mailbox.poll().sentence


def test_after_a_long_outage_the_account_goes_on_where_it_was(own: Mailbox) -> None:
    own.deliver("before")
    own.poll()
    own.server.stop()
    pauses = []
    for _ in range(8):
        assert own.poll().failed
        pauses.append(waits(own))
    assert own.account.trouble == Trouble.NETWORK and own.account.failures == 8
    assert pauses[0] < 1.3 and 11 < pauses[-1] <= 15 * 1.2
    own.deliver(*(f"meanwhile {number}" for number in range(300)))
    own.server.start()
    assert own.poll().new == 300
    assert own.subjects() == ["before", *(f"meanwhile {number}" for number in range(300))]


def test_a_server_that_falls_silent_is_given_up_in_time(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "Limits", lambda: Limits(connect=1, silence=0.5, reply=1.5))
    with proxy(mailbox.server.port) as line:
        set_up(mailbox, port=line.port)
        assert not mailbox.poll().failed
        line.silent = True
        begin = time.monotonic()
        outcome = mailbox.poll()
        assert outcome.failed and "did not answer in time" in outcome.sentence
        assert time.monotonic() - begin < 8


def test_an_account_in_trouble_stops_no_other_and_comes_last(mailbox: Mailbox) -> None:
    broken = another(mailbox)
    Account.objects.filter(pk=broken.account.pk).update(host="nowhere.invalid")
    mailbox.deliver("a lead")
    assert broken.poll().failed
    Account.objects.update(retry_at=None)
    assert accounts.due() == [mailbox.account.pk, broken.account.pk]
    assert mailbox.poll().new == 1


def test_a_fault_of_ours_is_told_and_logged(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(turns, "sent_folder", broken)
    outcome = mailbox.poll()
    assert "ZeroDivisionError" in outcome.sentence and mailbox.account.trouble == Trouble.FAULT
    assert waits(mailbox) > 0.5


def test_a_turn_that_is_interrupted_by_us_is_no_failure(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KEEPER, "stopping", threading.Event())
    mailbox.poll()
    with proxy(mailbox.server.port) as line:
        set_up(mailbox, port=line.port)
        mailbox.poll()
        line.silent = True
        threading.Timer(0.5, KEEPER.stop).start()
        begin = time.monotonic()
        outcome = mailbox.poll()
    assert outcome.sentence.startswith("Interrupted") and time.monotonic() - begin < 5
    assert mailbox.account.failures == 0 and mailbox.account.claimed_until is None


def test_without_a_sent_folder_the_account_works_and_says_so(mailbox: Mailbox) -> None:
    mailbox.server.manage("mailbox", "delete", "-u", mailbox.user, "Sendte elementer")
    mailbox.poll()
    if not Folder.objects.filter(role=Folder.Role.SENT).exists():
        assert "No Sent folder" in mailbox.account.last_error and mailbox.account.failures == 0
