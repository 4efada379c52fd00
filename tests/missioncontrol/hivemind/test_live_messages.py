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
        missed = say(pi_orch, "missed")
        say(pi_orch, "elsewhere", channel="alerts")
        with listening(
            address, f"{STREAM}?channel=ops", last_id=first["cursor"], **bearer(john.token)
        ) as again:
            new = say(pi_orch, "new")
            eventually(lambda: len(again.events) == 2)
            assert again.ids() == [missed, new]
        with listening(address, STREAM, last_id=first["cursor"], **bearer(john.token)) as all_of_them:
            eventually(lambda: len(all_of_them.events) == 3)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("cast")
def test_a_listener_may_begin_with_the_latest_of_its_channels() -> None:
    john = agent("john")
    said = [say(john, f"{number}", channel=("ops", "alerts", "noise")[number % 3]) for number in range(9)]
    wanted = [number for index, number in enumerate(said) if index % 3 != 2]
    channels = f"{STREAM}?channel=ops&channel=alerts"
    with served() as address:
        for recent in (1, 4, 6, 100):
            with listening(address, f"{channels}&recent={recent}", **bearer(john.token)) as heard:
                eventually(lambda heard=heard, recent=recent: heard.ids() == wanted[-recent:])  # type: ignore[misc]
        with listening(address, f"{channels}&recent=2", **bearer(john.token)) as heard:
            new = say(john, "new")
            eventually(lambda: heard.ids() == [*wanted[-2:], new])
        missed = say(john, "missed")
        with listening(address, f"{channels}&recent=2", last_id=heard.last_id, **bearer(john.token)) as again:
            eventually(lambda: again.ids() == [missed])
