"""Mailboxes on a real Dovecot, and the accounts that watch them."""

import email
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pytest_django import Settings

from inbox.fetching import poll
from inbox.fetching.kept import KEEPER
from inbox.fetching.poll import Outcome
from inbox.models import Account, Folder, Message
from inbox.packing import unpack
from tests.inbox.mails import eml
from tests.mailserver.dovecot import HOST, PASSWORD, Dovecot, dovecot, missing

SENT = "Sendte elementer"
numbers = itertools.count(1)


@dataclass
class Mailbox:
    """An account of ours and the mailbox that it watches."""

    server: Dovecot
    user: str
    account: Account

    def deliver(self, *subjects: str, folder: str = "INBOX", at: float | None = None) -> None:
        raws = [eml(subject, message_id=f"<{next(numbers)}@partner.example>") for subject in subjects]
        self.server.deliver(self.user, *raws, folder=folder, at=at)

    def poll(self, *, seconds: float = 40) -> Outcome:
        """A turn that begins now, whatever failed before."""
        outcome = poll.poll(self.account.pk, seconds=seconds)
        self.account.refresh_from_db()
        return outcome

    def subjects(self, folder: str = "INBOX") -> list[str]:
        """Of what is stored, by UID; a message is parsed later, so its subject is taken from its bytes."""
        rows = Message.objects.filter(account=self.account, folder__name=folder).order_by("uid")
        return [subject_of(row) for row in rows]

    def folder(self, name: str = "INBOX") -> Folder:
        return Folder.objects.get(account=self.account, name=name)


def subject_of(message: Message) -> str:
    return str(email.message_from_bytes(unpack(message.content))["Subject"])


@pytest.fixture(scope="session")
def server() -> Iterator[Dovecot]:
    if reason := missing():
        pytest.skip(reason)
    with dovecot() as running:
        yield running


@pytest.fixture(autouse=True)
def kept_connections() -> Iterator[None]:
    yield
    KEEPER.close()


@pytest.fixture
def mailbox(server: Dovecot, db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    settings.MAIL_CA_FILE = str(server.ca_file)
    monkeypatch.setenv("MAIL_PASSWORD_TEST", PASSWORD)
    return make(server)


def make(server: Dovecot) -> Mailbox:
    user = f"post{next(numbers)}@example.com"
    account = Account.objects.create(
        address=user, host=HOST, port=server.port, secret_ref="env:MAIL_PASSWORD_TEST"
    )
    return Mailbox(server, user, account)


def another(mailbox: Mailbox) -> Mailbox:
    """A second account on the same server."""
    return make(mailbox.server)
