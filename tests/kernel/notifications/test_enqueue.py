"""A notification is written with its effect, once."""

import pytest
from django.db import transaction
from pytest_django import Settings

from alai.kernel.models import Notification
from alai.kernel.notifications import DEFAULT_CHANNEL, enqueue
from tests.kernel.notifications.steps import OPS, step, tell
from tests.standins.slack import SlackStandIn


@pytest.mark.django_db
def test_the_same_step_of_an_event_is_told_once() -> None:
    first = enqueue(event="incident:1", recipient=OPS, step="opened", text="Site down")
    second = enqueue(event="incident:1", recipient=OPS, step="opened", text="Site down, again")
    assert first == second
    assert Notification.objects.get().text == "Site down"


@pytest.mark.django_db
def test_other_steps_and_recipients_are_told_too() -> None:
    for recipient, step_name in ((OPS, "opened"), (OPS, "resolved"), ("user:U1ADA", "opened")):
        enqueue(event="incident:1", recipient=recipient, step=step_name, text="Site down")
    assert Notification.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_an_effect_that_is_rolled_back_tells_nobody() -> None:
    with transaction.atomic():
        tell()
        transaction.set_rollback(True)
    assert not Notification.objects.exists()


@pytest.mark.django_db
def test_text_that_postgresql_cannot_store_does_not_break_the_effect() -> None:
    assert tell(text="a\0b\ud800c").text == "a\ufffdb?c"


@pytest.mark.django_db
def test_a_threaded_reply_is_refused_because_it_could_not_be_looked_up() -> None:
    with pytest.raises(ValueError, match="thread_ts"):
        enqueue(event="incident:1", recipient=OPS, text="x", payload={"thread_ts": "1.2"})


@pytest.mark.django_db
def test_the_default_channel_may_be_named_later(slack: SlackStandIn, settings: Settings) -> None:
    enqueue(event="digest:1", recipient=DEFAULT_CHANNEL, text="Good morning")
    assert step() == "idle"
    settings.SLACK_DEFAULT_CHANNEL = "C0ALL"
    assert step() == "sent"
    assert slack.texts("C0ALL") == ["Good morning"]
