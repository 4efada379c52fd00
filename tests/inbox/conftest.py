from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pybreaker
import pytest
from pytest_django import Settings

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from inbox import llm, paperless, services
from inbox.access import SYSTEM
from inbox.models import Account, Folder, Mail, Message
from tests.cast import Caller
from tests.inbox.mails import ACCOUNT, AUTHSERV
from tests.standins.llm import LlmStandIn


def caller(name: str, *scopes: str, accounts: list[str] | None = None) -> Caller:
    actor, _ = Actor.objects.get_or_create(name=name, defaults={"kind": "agent"})
    return Caller(issue_token(actor=actor, scopes=list(scopes), accounts=accounts)[1])


@pytest.fixture
def feeder(db: None) -> Caller:
    """Posts mail and corrects decisions."""
    return caller("feeder", "inbox:write")


@pytest.fixture
def reader(db: None) -> Caller:
    return caller("reader", "inbox:read")


@dataclass(frozen=True)
class Box:
    """A watched account; `take` stores a message as our fetcher does, `sent` one of its Sent folder."""

    account: Account

    def take(self, raw: bytes, *, role: str = "inbox", internal_date: datetime | None = None) -> Message:
        folder, _ = Folder.objects.get_or_create(account=self.account, name=role, role=role)
        uid = Message.objects.filter(folder=folder).count() + 1
        message, _ = services.store_message(
            account=self.account,
            raw=raw,
            folder=folder,
            uidvalidity=1,
            uid=uid,
            internal_date=internal_date,
            fetched=True,
            by=SYSTEM,
        )
        return message

    def sent(self, raw: bytes) -> Message:
        return self.take(raw, role="sent")

    def judged(self, raw: bytes, **options: Any) -> Mail:
        """What the worker makes of a message."""
        message = self.take(raw, **options)
        services.triage_waiting(seconds=10)
        message.refresh_from_db()
        assert message.mail is not None
        return message.mail


@pytest.fixture
def box(db: None) -> Box:
    return Box(Account.objects.create(address=ACCOUNT, authserv_ids=[AUTHSERV]))


@pytest.fixture
def model(settings: Settings) -> Iterator[LlmStandIn]:
    """An LLM on loopback that the settings name; it answers NO unless told otherwise."""
    with LlmStandIn() as standin:
        settings.INBOX_LLM = {**settings.INBOX_LLM, "url": standin.url}
        settings.INBOX_LLM_SECONDS = 60  # a busy machine is no reason to fail
        yield standin


@pytest.fixture(autouse=True)
def closed_breakers() -> None:
    """No test suffers from another's failures."""
    llm._breakers.clear()
    paperless._breaker.close()
    assert paperless._breaker.current_state == pybreaker.STATE_CLOSED
