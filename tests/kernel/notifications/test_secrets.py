"""The token leaves in one header only: never in logs, errors or rows. Every call is counted."""

import json
import logging
from collections import Counter

import pytest
from django.core import serializers
from pytest_django import Settings

from alai.kernel import metrics
from alai.kernel.models import Notification, NotificationChannel
from alai.kernel.slack import escape
from tests.kernel.notifications.steps import let_time_pass, step, tell
from tests.standins.slack import (
    TOKEN,
    SlackStandIn,
    accepted_then_reset,
    garbage,
    rate_limited,
    refused,
    server_error,
)

pytestmark = pytest.mark.django_db

POST = "chat.postMessage"


def counts() -> Counter[str]:
    """Calls to Slack by outcome."""
    samples = [sample for metric in metrics.external_calls.collect() for sample in metric.samples]
    ours = [sample for sample in samples if sample.labels["service"] == "slack"]
    return Counter({call.labels["status"]: int(call.value) for call in ours if call.name.endswith("_total")})


def test_the_token_is_in_no_log_and_no_row(slack: SlackStandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = json.dumps({"ok": False, "error": f"bad header Bearer {TOKEN}"}).encode()
    slack.misbehave(POST, rate_limited(), server_error(), accepted_then_reset(), garbage(TOKEN.encode()))
    slack.misbehave(POST, garbage(echo), refused("invalid_auth"))
    for number in range(4):
        tell(number)
    for _ in range(20):
        step()
        let_time_pass()
    rows = serializers.serialize("json", [*Notification.objects.all(), *NotificationChannel.objects.all()])
    assert TOKEN not in rows
    assert "[TOKEN_OMITTED]" in rows
    assert TOKEN not in caplog.text


def test_a_token_with_blanks_around_it_works(slack: SlackStandIn, settings: Settings) -> None:
    settings.SLACK_BOT_TOKEN = f" {TOKEN}\n"
    tell()
    assert step() == "sent"


def test_each_call_is_counted_with_its_outcome(slack: SlackStandIn, settings: Settings) -> None:
    before = counts()
    slack.misbehave(POST, refused("is_archived"), rate_limited(), server_error())
    tell(1)
    tell(2)
    for _ in range(3):
        step()
        let_time_pass()
    settings.SLACK_API_URL = "http://127.0.0.1:9/api"
    step()
    settings.SLACK_API_URL = slack.url
    let_time_pass()
    assert [step(), step()] == ["waiting", "sent"]
    assert counts() - before == {
        "ok": 2,
        "refused": 1,
        "rate_limited": 1,
        "uncertain": 1,
        "unreachable": 1,
    }


def test_text_of_strangers_can_be_kept_from_mentioning_anybody() -> None:
    assert escape("<!channel> R&D") == "&lt;!channel&gt; R&amp;D"
