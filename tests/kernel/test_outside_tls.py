"""Outside services are called over TLS that checks whom one talks to, with authorities that are read once."""

import ssl
from collections.abc import Iterator

import pytest
import trustme

from alai.kernel import tls
from alai.kernel.slack import NotTaken, Slack
from inbox.outside import Failed, call
from tests.infra.world import town


@pytest.fixture
def authority() -> Iterator[trustme.CA]:
    tls.context.cache_clear()
    yield trustme.CA()
    tls.context.cache_clear()


def of_loopback(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_a_service_whose_authority_nobody_knows_is_not_talked_to(authority: trustme.CA) -> None:
    with town(of_loopback(authority)) as place:
        with pytest.raises(Failed, match="unreachable"):
            call("GET", f"{place.url}/json", seconds=5)
        with Slack(url=place.url, token="xoxb-none") as slack, pytest.raises(NotTaken):
            slack.post(target="C1", text="hello", key="1")


def test_one_whose_authority_is_known_is(authority: trustme.CA) -> None:
    authority.configure_trust(tls.context())
    with town(of_loopback(authority)) as place:
        assert call("GET", f"{place.url}/json", seconds=5)["models"]
    assert tls.context() is tls.context()
