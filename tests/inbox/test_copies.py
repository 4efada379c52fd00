"""Copies of one mail in several accounts: what each may change, and what none may."""

from datetime import timedelta

import pytest
from django.utils import timezone

from alai.kernel.models import Notification
from inbox import services
from inbox.access import SYSTEM
from inbox.models import Account
from missioncontrol.models import Task
from tests.inbox.conftest import Box
from tests.inbox.mails import authenticated, eml

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(box: Box) -> Box:
    address = "kontakt@company.example"
    return Box(Account.objects.create(address=address, authserv_ids=box.account.authserv_ids))


@pytest.fixture(autouse=True)
def partner(db: None) -> None:
    services.add_partner(by=SYSTEM, domain="partner.example", name="Partner AS")


def test_what_was_there_before_us_is_tasked_in_no_account(box: Box, other: Box) -> None:
    old = timezone.now() - timedelta(days=3)
    box.account.cutover_at = timezone.now() - timedelta(days=1)
    box.account.save()
    assert box.judged(authenticated(), internal_date=old).action == "imported"
    assert other.judged(authenticated()).action == "imported"
    assert not Task.objects.exists() and not Notification.objects.exists()


def test_a_partner_of_one_account_alone_counts_there(box: Box, other: Box) -> None:
    services.add_partner(by=SYSTEM, domain="kunde.example", account=other.account.address)
    raw = eml(sender="Kari <kari@kunde.example>", message_id="<k@kunde.example>")
    assert box.judged(raw).action == "llm_deferred"
    mail = other.judged(raw)
    assert (mail.action, mail.partner_tier) == ("partner_unverified", 1)
    assert [one.action for one in mail.decisions.order_by("number")] == ["llm_deferred", "partner_unverified"]
    assert Task.objects.count() == Notification.objects.count() == 1


def test_a_worse_copy_takes_no_task_away(box: Box, other: Box) -> None:
    assert box.judged(authenticated()).action == "partner_override"
    assert other.judged(eml()).action == "partner_override"
    assert Task.objects.count() == Notification.objects.count() == 1
