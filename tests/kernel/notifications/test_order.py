"""One message at a time in a channel, in the order in which they were written."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest
from django.db import connections
from pytest_django import Settings

from alai.kernel.notifications import claim, deliver, settle
from alai.kernel.slack import Slack
from tests.kernel.notifications.steps import OPS, let_time_pass, states, step, tell
from tests.standins.slack import TOKEN, SlackStandIn, rate_limited, refused, slow

POST = "chat.postMessage"


@pytest.mark.django_db
def test_messages_of_a_channel_arrive_in_order(slack: SlackStandIn) -> None:
    for number in range(1, 6):
        tell(number)
    assert deliver() == "5 notifications sent"
    assert slack.texts(OPS) == [f"Message {number}" for number in range(1, 6)]


@pytest.mark.django_db
def test_a_channel_that_waits_holds_no_other_up(slack: SlackStandIn) -> None:
    slack.misbehave(POST, rate_limited("60"))
    tell(1)
    step()
    tell(2)
    tell(3, channel="C0OTHER")
    assert deliver() == "1 notification sent, 2 wait"
    assert slack.texts("C0OTHER") == ["Message 3"]


@pytest.mark.django_db
def test_a_channel_is_held_by_one_sender(slack: SlackStandIn) -> None:
    tell(1)
    deliver(seconds=0)
    assert claim() is not None
    tell(2)
    assert claim() is None
    assert states() == ["sending", "pending"]


@pytest.mark.django_db
def test_messages_keep_the_pace(slack: SlackStandIn, settings: Settings) -> None:
    settings.NOTIFICATION_PACE_SECONDS = 0.3
    for number in range(3):
        tell(number)
    deliver()
    moments = [float(message["ts"]) for message in slack.messages]
    assert all(later - earlier >= 0.29 for earlier, later in pairwise(moments))


@pytest.mark.django_db
def test_a_run_ends_in_time_and_leaves_the_rest_for_the_next(slack: SlackStandIn, settings: Settings) -> None:
    settings.NOTIFICATION_PACE_SECONDS = 0.5
    for number in range(5):
        tell(number)
    assert deliver(seconds=0.7) == "2 notifications sent, 3 wait"


@pytest.mark.django_db
def test_a_late_sender_changes_nothing(slack: SlackStandIn) -> None:
    tell()
    deliver(seconds=0)
    late = claim()
    assert late is not None
    let_time_pass()
    assert [step(), step()] == ["waiting", "sent"]
    slack.misbehave(POST, refused("is_archived"))
    with Slack(url=slack.url, token=TOKEN) as client:
        assert settle(late, client) == "waiting"
    assert states() == ["sent"]


@pytest.mark.django_db
def test_a_sender_that_was_suspended_too_long_sends_nothing(slack: SlackStandIn) -> None:
    tell()
    deliver(seconds=0)
    turn = claim()
    assert turn is not None
    suspended = replace(turn, started=turn.started - 100)
    with Slack(url=slack.url, token=TOKEN) as client:
        assert settle(suspended, client) == "waiting"
    assert not slack.requests


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_never_send_a_message_twice_or_out_of_order(slack: SlackStandIn) -> None:
    channels = [f"C{number}" for number in range(3)]
    slack.misbehave(POST, *[slow(0.02)] * 60)
    for number in range(60):
        tell(number, channel=channels[number % 3])

    def work(_: int) -> str:
        try:
            return deliver()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as workers:
        sentences = list(workers.map(work, range(4)))
    assert states() == ["sent"] * 60, sentences
    for index, channel in enumerate(channels):
        assert slack.texts(channel) == [f"Message {number}" for number in range(index, 60, 3)]
