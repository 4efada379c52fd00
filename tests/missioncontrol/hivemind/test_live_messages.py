"""Messages over the same machinery as the ledger's events."""

import pytest

from tests.missioncontrol.hivemind.conftest import agent
from tests.missioncontrol.hivemind.test_messages import say
from tests.serving import served
from tests.streams.listening import bearer, eventually, listening

STREAM = "/api/v1/hivemind/stream"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("cast")
def test_a_listener_hears_its_channel_and_goes_on_after_a_break() -> None:
    john, pi_orch = agent("john"), agent("pi-orch")
    with served() as address:
        with listening(address, f"{STREAM}?channel=ops", **bearer(john.token)) as heard:
            say(pi_orch, "elsewhere", channel="alerts")
            first = pi_orch.post(
                "/hivemind/messages", {"channel": "ops", "body": "Hei", "payload": {"n": 1}}
            ).body
            eventually(lambda: len(heard.events) == 1)
            assert heard.events == [first]
            assert heard.last_id == first["cursor"]
        missed = say(pi_orch, "missed")
        say(pi_orch, "elsewhere", channel="alerts")
        with listening(
            address, f"{STREAM}?channel=ops", last_id=heard.last_id, **bearer(john.token)
        ) as again:
            new = say(pi_orch, "new")
            eventually(lambda: len(again.events) == 2)
            assert again.ids() == [missed, new]
        with listening(address, STREAM, last_id=heard.last_id, **bearer(john.token)) as all_of_them:
            eventually(lambda: len(all_of_them.events) == 3)
