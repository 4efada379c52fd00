"""Undo: what people say of a decision holds, is remembered, and is counted."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from alai.kernel.errors import Conflict, Invalid
from alai.kernel.models import AuditEntry, Notification
from alai.kernel.principals import Principal
from inbox import selectors, services
from inbox.models import Content, Feedback, Mail, Message, Partner, Sender
from inbox.triage.verdicts import Classification
from missioncontrol.models import Task
from tests.inbox.conftest import Box
from tests.inbox.mails import PHISH, authenticated, eml

pytestmark = pytest.mark.django_db
ADA = Principal(actor="ada", scopes=frozenset({"admin"}), is_session=True)


@pytest.fixture
def kept(box: Box) -> Message:
    """A message in quarantine."""
    mail = box.judged(PHISH)
    assert mail.verdict == "quarantine"
    return mail.messages.get()


def test_a_released_mail_is_judged_on_and_its_sender_remembered(box: Box, kept: Message) -> None:
    services.release(by=ADA, message_id=kept.pk, note="I called them")
    mail = Mail.objects.get()
    assert mail.verdict == "deferred" and mail.released_at is not None
    assert [one.action for one in mail.decisions.order_by("number")] == [
        "security_quarantine",
        "llm_deferred",
    ]
    assert Sender.objects.get(address=kept.sender).released_by == "ada"
    feedback = Feedback.objects.get()
    assert (feedback.kind, feedback.stage, feedback.before, feedback.after) == (
        "released", "security", "quarantine", "deferred",
    )  # fmt: skip
    services.release(by=ADA, message_id=kept.pk)
    assert Feedback.objects.count() == 1


def test_what_is_not_in_quarantine_cannot_be_released(box: Box) -> None:
    message = box.judged(eml()).messages.get()
    with pytest.raises(Conflict):
        services.release(by=ADA, message_id=message.pk)


def test_a_promoted_mail_has_its_task_once(box: Box, kept: Message) -> None:
    services.promote(by=ADA, message_id=kept.pk)
    services.promote(by=ADA, message_id=kept.pk)
    mail = Mail.objects.get()
    assert (mail.verdict, mail.action, mail.classification, mail.decided_by) == (
        "task",
        "linked",
        "ACTION",
        "ada",
    )
    assert Task.objects.get() == mail.task
    assert Feedback.objects.get().kind == "promoted"
    assert not Notification.objects.exists()


def test_a_person_outranks_a_copy(box: Box) -> None:
    services.add_partner(by=ADA, domain="partner.example")
    message = box.judged(authenticated()).messages.get()
    services.reclassify(by=ADA, message_id=message.pk, classification=Classification.INFO)
    other = Box(
        type(box.account).objects.create(address="b@company.example", authserv_ids=box.account.authserv_ids)
    )
    assert other.judged(authenticated()).verdict == "queue"
    assert Task.objects.count() == 1


def test_what_is_no_action_is_pushed_no_more(box: Box) -> None:
    services.add_partner(by=ADA, domain="partner.example")
    message = box.judged(authenticated()).messages.get()
    Mail.objects.update(reactor_pushed_at=None)
    services.reclassify(by=ADA, message_id=message.pk, classification=Classification.NEWSLETTER)
    mail = Mail.objects.get()
    assert (mail.verdict, mail.classification, mail.push_due_at) == ("queue", "NEWSLETTER", None)
    assert mail.task is not None  # what people made of it is theirs to close


def test_never_again_holds_for_later_mail_and_can_be_taken_back(box: Box) -> None:
    message = box.judged(eml()).messages.get()
    services.never_again(by=ADA, message_id=message.pk)
    assert Mail.objects.get().classification == "SPAM"
    again = box.judged(eml(message_id="<2@partner.example>", body="Again"))
    assert again.verdict in ("queue", "quarantine") and again.classification == "SPAM"
    assert services.forgive(by=ADA, address="MIA@partner.example")
    assert not services.forgive(by=ADA, address="mia@partner.example")
    assert box.judged(eml(message_id="<3@partner.example>", body="Third")).verdict == "deferred"


def test_a_sender_declared_partner_is_one_at_once(box: Box) -> None:
    message = box.judged(eml()).messages.get()
    _, partner = services.declare_partner(by=ADA, message_id=message.pk, tier=2, reason="pays")
    assert (partner.address, partner.name, partner.account) == ("mia@partner.example", "Mia Partner", None)
    mail = Mail.objects.get()
    assert (mail.verdict, mail.action, mail.partner_tier) == ("task", "partner_unverified", 2)
    assert Feedback.objects.get().kind == "partner"


def test_precision_counts_what_stood(box: Box) -> None:
    for number in range(4):
        box.judged(eml(message_id=f"<{number}@x>", body=f"{number}", list_id="<l.example>"))
    newsletter = Message.objects.first()
    assert newsletter is not None
    services.promote(by=ADA, message_id=newsletter.pk)
    [row] = selectors.precision()
    assert (row["stage"], row["decided"], row["corrected"], row["precision"]) == ("bulk", 4, 1, 0.75)
    assert selectors.funnel(days=30) == {"newsletter_heuristic": 3, "linked": 1}


def test_erasing_a_sender_takes_the_text_and_leaves_the_decision(box: Box) -> None:
    message = box.judged(eml(subject="Pomegranate", body="pomegranate")).messages.get()
    assert services.erase_sender(by=ADA, address="Mia@partner.example", reason="asked by letter") == 1
    message.refresh_from_db()
    assert message.subject == "[erased]" and message.snippet == ""
    assert not Content.objects.exists()
    assert list(Message.objects.all().matching("pomegranate")) == []
    assert Mail.objects.get().decisions.count() == 1
    assert AuditEntry.objects.filter(action="mail-erased", actor="ada").count() == 1
    assert services.erase_sender(by=ADA, address="mia@partner.example", reason="again") == 0
    with pytest.raises(Invalid):
        services.erase_sender(by=ADA, address="mia@partner.example", reason=" ")


def test_partners_match_exactly_or_by_domain_and_account(box: Box) -> None:
    def matched(sender: str) -> int:
        mail = box.judged(eml(sender=sender, message_id=f"<{sender}>", body=sender))
        return mail.partner_tier

    services.add_partner(by=ADA, domain="@Kunde.example", tier=3)
    services.add_partner(by=ADA, address="ceo@kunde.example", tier=1)
    services.add_partner(by=ADA, domain="elsewhere.example", tier=1, account=box.account.address)
    assert matched("CEO@Kunde.example") == 1
    assert matched("anna@mail.kunde.example") == 3
    assert matched("anna@notkunde.example") == 0
    assert matched("x@elsewhere.example") == 1
    other = Box(type(box.account).objects.create(address="b@company.example"))
    assert other.judged(eml(sender="y@elsewhere.example", message_id="<y>", body="y")).partner_tier == 0


def test_the_old_allowlist_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "strategic-partners.json"
    path.write_text(
        '{"senders": [{"email": "Mia@Partner.example", "name": "Mia", "tier": 1, "reason": "pays"}], '
        '"domains": ["kunde.example", {"domain": "bank.example", "tier": 2}]}'
    )
    call_command("import_partners", str(path))
    assert capsys.readouterr().out == "3 partners added, 0 known before.\n"
    call_command("import_partners", str(path))
    assert capsys.readouterr().out == "0 partners added, 3 known before.\n"
    assert set(Partner.objects.values_list("address", "domain", "tier")) == {
        ("mia@partner.example", "", 1), ("", "kunde.example", 1), ("", "bank.example", 2),
    }  # fmt: skip
    for bad in (
        "",
        "[]",
        '{"senders": [{"name": "x"}]}',
        '{"senders": [{"email": "a b"}]}',
        '{"domains": {}}',
    ):
        path.write_text(bad)
        with pytest.raises(CommandError):
            call_command("import_partners", str(path))
    with pytest.raises(CommandError):
        call_command("import_partners", str(path) + ".missing")
    assert Partner.objects.count() == 3
