"""What hinders delivery is said in one sentence."""

import pytest
from pytest_django import Settings

from alai.kernel.notifications import DEFAULT_CHANNEL, deliver, delivery_status
from tests.kernel.notifications.steps import states, step, tell
from tests.standins.slack import SlackStandIn, refused, server_error

pytestmark = pytest.mark.django_db

POST = "chat.postMessage"


def test_nothing_is_said_when_notifications_flow(slack: SlackStandIn) -> None:
    tell()
    step()
    tell(2)
    assert delivery_status() == ""


@pytest.mark.parametrize("token", ["", "  ", "xoxb with blanks", "xoxb-\x00", "xøxb"])
def test_without_a_token_messages_wait_and_the_status_says_so(
    slack: SlackStandIn, settings: Settings, token: str
) -> None:
    settings.SLACK_BOT_TOKEN = token
    tell()
    assert deliver() == "0 notifications sent, 1 waits"
    assert states() == ["pending"]
    assert delivery_status() == "1 notification waits for Slack: set SLACK_BOT_TOKEN to a bot token."
    assert not slack.requests


def test_a_missing_default_channel_is_named(slack: SlackStandIn) -> None:
    tell(1, channel=DEFAULT_CHANNEL)
    tell(2, channel=DEFAULT_CHANNEL)
    deliver()
    assert delivery_status() == "2 notifications wait for a channel: set SLACK_DEFAULT_CHANNEL."


def test_an_outage_is_named_with_its_start_and_reason(slack: SlackStandIn) -> None:
    slack.misbehave(POST, server_error(503))
    tell()
    step()
    status = delivery_status()
    assert status.startswith("1 notification waits: Slack has taken none in C0OPS since ")
    assert status.endswith("(chat.postMessage answered HTTP 503 without a usable result).")


def test_failures_of_the_last_day_are_named(slack: SlackStandIn) -> None:
    slack.misbehave(POST, refused("is_archived"))
    tell()
    step()
    assert delivery_status() == "1 of the last day's notifications failed, the last with: is_archived."
