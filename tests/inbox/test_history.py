"""Each public service leaves a trace of who did what: a decision, or an audit entry."""

import inspect
import json
from collections.abc import Callable

import pytest

from alai.kernel.models import AuditEntry
from alai.kernel.principals import Principal
from inbox import services
from inbox.models import Decision, Message
from inbox.triage.verdicts import Classification
from tests.inbox.conftest import Box
from tests.inbox.mails import PHISH, eml

pytestmark = pytest.mark.django_db
ADA = Principal(actor="ada", scopes=frozenset({"admin", "ceo"}))
ALLOWLIST = json.dumps({"senders": [{"email": "new@x.example", "name": "New", "tier": 1}], "domains": []})
NEW = eml(message_id="<new@x.example>", body="New")


def stored(box: Box, raw: bytes = NEW) -> int:
    [(pk, _)] = services.store_many(
        account=box.account, items=[services.Incoming(raw)], fetched=False, by=ADA
    )
    return pk


def deferred(box: Box) -> int:
    """The id of the message of a deferred mail."""
    return box.judged(NEW).messages.get().pk


def kept(box: Box) -> int:
    return box.judged(PHISH).messages.get().pk


USES: dict[str, Callable[[Box], object]] = {
    "account_for": lambda box: services.account_for(by=ADA, address="new@company.example"),
    "add_partner": lambda box: services.add_partner(by=ADA, domain="x.example"),
    "decide": lambda box: services.decide(message_id=box.take(NEW).pk, by=ADA),
    "declare_partner": lambda box: services.declare_partner(by=ADA, message_id=deferred(box), tier=1),
    "erase_sender": lambda box: services.erase_sender(by=ADA, address="mia@partner.example", reason="asked"),
    "forgive": lambda box: (
        services.never_again(by=ADA, message_id=deferred(box)),
        services.forgive(by=ADA, address="mia@partner.example"),
    ),
    "import_partners": lambda box: services.import_partners(by=ADA, text=ALLOWLIST),
    "mark_answered": lambda box: services.mark_answered(by=ADA, message_id=deferred(box)),
    "never_again": lambda box: services.never_again(by=ADA, message_id=deferred(box)),
    "promote": lambda box: services.promote(by=ADA, message_id=deferred(box)),
    "reclassify": lambda box: services.reclassify(
        by=ADA, message_id=deferred(box), classification=Classification.NEWSLETTER
    ),
    "release": lambda box: services.release(by=ADA, message_id=kept(box)),
    "remove_partner": lambda box: services.remove_partner(
        by=ADA, partner_id=services.add_partner(by=ADA, domain="x.example").pk
    ),
    "send_digest": lambda box: services.send_digest(by=ADA),
    "store_many": lambda box: stored(box),
    "store_message": lambda box: services.store_message(account=box.account, raw=NEW, fetched=False, by=ADA),
    "take_in": lambda box: services.take_in(by=ADA, address=box.account.address, raw=NEW),
    "triage_waiting": lambda box: (stored(box), services.triage_waiting(seconds=5, by=ADA)),
}
# They act only on what is due; what they do then is told in the tests of asking and of coming back.
ON_TIME = {"ask_waiting", "resolve", "escalate", "raise_digest_alarm", "parse_stored"}


def traces() -> int:
    return AuditEntry.objects.filter(actor="ada").count() + Decision.objects.filter(by="ada").count()


def test_every_service_is_used_here_or_told_of_elsewhere() -> None:
    functions = {name for name in services.__all__ if inspect.isfunction(getattr(services, name))}
    assert functions == USES.keys() | ON_TIME


@pytest.mark.parametrize("name", USES)
def test_a_service_leaves_a_trace_of_its_caller(box: Box, name: str) -> None:
    box.take(eml(message_id="<old@x.example>", body="Old"))
    before = traces()
    USES[name](box)
    assert traces() > before


def test_stages_see_no_more_than_codes_and_sentences_reach_the_audit(box: Box) -> None:
    """No entry holds what a message says."""
    box.judged(eml(subject="Pomegranate", body="pomegranate"))
    services.promote(by=ADA, message_id=Message.objects.get().pk)
    told = str(list(AuditEntry.objects.exclude(target_type="missioncontrol_task").values("before", "after")))
    assert "omegranate" not in told
