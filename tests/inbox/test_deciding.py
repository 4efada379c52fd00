"""What comes of a judgement: one decision, one task, one push for each mail, whoever its sender claims to be."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from alai.kernel.models import Notification
from inbox import pushes, services
from inbox.access import SYSTEM
from inbox.models import Account, Decision, Mail, Message, Partner
from inbox.services import deciding
from missioncontrol.models import Task
from missioncontrol.services import create_task
from tests.inbox.conftest import Box
from tests.inbox.mails import FAIL, authenticated, eml

pytestmark = pytest.mark.django_db

PHISH = "Your account is suspended. Verify your password now: http://192.0.2.7/login"


@pytest.fixture
def partner(db: None) -> Partner:
    return services.add_partner(
        by=SYSTEM, address="Mia@Partner.example", name="Mia Partner", tier=1, reason="pays"
    )


def test_an_authenticated_partner_becomes_a_task_and_a_push(box: Box, partner: Partner) -> None:
    mail = box.judged(authenticated(subject="The contract"))
    assert (mail.verdict, mail.action, mail.priority) == ("task", "partner_override", "high")
    assert mail.partner_tier == 1
    task = Task.objects.get()
    assert mail.task == task and task.title == "Answer Mia Partner: The contract"
    push = Notification.objects.get()
    assert (
        push.text
        == f"[TIER-1 PARTNER] Mia Partner emailed post@company.example — The contract (task {task.pk})"
    )
    assert mail.reactor_pushed_at is not None


def test_a_partner_that_nothing_vouches_for_is_pushed_as_unverified(box: Box, partner: Partner) -> None:
    mail = box.judged(eml())
    assert (mail.verdict, mail.action) == ("task", "partner_unverified")
    assert Notification.objects.get().text.startswith("[TIER-1 PARTNER, UNVERIFIED] Mia Partner emailed ")


def test_a_forged_partner_with_a_phish_is_quarantined_and_disturbs_nobody(box: Box, partner: Partner) -> None:
    mail = box.judged(
        authenticated(FAIL, subject="Urgent: verify your account", body=PHISH, reply_to="m@gmail.com")
    )
    assert (mail.verdict, mail.action, mail.partner_tier) == ("quarantine", "security_quarantine", 1)
    assert not Task.objects.exists()
    assert not Notification.objects.exists()


def test_a_feeder_cannot_authenticate_a_sender(partner: Partner) -> None:
    message, _ = services.take_in(by=SYSTEM, address="post@company.example", raw=authenticated())
    assert message.mail is not None and message.mail.action == "partner_unverified"


def test_the_same_mail_in_three_accounts_is_one_task_and_one_push(box: Box, partner: Partner) -> None:
    raw = authenticated()
    others = [
        Box(Account.objects.create(address=f"{n}@company.example", authserv_ids=box.account.authserv_ids))
        for n in range(2)
    ]
    mails = {one.judged(raw).pk for one in (box, *others)}
    assert len(mails) == 1
    assert Message.objects.count() == 3
    assert Task.objects.count() == Notification.objects.count() == Decision.objects.count() == 1


def test_an_authenticated_copy_counts_after_a_quarantined_one(box: Box, partner: Partner) -> None:
    other = Box(
        Account.objects.create(address="kontakt@company.example", authserv_ids=["mx.company.example"])
    )
    text = {"subject": "Urgent: verify your account", "body": PHISH}
    assert other.judged(authenticated(FAIL, **text)).verdict == "quarantine"
    assert box.judged(authenticated(**text)).action == "partner_override"
    assert Task.objects.count() == Notification.objects.count() == 1


def test_somebody_we_wrote_to_is_a_known_contact_when_authenticated(box: Box) -> None:
    box.sent(
        eml(
            sender=f"Post <{box.account.address}>",
            to="mia@partner.example",
            message_id="<s1@company.example>",
        )
    )
    services.triage_waiting(seconds=10)
    mail = box.judged(authenticated(message_id="<in@partner.example>"))
    assert (mail.verdict, mail.action, mail.priority) == ("task", "linked", "medium")
    again = box.judged(authenticated(message_id="<in2@partner.example>", subject="One more thing"))
    assert (again.action, again.priority) == ("linked", "high")  # a task of theirs is open
    assert box.judged(eml(message_id="<in3@partner.example>", subject="Not me")).action != "linked"


def test_mail_older_than_the_cutover_is_only_stored(box: Box, partner: Partner) -> None:
    Account.objects.update(cutover_at=timezone.now() - timedelta(days=1))
    box.account.refresh_from_db()
    mail = box.judged(authenticated(), internal_date=timezone.now() - timedelta(days=2))
    assert (mail.verdict, mail.action) == ("queue", "imported")
    assert not Task.objects.exists() and not Notification.objects.exists()


def test_a_dry_run_records_what_would_have_been(box: Box, partner: Partner) -> None:
    Account.objects.update(triage="dry_run")
    mail = box.judged(authenticated())
    assert (mail.verdict, mail.action) == ("queue", "dry_run")
    assert not Task.objects.exists() and not Notification.objects.exists()


def test_an_account_without_triage_only_stores(box: Box, partner: Partner) -> None:
    Account.objects.update(triage="off")
    assert box.judged(authenticated()).verdict == ""
    Account.objects.update(triage="on")
    services.triage_waiting(seconds=10)
    assert Mail.objects.get().action == "partner_override"


def test_ten_pushes_a_cycle_and_none_is_dropped(box: Box, partner: Partner, settings: Settings) -> None:
    for number in range(25):
        box.judged(authenticated(message_id=f"<{number}@partner.example>", subject=f"Mail {number}"))
    assert Notification.objects.count() == 10
    assert pushes.push_waiting() == 0  # the cycle's share is used
    for expected in (20, 25, 25):
        past = timezone.now() - timedelta(seconds=settings.INBOX_CYCLE_SECONDS + 1)
        Mail.objects.exclude(reactor_pushed_at=None).update(reactor_pushed_at=past)
        pushes.push_waiting()
        assert Notification.objects.count() == expected
    assert Task.objects.count() == 25


def test_strangers_cannot_mention_anybody_in_slack(box: Box, partner: Partner) -> None:
    box.judged(authenticated(subject="<!channel> pay & <https://evil.example|here>"))
    assert "&lt;!channel&gt; pay &amp; &lt;https://evil" in Notification.objects.get().text


def test_every_stage_leaves_its_evidence(box: Box, partner: Partner) -> None:
    mail = box.judged(authenticated())
    decision = mail.decisions.get()
    assert (decision.number, decision.stage, decision.by) == (1, "partner", "system")
    stages = {one.stage: one for one in decision.evidence.all()}
    assert {"authentication", "security", "partner", "llm"} <= stages.keys()
    assert stages["authentication"].facts["verified"] is True
    assert stages["partner"].decided


def test_a_refused_task_is_recorded_and_tried_again(
    box: Box, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    Task.objects.create(title="In the way", dedup_key="taken")
    original = create_task

    def refuse(**fields: object) -> object:
        return original(**{**fields, "parent_id": 999})  # type: ignore[arg-type]

    monkeypatch.setattr(deciding, "create_task", refuse)
    mail = box.judged(authenticated())
    assert (mail.verdict, mail.action) == ("deferred", "create_failed")
    monkeypatch.setattr(deciding, "create_task", original)
    Mail.objects.update(next_try_at=timezone.now())
    services.ask_waiting(seconds=10)
    mail.refresh_from_db()
    assert (mail.verdict, mail.action) == ("task", "partner_override")
    assert [one.action for one in mail.decisions.order_by("number")] == ["create_failed", "partner_override"]
    assert Notification.objects.count() == 1
