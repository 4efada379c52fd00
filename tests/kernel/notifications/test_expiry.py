"""What is not worth sending any more is kept and shown, not sent."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from alai.kernel.models import Notification
from alai.kernel.notifications import enqueue, send_again
from tests.kernel.notifications.steps import OPS, let_time_pass, states, step, tell
from tests.standins.slack import SlackStandIn, accepted_then_reset, refused, server_error

pytestmark = pytest.mark.django_db

POST = "chat.postMessage"


def tell_until(seconds: float) -> Notification:
    until = timezone.now() + timedelta(seconds=seconds)
    return enqueue(event="site:1", recipient=OPS, text="Site down", not_after=until)


def test_a_message_that_is_too_late_expires_and_does_not_block(slack: SlackStandIn) -> None:
    tell_until(-1)
    tell(2)
    assert step() == "sent"
    assert states() == ["expired", "sent"]
    assert slack.texts(OPS) == ["Message 2"]


def test_a_message_in_time_is_sent(slack: SlackStandIn) -> None:
    tell_until(60)
    assert step() == "sent"


def test_a_message_expires_also_without_a_token(slack: SlackStandIn, settings: Settings) -> None:
    settings.SLACK_BOT_TOKEN = ""
    tell_until(-1)
    step()
    assert states() == ["expired"]


@pytest.mark.parametrize(("taken", "state"), [(True, "sent"), (False, "expired")])
def test_of_an_uncertain_message_the_look_up_says_whether_it_expired(
    slack: SlackStandIn, taken: bool, state: str
) -> None:
    slack.misbehave(POST, accepted_then_reset() if taken else server_error())
    tell_until(60)
    step()
    Notification.objects.update(not_after=F("created_at"))
    let_time_pass()
    step()
    step()
    assert states() == [state]
    assert len(slack.texts(OPS)) == taken


def test_a_message_for_later_waits_and_does_not_block(slack: SlackStandIn) -> None:
    later = timezone.now() + timedelta(hours=1)
    enqueue(event="digest:1", recipient=OPS, text="Good morning", not_before=later)
    tell(2)
    assert [step(), step()] == ["sent", "idle"]
    Notification.objects.update(not_before=F("created_at"))
    assert step() == "sent"
    assert slack.texts(OPS) == ["Message 2", "Good morning"]


def test_what_failed_or_expired_can_be_sent_again(slack: SlackStandIn) -> None:
    slack.misbehave(POST, refused("not_in_channel"))
    failed, expired = tell(1), tell_until(-1)
    assert step() == "failed"
    assert send_again(ids=[failed.pk, expired.pk]) == 2
    assert [step(), step(), step()] == ["waiting", "sent", "sent"]
    assert slack.texts(OPS) == ["Message 1", "Site down"]
    assert send_again(ids=[failed.pk]) == 0
