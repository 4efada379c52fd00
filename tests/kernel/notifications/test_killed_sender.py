"""A sender that is killed in the middle of a message leaves nothing lost and nothing doubled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.kernel.notifications.steps import OPS, let_time_pass, states, step, tell
from tests.standins.slack import TOKEN, Behaviour, SlackStandIn, accepted_then_silence

POST = "chat.postMessage"
SENDER = "import django; django.setup(); from alai.kernel.notifications import deliver; deliver()"
ROOT = Path(__file__).parents[3]


def start_sender(slack: SlackStandIn) -> subprocess.Popen[bytes]:
    """Another process that delivers from the tests' database."""
    place = connection.settings_dict
    user = f"{place['USER']}:{place['PASSWORD']}".rstrip(":")
    url = f"postgres://{user}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
    changes = {"DATABASE_URL": url, "SLACK_API_URL": slack.url, "SLACK_BOT_TOKEN": TOKEN}
    environment = {**os.environ, **changes, "DJANGO_SETTINGS_MODULE": "alai.settings"}
    return subprocess.Popen([sys.executable, "-c", SENDER], env=environment, cwd=ROOT)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("taken", [True, False], ids=["after Slack took it", "before Slack took it"])
def test_a_killed_sender_is_followed_by_a_look_up(slack: SlackStandIn, taken: bool) -> None:
    slack.misbehave(POST, accepted_then_silence() if taken else Behaviour(carried_out=False, sees="silence"))
    tell(1)
    tell(2)
    sender = start_sender(slack)
    slack.wait_for(POST, seconds=30)
    sender.kill()
    sender.wait()
    assert states() == ["sending", "pending"]
    assert step() == "idle", "Until its hold runs out, the sender may be alive."

    let_time_pass()
    while step() != "idle":
        pass
    assert states() == ["sent", "sent"]
    assert slack.texts(OPS) == ["Message 1", "Message 2"]
    assert len(slack.asked("conversations.history")) == 1
