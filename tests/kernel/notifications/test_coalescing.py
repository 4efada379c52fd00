"""After an outage a pile of messages arrives as one, and each of them can still be found."""

import pytest
from pytest_django import Settings

from alai.kernel.models import Notification
from alai.kernel.notifications import deliver
from tests.kernel.notifications.steps import OPS, let_time_pass, states, step, tell
from tests.standins.slack import (
    Behaviour,
    SlackStandIn,
    accepted_then_reset,
    accepted_then_silence,
    rate_limited,
    refused,
    server_error,
)

pytestmark = pytest.mark.django_db

POST, HISTORY = "chat.postMessage", "conversations.history"


def outage(slack: SlackStandIn, messages: int, *, text: str = "") -> list[str]:
    """Messages that were written while Slack could not be reached; answers their texts."""
    slack.misbehave(POST, rate_limited())
    rows = [tell(number, text=text and f"{number} {text}") for number in range(messages)]
    assert step() == "waiting"
    let_time_pass()
    return [row.text for row in rows]


def test_a_pile_arrives_as_one_message_with_a_line_for_each(slack: SlackStandIn) -> None:
    texts = outage(slack, 12)
    assert step() == "sent"
    assert slack.texts(OPS) == ["\n".join(texts)]
    first, *others = Notification.objects.order_by("id")
    assert (first.state, first.carried_by) == ("sent", None)
    assert {(row.state, row.carried_by) for row in others} == {("coalesced", first)}
    assert step() == "idle"


def test_ten_messages_after_an_outage_go_one_by_one(slack: SlackStandIn) -> None:
    texts = outage(slack, 10)
    deliver()
    assert slack.texts(OPS) == texts


def test_a_burst_without_an_outage_goes_one_by_one(slack: SlackStandIn) -> None:
    for number in range(12):
        tell(number)
    deliver()
    assert states() == ["sent"] * 12


def test_after_the_pile_messages_go_one_by_one_again(slack: SlackStandIn) -> None:
    outage(slack, 12)
    step()
    for number in range(100, 112):
        tell(number)
    deliver()
    assert len(slack.texts(OPS)) == 1 + 12


def test_a_pile_beyond_slacks_limit_arrives_in_several_messages(slack: SlackStandIn) -> None:
    texts = outage(slack, 30, text="x" * 3_000)
    deliver()
    joined = slack.texts(OPS)
    assert len(joined) == 2 + 4, "13 fit into each of two; the last four are few enough to go alone."
    assert all(len(text) <= 40_000 for text in joined)
    assert "\n".join(joined) == "\n".join(texts)


def test_a_single_message_beyond_the_limit_is_cut(slack: SlackStandIn) -> None:
    row = tell(text="y" * 50_000)
    step()
    assert slack.texts(OPS) == ["y" * 39_999 + "…"]
    row.refresh_from_db()
    assert len(row.text) == 50_000


def test_a_pile_whose_answer_was_lost_is_found_as_a_whole(slack: SlackStandIn) -> None:
    outage(slack, 12)
    slack.misbehave(POST, accepted_then_silence())
    step()
    let_time_pass()
    tell(50)
    assert [step(), step()] == ["sent", "sent"]
    assert len(slack.texts(OPS)) == 2
    assert states().count("coalesced") == 11


@pytest.mark.parametrize("trouble", [server_error(), rate_limited(), refused("msg_too_long")])
def test_messages_of_a_pile_that_did_not_arrive_stand_for_themselves_again(
    slack: SlackStandIn, trouble: Behaviour
) -> None:
    texts = outage(slack, 12)
    slack.misbehave(POST, trouble)
    step()
    let_time_pass()
    for _ in range(15):
        step()
        let_time_pass()
    arrived = "\n".join(slack.texts(OPS)).split("\n")
    lost = [row.text for row in Notification.objects.filter(state="failed")]
    assert lost + arrived == texts


def test_a_pile_that_waited_for_a_token_is_joined_too(slack: SlackStandIn, settings: Settings) -> None:
    token, settings.SLACK_BOT_TOKEN = settings.SLACK_BOT_TOKEN, ""
    for number in range(12):
        tell(number)
    assert deliver() == "0 notifications sent, 12 wait"
    settings.SLACK_BOT_TOKEN = token
    deliver()
    assert len(slack.texts(OPS)) == 1


def test_a_message_with_blocks_shows_its_text_when_it_carries_others(slack: SlackStandIn) -> None:
    outage(slack, 12)
    Notification.objects.update(payload={"blocks": [{"type": "divider"}]})
    step()
    assert "blocks" not in slack.messages[0]


def test_the_look_up_of_a_pile_goes_on_after_another_failure(slack: SlackStandIn) -> None:
    texts = outage(slack, 12)
    slack.misbehave(POST, accepted_then_reset())
    slack.misbehave(HISTORY, server_error(), rate_limited())
    for _ in range(4):
        step()
        let_time_pass()
    assert slack.texts(OPS) == ["\n".join(texts)]
    assert states() == ["sent"] + ["coalesced"] * 11
