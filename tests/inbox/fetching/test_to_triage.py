"""What was fetched is judged: new mail, history and what we sent, each in its way."""

import datetime as dt

import pytest
from django.utils import timezone

from inbox import services
from inbox.models import Account, Mail, Message, Sender
from missioncontrol.models import Task
from tests.inbox.fetching.conftest import SENT, Mailbox
from tests.inbox.mails import eml

pytestmark = pytest.mark.django_db


def judged(mailbox: Mailbox) -> None:
    mailbox.poll()
    services.triage_waiting(seconds=60)


def test_history_is_imported_and_makes_no_task_and_new_mail_is_judged(mailbox: Mailbox) -> None:
    mailbox.deliver("from before")
    judged(mailbox)
    mailbox.deliver("from now on")
    judged(mailbox)
    before, after = (
        Mail.objects.get(messages__subject=subject) for subject in ("from before", "from now on")
    )
    assert before.action == "imported" and after.action not in ("", "imported")
    assert not Task.objects.filter(mails=before).exists() and before.push_due_at is None
    assert not Message.objects.exclude(state=Message.State.DONE).exists()


def test_an_imported_accounts_cut_over_decides_by_date_and_loses_no_lead(mailbox: Mailbox) -> None:
    """Mail that came between the old system's last look and our first one was seen by nobody."""
    Account.objects.update(cutover_at=timezone.now() - dt.timedelta(days=2))
    mailbox.deliver("seen by the old system", at=(timezone.now() - dt.timedelta(days=3)).timestamp())
    mailbox.deliver("seen by nobody", at=(timezone.now() - dt.timedelta(days=1)).timestamp())
    judged(mailbox)
    actions = dict(Message.objects.values_list("subject", "mail__action"))
    assert actions["seen by the old system"] == "imported"
    assert actions["seen by nobody"] not in ("", "imported")


def test_what_we_sent_makes_contacts_known_and_mail_answered(mailbox: Mailbox) -> None:
    mailbox.poll()
    mailbox.server.deliver(mailbox.user, eml("Tender", message_id="<tender@partner.example>"))
    judged(mailbox)
    reply = eml(
        "Re: Tender", sender=f"Us <{mailbox.user}>", to="mia@partner.example", message_id="<re@us.example>",
        in_reply_to="<tender@partner.example>",
    )  # fmt: skip
    mailbox.server.deliver(mailbox.user, reply, folder=SENT)
    judged(mailbox)
    tender = Mail.objects.get(message_id="tender@partner.example")
    assert tender.answered_at is not None and tender.answered_by == "sent"
    assert Sender.objects.get(address="mia@partner.example").sent_count == 1
    assert Mail.objects.get(message_id="re@us.example").outgoing
