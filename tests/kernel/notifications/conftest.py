"""A Slack on loopback, and the settings that lead to it."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from alai.kernel import slack as client
from tests.standins.slack import TOKEN, SlackStandIn


@pytest.fixture
def slack(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStandIn]:
    """The stand-in; channels have no pace, and a call is given up after 0.3 s."""
    monkeypatch.setattr(client, "CALL_SECONDS", 0.3)
    with SlackStandIn() as stand_in:
        settings.SLACK_API_URL = stand_in.url
        settings.SLACK_BOT_TOKEN = TOKEN
        settings.SLACK_DEFAULT_CHANNEL = ""
        settings.NOTIFICATION_PACE_SECONDS = 0
        settings.NOTIFICATION_COALESCE_AFTER = 10
        yield stand_in
