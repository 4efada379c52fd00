"""No check reaches into private networks unless the registry says so: judged on the address that is connected to."""

import socket
from typing import Any

import pytest

from infra.probes import Verdict
from infra.probes.guard import is_public
from infra.probes.http import HttpProbe
from infra.probes.network import TcpProbe, TlsProbe
from tests.infra.world import see, town

PRIVATE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.2", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.103.49.98", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:0a00:0001::", "64:ff9b::0a00:0001", "2001:db8::1", "nonsense", "",
    "fe80::1%eth0",
]  # fmt: skip
PUBLIC = [
    "93.184.215.14",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "::ffff:93.184.215.14",
    "64:ff9b::5db8:d70e",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_let_through(address: str) -> None:
    assert is_public(address)


def test_a_written_address_and_a_name_are_refused_alike() -> None:
    with town() as place:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1"):
            seen = see(HttpProbe(f"http://{host}:{place.port}/fine", timeout=2))
            assert seen.verdict in (Verdict.UNKNOWN, Verdict.DOWN), (host, seen)
        assert place.asked == []
        assert see(TcpProbe("localhost", place.port)).verdict == Verdict.UNKNOWN
        assert see(TlsProbe("127.0.0.1", place.port)).verdict == Verdict.UNKNOWN


def test_a_redirect_into_the_private_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address is let through; where it sends us is judged anew."""
    with town() as place:
        allowed = iter([True])
        monkeypatch.setattr("infra.probes.guard.is_public", lambda address: next(allowed, False))
        seen = see(HttpProbe(f"{place.url}/moved", redirects="follow", timeout=2))
        assert seen.verdict == Verdict.UNKNOWN
        assert len(place.asked) == 1


def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second look-up would answer loopback, but there is none."""
    answers = iter([[("93.184.215.14", 80)], [("127.0.0.1", 80)]])
    asked: list[str] = []

    async def lookup(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in next(answers)]

    async def connect(*args: Any, **options: Any) -> Any:
        raise OSError(f"would connect to {options.get('addr_infos') or args}")

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", lookup)
    monkeypatch.setattr("aiohttp.connector.TCPConnector._wrap_create_connection", connect)
    seen = see(HttpProbe("http://rebinding.example/", timeout=2))
    assert asked == ["rebinding.example"]
    assert "127.0.0.1" not in seen.detail
