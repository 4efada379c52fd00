"""What comes back: the digest of each day, its alarm, escalations, and what ends them."""

import datetime as dt
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from alai.kernel.models import Notification
from inbox import services, tasks
from inbox.access import SYSTEM
from inbox.models import Account, Digest, Escalation, Mail, Sender
from inbox.services.coming_back import digest_is_due, missing_digest
from tests.inbox.conftest import Box
from tests.inbox.mails import ACCOUNT, authenticated, eml

pytestmark = pytest.mark.django_db
OSLO = timezone.get_default_timezone


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """A time of November 2026 in TIME_ZONE."""
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=OSLO())


def texts() -> list[str]:
    return list(Notification.objects.order_by("id").values_list("text", flat=True))


def waits(box: Box, subject: str, received: dt.datetime, **fields: Any) -> Mail:
    """A mail of a known partner that needs an answer since then."""
    mail = box.judged(
        authenticated(subject=subject, message_id=f"<{subject.replace(' ', '')}@partner.example>"),
        internal_date=timezone.now(),
    )
    Mail.objects.filter(pk=mail.pk).update(received_at=received, **fields)
    mail.refresh_from_db()
    return mail


@pytest.fixture(autouse=True)
def partner(db: None) -> None:
    services.add_partner(by=SYSTEM, domain="partner.example", name="Partner AS", tier=1)


def test_the_digest_has_its_sections(box: Box) -> None:
    now = at(24, 8)
    long_ago = now - dt.timedelta(hours=7)
    waits(box, "Contract", long_ago)
    waits(box, "Fresh contract", now - dt.timedelta(hours=2))
    waits(box, "Answered contract", long_ago, answered_at=now)
    waits(box, "Rush", long_ago, partner_tier=0, partner_name="")
    waits(box, "Ordinary", long_ago, partner_tier=0, partner_name="", priority="medium")
    waits(box, "Riddle", long_ago, verdict="deferred", classification="INFO", undecided_since=long_ago)
    waits(box, "Kept partner", long_ago, verdict="quarantine", classification="SPAM", decided_at=long_ago)
    waits(
        box,
        "Kept stranger",
        long_ago,
        verdict="quarantine",
        classification="SPAM",
        decided_at=long_ago,
        partner_tier=0,
    )
    text = services.send_digest(now=now, dry_run=True).text
    sections = [line for line in text.splitlines() if line.startswith("*")]
    assert sections == [
        "*Inbox, Tuesday 24 November*",
        "*Strategic partner emails* (1)",
        "*High-priority emails* (1)",
        "*Unanswered for more than 6 hours* (1)",
        "*Undecided for more than 6 hours* (1)",
        "*In quarantine although the sender is known by name* (1)",
    ]
    assert f"• [tier 1] Partner AS to {ACCOUNT}: Contract (7 h, task " in text
    assert "Fresh" not in text and "Answered" not in text and "stranger" not in text
    Sender.objects.create(address="mia@partner.example", sent_count=1)
    assert "Kept stranger" in services.send_digest(now=now, dry_run=True).text
    assert not Digest.objects.exists()


def test_the_digest_goes_out_once_a_day_and_again_by_force(box: Box) -> None:
    assert services.send_digest(now=at(24, 8)).sent
    assert not services.send_digest(now=at(24, 9)).sent
    assert services.send_digest(now=at(24, 9), force=True).sent
    assert services.send_digest(now=at(25, 8)).sent
    assert len(texts()) == 3 and Digest.objects.count() == 2


def test_an_empty_digest_says_so(box: Box) -> None:
    assert services.send_digest(now=at(24, 8), dry_run=True).text.endswith("Nothing waits for anybody.")


def test_the_digest_is_due_at_eight_local_time(box: Box) -> None:
    assert not digest_is_due(at(24, 7, 59))
    assert digest_is_due(at(24, 8))
    assert digest_is_due(dt.datetime(2026, 7, 1, 6, 1, tzinfo=dt.UTC))  # summer: 08:01 in Oslo
    services.send_digest(now=at(24, 8))
    assert not digest_is_due(at(24, 8, 1))
    assert digest_is_due(at(25, 8))


def test_without_accounts_there_is_no_digest() -> None:
    assert not digest_is_due(at(24, 8))
    assert tasks.digest() == "No digest is due"


def test_a_missing_digest_raises_the_alarm_once(box: Box) -> None:
    Account.objects.update(created_at=at(20, 0))
    assert missing_digest(at(24, 8, 9)) == ""
    assert "No digest was made on 24 November" in missing_digest(at(24, 8, 10))
    assert services.raise_digest_alarm(now=at(24, 8, 10))
    assert services.raise_digest_alarm(now=at(24, 8, 11))
    assert len(texts()) == 1 and texts()[0].startswith("[ALARM] No digest was made")


def test_a_digest_that_slack_does_not_take_raises_the_alarm_too(box: Box) -> None:
    Account.objects.update(created_at=at(20, 0))
    services.send_digest(now=at(24, 8))
    Digest.objects.update(created_at=at(24, 8))
    assert missing_digest(at(24, 8, 9)) == ""
    assert "not in Slack" in missing_digest(at(24, 8, 11))
    Notification.objects.update(state="sent")
    assert missing_digest(at(24, 8, 11)) == ""


def test_the_command_sends_prints_and_forces(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("send_digest", "--dry-run")
    assert capsys.readouterr().out.startswith("*Inbox, ")
    call_command("send_digest")
    assert "is in the outbox" in capsys.readouterr().out
    call_command("send_digest")
    assert "was sent already; --force sends it again" in capsys.readouterr().out
    call_command("send_digest", "--force")
    assert len(texts()) == 2


def test_each_escalation_happens_once(box: Box) -> None:
    mail = waits(box, "Contract", at(20, 10))
    Notification.objects.all().delete()
    assert services.escalate(now=at(21, 9, 59)) == 0
    for hours, day in ((24, 21), (48, 22), (72, 23), (96, 24)):
        assert services.escalate(now=at(day, 10)) == 1
        assert services.escalate(now=at(day, 11)) == 0
        assert texts()[-1].startswith(
            f"[SLA {hours} h] No answer to Partner AS, who wrote to {ACCOUNT}: Contract"
        )
    assert services.escalate(now=at(30, 10)) == 0
    assert list(Escalation.objects.order_by("hours").values_list("hours", "mail")) == [
        (24, mail.pk), (48, mail.pk), (72, mail.pk), (96, mail.pk),
    ]  # fmt: skip


def test_after_an_outage_only_the_last_threshold_is_told(box: Box) -> None:
    waits(box, "Contract", at(20, 10))
    Notification.objects.all().delete()
    assert services.escalate(now=at(23, 12)) == 1
    assert len(texts()) == 1 and texts()[0].startswith("[SLA 72 h]")
    assert services.escalate(now=at(24, 12)) == 1


def test_escalation_hours_are_those_of_the_clock_on_the_wall(box: Box) -> None:
    """In the night to 25 October 2026 the clock goes back: 24 hours later it says the same time, 25 hours on."""
    waits(box, "Contract", dt.datetime(2026, 10, 24, 10, tzinfo=OSLO()))
    assert services.escalate(now=dt.datetime(2026, 10, 25, 8, 30, tzinfo=dt.UTC)) == 0  # 09:30 in Oslo
    assert services.escalate(now=dt.datetime(2026, 10, 25, 9, 0, tzinfo=dt.UTC)) == 1


def test_our_reply_in_sent_answers_it(box: Box) -> None:
    mail = waits(box, "Contract", at(20, 10))
    box.sent(
        eml(sender=f"Post <{ACCOUNT}>", to="mia@partner.example", message_id="<r@company.example>",
            in_reply_to="<Contract@partner.example>", subject="Re: Contract")
    )  # fmt: skip
    services.triage_waiting(seconds=10)
    mail.refresh_from_db()
    assert mail.answered_at is not None and mail.answered_by == "sent"
    assert services.escalate(now=at(24, 10)) == 0
    assert Mail.objects.get(message_id="r@company.example").action == "own"


def test_an_answer_that_was_fetched_first_counts_too(box: Box) -> None:
    box.sent(
        eml(sender=f"Post <{ACCOUNT}>", to="mia@partner.example", message_id="<r@company.example>",
            in_reply_to="<Contract@partner.example>")
    )  # fmt: skip
    assert waits(box, "Contract", at(20, 10)).answered_by == "sent"


def test_a_stranger_cannot_answer_for_us(box: Box) -> None:
    mail = waits(box, "Contract", at(20, 10))
    forged = eml(
        sender=f"Post <{ACCOUNT}>", message_id="<f@evil.example>", in_reply_to="<Contract@partner.example>"
    )
    box.judged(forged)
    mail.refresh_from_db()
    assert mail.answered_at is None


def test_references_of_a_stranger_do_not_answer_a_partner(box: Box) -> None:
    """A mail client copies the references of what it answers: a stranger put the partner's among them."""
    mail = waits(box, "Contract", at(20, 10))
    box.sent(
        eml(sender=f"Post <{ACCOUNT}>", to="stranger@evil.example", message_id="<r@company.example>",
            in_reply_to="<s@evil.example>", references="<Contract@partner.example> <s@evil.example>")
    )  # fmt: skip
    mail.refresh_from_db()
    assert mail.answered_at is None


def test_what_a_person_marked_answered_comes_back_no_more(box: Box) -> None:
    mail = waits(box, "Contract", at(20, 10))
    message = mail.messages.get()
    services.mark_answered(by=SYSTEM, message_id=message.pk)
    assert services.escalate(now=at(24, 10)) == 0
    assert "Contract" not in services.send_digest(now=at(24, 8), dry_run=True).text
