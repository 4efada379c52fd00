"""No probe reaches a private network: real names, real servers, and every connection of the process is noted.

127.77.0.0/16 plays the open internet here, so that nothing leaves the machine; everything else is judged as always.
"""

import asyncio
import sys
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from socket import SOCK_STREAM, AddressFamily, gaierror
from typing import Any

import dns.exception
import pytest

from infra.probes import KINDS, Observation, Probe, Verdict, guard, network
from infra.probes.builds import BuildsProbe
from infra.probes.cloudflare import CloudflareProbe
from infra.probes.http import HttpProbe
from infra.probes.models import ModelServerProbe
from infra.probes.network import DnsProbe, TcpProbe, TlsProbe
from infra.services import watching
from tests.standins.door import Door, said
from tests.standins.names import NameServer

INTERNET = ip_network("127.77.0.0/16")
PUBLIC = "127.77.0.1"
PRIVATE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.2", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.103.49.98", "100.127.255.255", "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:100.64.0.1", "::ffff:0:127.0.0.1", "::127.0.0.1", "::10.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::100.64.0.1", "64:ff9b:1::10.0.0.1",
    "64:ff9b:1:7f00:0:100:808:808", "2002:7f00:1::1", "2002:a00:1::1", "2002:6440:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0:808:808::f7f7:f7f7", "2001::1", "100::1",
]  # fmt: skip
SPELLINGS = [
    "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "0x0",
    "127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1", "\uff11\uff12\uff17.0.0.1", "127\uff610\uff610\uff611",
    "\u2460\u2461\u2466.0.0.1", "localhost", "LOCALHOST", "localhost.",
]  # fmt: skip
Maker = Callable[[str, int, bool], Probe]


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


# Each kind of probe that connects to where its settings say.
CONNECTING: dict[str, Maker] = {
    "http": lambda host, port, private: HttpProbe(
        _url(host, port), redirects="follow", timeout=3, private=private
    ),
    "model-server": lambda host, port, private: ModelServerProbe(
        _url(host, port), redirects="follow", timeout=3, private=private
    ),
    "tls": lambda host, port, private: TlsProbe(host, port, timeout=3, private=private),
    "tcp": lambda host, port, private: TcpProbe(host, port, timeout=3, private=private),
    "cloudflare": lambda host, port, private: CloudflareProbe(
        "zone", "env:TOKEN", api=_url(host, port), timeout=3, private=private
    ),
    "builds": lambda host, port, private: BuildsProbe(
        "a/b", api=_url(host, port), timeout=3, private=private
    ),
}
FOLLOWING = ("http", "model-server")
ELSEWHERE = {"dns"}  # it asks the name servers of this machine, and connects to nothing that they name
connections: list[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and connections is not None and isinstance(arguments[1], tuple):
        connections.append(str(arguments[1][0]))


sys.addaudithook(_note)


class Scene:
    """A name server, a server of the open internet and a private one on the same port."""

    def __init__(self, names: NameServer, public: Door, private: Door) -> None:
        self.names, self.public, self.private = names, public, private
        self.port = private.port

    def look(self, *probes: Probe) -> list[Observation]:
        """Look one after the other, with the very sessions of the prober."""

        async def look_round() -> list[Observation]:
            async with watching.world() as found:
                world = replace(found, resolver=self.names.resolver(), secret=lambda reference: "token")
                return [await probe.run(world) for probe in probes]

        return asyncio.run(look_round())


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Afterwards nothing was connected to but the open internet, and nobody knocked at the private door.

    A test that may reach the private server clears `private.knocks` and `connections` itself.
    """
    global connections
    judge = guard.is_public

    def is_public(text: str) -> bool:
        return (text.count(".") == 3 and text.startswith("127.77.")) or judge(text)

    monkeypatch.setattr(guard, "is_public", is_public)
    monkeypatch.setattr(network, "is_public", is_public)
    with (
        NameServer() as names,
        Door("127.0.0.1", "127.8.9.1", "::1") as private,
        Door(PUBLIC, port=private.port) as public,
    ):
        monkeypatch.setattr(BaseEventLoop, "getaddrinfo", _asking(names))
        connections = []
        yield Scene(names, public, private)
        made, connections = connections, None
        assert [one for one in made if ip_address(one) not in INTERNET] == []
        assert private.knocks == []


def _asking(names: NameServer) -> Any:
    """The system's look-up, which asks our name server for names below `example`."""
    system = BaseEventLoop.getaddrinfo

    async def getaddrinfo(self: Any, host: str, port: int, **options: Any) -> Any:
        if not host.rstrip(".").endswith(".example"):
            return await system(self, host, port, **options)
        found: list[Any] = []
        for kind, family in (("AAAA", AddressFamily.AF_INET6), ("A", AddressFamily.AF_INET)):
            try:
                answer = await names.resolver().resolve(host, kind)
            except dns.exception.DNSException:
                continue
            rest = (0, 0) if family == AddressFamily.AF_INET6 else ()
            found += [(family, SOCK_STREAM, 6, "", (one.to_text(), port, *rest)) for one in answer]
        if not found:
            raise gaierror(f"{host} is not known")
        return found

    return getaddrinfo


def refused(seen: Observation) -> bool:
    return seen.verdict == Verdict.UNKNOWN and seen.detail.startswith("Not looked at: ")


def test_every_kind_that_connects_is_driven_here() -> None:
    assert {name for name, kind in KINDS.items() if "private" in kind.__dataclass_fields__} == set(CONNECTING)
    others = {name for name, kind in KINDS.items() if not hasattr(kind, "source") and name not in CONNECTING}
    assert others == ELSEWHERE


@pytest.mark.parametrize("kind", CONNECTING)
def test_the_open_internet_is_reached(scene: Scene, kind: str) -> None:
    """Else the refusals below would prove nothing."""
    scene.names.answers = {"www.example": [[PUBLIC]]}
    (seen,) = scene.look(CONNECTING[kind]("www.example", scene.port, False))
    assert not refused(seen)
    assert scene.public.knocked(1)


@pytest.mark.parametrize("kind", CONNECTING)
def test_written_private_addresses_are_refused(scene: Scene, kind: str) -> None:
    for address in PRIVATE:
        (seen,) = scene.look(CONNECTING[kind](address, scene.port, False))
        assert refused(seen), (address, seen)


@pytest.mark.parametrize("kind", CONNECTING)
def test_other_spellings_of_loopback_are_refused(scene: Scene, kind: str) -> None:
    for host in SPELLINGS:
        (seen,) = scene.look(CONNECTING[kind](host, scene.port, False))
        assert seen.verdict in (Verdict.UNKNOWN, Verdict.DOWN), (host, seen)


@pytest.mark.parametrize("kind", CONNECTING)
def test_names_of_private_addresses_are_refused(scene: Scene, kind: str) -> None:
    for address in PRIVATE:
        scene.names.answers["inside.example"] = [[address]]
        (seen,) = scene.look(CONNECTING[kind]("inside.example", scene.port, False))
        assert refused(seen), (address, seen)


@pytest.mark.parametrize("kind", CONNECTING)
@pytest.mark.parametrize("records", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"]])
def test_a_name_with_a_public_and_a_private_record_is_refused_whole(
    scene: Scene, kind: str, records: list[str]
) -> None:
    scene.names.answers = {"both.example": [records]}
    (seen,) = scene.look(CONNECTING[kind]("both.example", scene.port, False))
    assert refused(seen), seen
    assert scene.public.knocks == []


@pytest.mark.parametrize("kind", CONNECTING)
@pytest.mark.parametrize("later", ["127.0.0.1", "::1"])
def test_a_name_that_is_private_at_the_second_question_gains_nothing(
    scene: Scene, kind: str, later: str
) -> None:
    """DNS rebinding: a look asks once and connects to that very answer; the next look asks anew and is refused."""
    scene.names.answers = {"rebinding.example": [[PUBLIC], [later]]}
    probe = CONNECTING[kind]("rebinding.example", scene.port, False)
    (first,) = scene.look(probe)
    assert not refused(first)
    assert scene.public.knocked(1)
    assert set(scene.names.asked.values()) == {1}
    (second,) = scene.look(probe)
    assert refused(second), second
    assert scene.public.knocked(1)


@pytest.mark.parametrize("kind", CONNECTING)
def test_a_name_that_rebinds_between_two_looks_of_one_session_is_refused(scene: Scene, kind: str) -> None:
    scene.names.answers = {"rebinding.example": [[PUBLIC], ["127.0.0.1"]]}
    probe = CONNECTING[kind]("rebinding.example", scene.port, False)
    first, second = scene.look(probe, probe)
    assert (refused(first), refused(second)) == (False, True)


@pytest.mark.parametrize("kind", FOLLOWING)
def test_redirects_into_private_networks_are_refused(scene: Scene, kind: str) -> None:
    scene.names.answers = {"www.example": [[PUBLIC]], "inside.example": [["127.0.0.1"]]}
    for target in [*PRIVATE, *SPELLINGS, "inside.example"]:
        host = f"[{target}]" if ":" in target else target
        scene.public.answer = said("302 Found", b"", f"Location: http://{host}:{scene.port}/")
        scene.public.knocks.clear()
        (seen,) = scene.look(CONNECTING[kind]("www.example", scene.port, False))
        assert seen.verdict in (Verdict.UNKNOWN, Verdict.DOWN), (target, seen)
        assert scene.public.knocked(1), target


@pytest.mark.parametrize("kind", FOLLOWING)
def test_a_redirect_to_the_same_name_that_is_private_by_then_is_refused(scene: Scene, kind: str) -> None:
    scene.names.answers = {"rebinding.example": [[PUBLIC], ["127.0.0.1"]]}
    scene.public.answer = said("302 Found", b"", f"Location: http://rebinding.example:{scene.port}/again")
    (seen,) = scene.look(CONNECTING[kind]("rebinding.example", scene.port, False))
    assert refused(seen), seen
    assert scene.public.knocked(1)


def test_a_dns_check_connects_to_nothing_that_it_was_told(scene: Scene) -> None:
    scene.names.answers = {"inside.example": [["127.0.0.1", "10.0.0.2"]]}
    (seen,) = scene.look(DnsProbe("inside.example", expect=("10.0.0.2",)))
    assert seen.verdict == Verdict.UP
    assert connections is not None
    connections[:] = [one for one in connections if one != "127.0.0.1"]  # the question itself


@pytest.mark.parametrize("kind", CONNECTING)
def test_a_check_that_is_allowed_there_reaches_a_private_server(scene: Scene, kind: str) -> None:
    scene.names.answers = {"inside.example": [["127.0.0.1"]]}
    hosts = ("127.0.0.1", "::1", "inside.example", "localhost")
    seen = scene.look(*(CONNECTING[kind](host, scene.port, True) for host in hosts))
    assert not any(map(refused, seen)), seen
    if kind in ("http", "model-server", "tcp"):
        assert {one.verdict for one in seen} == {Verdict.UP}
    assert scene.private.knocked(len(hosts))
    scene.private.knocks.clear()
    assert connections is not None
    connections.clear()
