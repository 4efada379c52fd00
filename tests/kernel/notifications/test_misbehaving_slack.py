"""Whatever Slack does, a message is not lost, and not doubled unless Slack took it after our look-up."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from alai.kernel.models import Notification, NotificationChannel
from tests.kernel.notifications.steps import OPS, let_time_pass, seconds_until_ready, states, step, tell
from tests.standins.slack import (
    Behaviour,
    SlackStandIn,
    accepted_then,
    accepted_then_reset,
    accepted_then_silence,
    garbage,
    rate_limited,
    refused,
    reset,
    server_error,
    slow,
)

pytestmark = pytest.mark.django_db

POST, HISTORY = "chat.postMessage", "conversations.history"

TAKEN = {
    "silence": accepted_then_silence(),
    "reset": accepted_then_reset(),
    "500": server_error(accepted=True),
    "garbage": garbage(accepted=True),
    "nothing": garbage(b"", accepted=True),
    "a list": garbage(b"[]", accepted=True),
    "not UTF-8": garbage(b"\xff\xfe", accepted=True),
    "deep": garbage(b"[" * 100_000, accepted=True),
    "fatal_error": accepted_then("fatal_error"),
    "slower than we wait": Behaviour(delay=0.6),
}
NOT_TAKEN = {"reset": reset(), "500": server_error(), "503": server_error(503), "garbage": garbage()}
REFUSALS = ["channel_not_found", "not_in_channel", "is_archived", "invalid_auth", "token_revoked", "no_text"]
LOOK_UP_TROUBLE = {
    "429": rate_limited(),
    "500": server_error(),
    "silence": accepted_then_silence(),
    "garbage": garbage(),
    "no messages": garbage(b'{"ok": true}'),
    "more without a cursor": garbage(b'{"ok": true, "messages": [], "has_more": true}'),
    "internal_error": refused("internal_error"),
}


def test_a_message_arrives_with_its_key(slack: SlackStandIn) -> None:
    tell()
    assert step() == "sent"
    (message,) = slack.messages
    assert message["metadata"]["event_payload"] == {"key": f"incident:1|{OPS}|"}
    sent = Notification.objects.get()
    assert (sent.state, sent.provider_ref, sent.attempts) == ("sent", message["ts"], 1)
    assert sent.sent_at is not None


def test_a_direct_message_opens_its_conversation(slack: SlackStandIn) -> None:
    tell(channel="user:U1ADA")
    assert step() == "sent"
    assert slack.asked("conversations.open") == [{"users": "U1ADA"}]
    assert slack.texts("D-U1ADA") == ["Message 1"]


@pytest.mark.parametrize("behaviour", TAKEN.values(), ids=TAKEN)
def test_a_message_that_slack_took_without_saying_so_is_found_and_not_doubled(
    slack: SlackStandIn, behaviour: Behaviour
) -> None:
    slack.misbehave(POST, behaviour)
    tell()
    assert step() == "waiting"
    assert states() == ["sending"]
    let_time_pass()
    assert step() == "sent"
    assert slack.texts(OPS) == ["Message 1"]
    assert Notification.objects.get().provider_ref == slack.messages[0]["ts"]


@pytest.mark.parametrize("behaviour", NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_a_message_that_slack_dropped_without_saying_so_is_sent_after_the_look_up(
    slack: SlackStandIn, behaviour: Behaviour
) -> None:
    slack.misbehave(POST, behaviour)
    tell()
    assert step() == "waiting"
    let_time_pass()
    assert [step(), step()] == ["waiting", "sent"]
    assert [method for method, _ in slack.requests] == [POST, HISTORY, POST]
    assert slack.texts(OPS) == ["Message 1"]


@pytest.mark.parametrize("behaviour", LOOK_UP_TROUBLE.values(), ids=LOOK_UP_TROUBLE)
def test_while_the_look_up_fails_the_message_waits(slack: SlackStandIn, behaviour: Behaviour) -> None:
    slack.misbehave(POST, accepted_then_reset())
    slack.misbehave(HISTORY, behaviour)
    tell()
    step()
    let_time_pass()
    assert step() == "waiting"
    assert states() == ["sending"]
    let_time_pass()
    assert step() == "sent"
    assert slack.texts(OPS) == ["Message 1"]


def test_a_look_up_that_slack_refuses_for_good_fails_the_message_and_says_so(slack: SlackStandIn) -> None:
    slack.misbehave(POST, accepted_then_reset())
    slack.misbehave(HISTORY, refused("missing_scope"))
    tell()
    step()
    let_time_pass()
    assert step() == "failed"
    assert (
        Notification.objects.get().last_error == "Slack may have it; the look-up was refused: missing_scope"
    )


def test_a_look_up_reads_further_pages(slack: SlackStandIn) -> None:
    slack.page_size = 2
    slack.misbehave(POST, accepted_then_reset())
    tell()
    step()
    slack.messages += [{**slack.messages[0], "metadata": None, "text": "chatter"} for _ in range(5)]
    let_time_pass()
    assert step() == "sent"
    assert len(slack.asked(HISTORY)) == 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("2.5", 2.5), ("", 30), ("soon", 30), ("-1", 30), ("nan", 30), ("1e9", 600), ("0", 1)],
)
def test_a_rate_limit_makes_the_channel_wait(slack: SlackStandIn, header: str, seconds: float) -> None:
    slack.misbehave(POST, rate_limited(header))
    tell()
    tell(2)
    assert step() == "waiting"
    assert states() == ["pending", "pending"]
    assert seconds - 0.9 <= seconds_until_ready() <= seconds
    assert step() == "idle"
    let_time_pass()
    assert [step(), step()] == ["sent", "sent"]
    assert not slack.asked(HISTORY)
    assert slack.texts(OPS) == ["Message 1", "Message 2"]


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_for_good_does_not_block_the_next_message(slack: SlackStandIn, error: str) -> None:
    slack.misbehave(POST, refused(error))
    tell()
    tell(2)
    assert [step(), step()] == ["failed", "sent"]
    assert states() == ["failed", "sent"]
    assert Notification.objects.get(event="incident:1").last_error == error


@pytest.mark.parametrize("error", ["ratelimited", "rate_limited", "request_timeout"])
def test_a_passing_refusal_is_tried_again_without_a_look_up(slack: SlackStandIn, error: str) -> None:
    slack.misbehave(POST, refused(error))
    tell()
    assert step() == "waiting"
    let_time_pass()
    assert step() == "sent"
    assert not slack.asked(HISTORY)


def test_a_slow_answer_is_an_answer(slack: SlackStandIn) -> None:
    slack.misbehave(POST, slow(0.1))
    tell()
    assert step() == "sent"


def test_a_refused_connection_needs_no_look_up(slack: SlackStandIn, settings: Settings) -> None:
    settings.SLACK_API_URL = "http://127.0.0.1:9/api"
    tell()
    assert step() == "waiting"
    assert states() == ["pending"]
    settings.SLACK_API_URL = slack.url
    let_time_pass()
    assert step() == "sent"
    assert not slack.asked(HISTORY)


def test_the_back_off_doubles_up_to_ten_minutes(slack: SlackStandIn) -> None:
    slack.misbehave(POST, *[refused("ratelimited")] * 12)
    tell()
    waits = []
    for _ in range(12):
        assert step() == "waiting"
        waits.append(seconds_until_ready())
        let_time_pass()
    for number, wait in enumerate(waits):
        whole = min(600, 2**number)
        assert whole / 2 - 0.5 <= wait <= whole
    assert step() == "sent"
    assert NotificationChannel.objects.get().failures == 0


@pytest.mark.parametrize("misbehaviour", [server_error, reset, garbage, rate_limited])
def test_through_an_hour_of_trouble_nothing_is_lost_or_doubled(
    slack: SlackStandIn, misbehaviour: Callable[[], Behaviour]
) -> None:
    slack.misbehave(POST, *[misbehaviour()] * 3, accepted_then_reset(), misbehaviour())
    slack.misbehave(HISTORY, server_error(), misbehaviour())
    for number in range(1, 6):
        tell(number)
    for _ in range(40):
        step()
        let_time_pass()
    assert states() == ["sent"] * 5
    assert slack.texts(OPS) == [f"Message {number}" for number in range(1, 6)]
