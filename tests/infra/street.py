"""A street of 200 servers on loopback: half of them well, the others wrong in every way that sites are.

`walk` looks at all of them at once, round after round, and answers every verdict that was wrong.
"""

import asyncio
import contextlib
import datetime as dt
import os
import socket
import ssl
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import dns.asyncresolver
import trustme

from infra.probes import Probe, Verdict, World
from infra.probes.http import HttpProbe
from infra.probes.network import TcpProbe, TlsProbe
from tests.infra.world import Handler, reply

TIMEOUT = 2.0
AT_ONCE = 100
WELL = ("fine", "fine", "fine", "moved", "large", "late")
ILL = (
    "hang", "drip", "error", "loop", "forbidden", "missing", "reset", "garbage", "endless", "nobody", "bic", "mute",
    "half", "headers", "unsigned", "expired", "wrong-name", "plain",
)  # fmt: skip
HEALTHY, SICK = 100, 100


@dataclass(frozen=True)
class House:
    """A server, how it behaves, and what a probe must say of it."""

    kind: str
    probe: Probe
    expected: Verdict


@dataclass
class Report:
    """`wrong` holds a sentence for each verdict that was not right."""

    looks: int = 0
    of_healthy: int = 0
    seconds: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Street:
    """All servers in one event loop, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.trusted = ssl.create_default_context()
        self.authority.configure_trust(self.trusted)
        self.ca_file = folder / "street-ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        self.houses: list[House] = []
        self._ready, self._loop, self._over = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def _live(self) -> None:
        self._loop.set_exception_handler(lambda loop, context: None)  # clients that hang up are the point
        with contextlib.suppress(RuntimeError):
            self._loop.run_until_complete(self._serve_all())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve_all(self) -> None:
        servers: list[asyncio.Server] = []
        empty: list[socket.socket] = []
        for number in range(HEALTHY + SICK):
            well = number < HEALTHY
            kinds = WELL if well else ILL
            kind = kinds[number % len(kinds)]
            tls = self._context(kind) if kind in TLS_KINDS or (well and number % 5 == 0) else None
            if kind == "nobody":  # the port is taken, and nobody listens
                empty.append(socket.socket())
                empty[-1].bind(("127.0.0.1", 0))
                port = empty[-1].getsockname()[1]
            else:
                servers.append(await asyncio.start_server(_behaviour(kind), "127.0.0.1", 0, ssl=tls))
                port = servers[-1].sockets[0].getsockname()[1]
            self.houses.append(_house(kind, port, tls=tls is not None or kind == "plain", number=number))
        self._ready.set()
        await self._over.wait()
        for server in servers:
            server.close()
        for unused in empty:
            unused.close()

    def _context(self, kind: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        name, until = "127.0.0.1", dt.datetime.now(dt.UTC) + dt.timedelta(days=200)
        authority = self.authority
        if kind == "wrong-name":
            name = "other.example.com"
        if kind == "expired":
            until = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        if kind == "unsigned":
            authority = trustme.CA()
        authority.issue_cert(name, not_after=until).configure_cert(context)
        return context


TLS_KINDS = ("unsigned", "expired", "wrong-name")


@contextmanager
def street() -> Iterator[Street]:
    with tempfile.TemporaryDirectory(prefix="mission-control-street-") as folder:
        found = Street(Path(folder))
        found.start()
        try:
            yield found
        finally:
            found.stop()


def walk(found: Street, *, rounds: int, healthy: int = 0) -> Report:
    """Look at every house `rounds` times; then at the healthy ones alone until they were looked at `healthy` times."""
    return asyncio.run(_walk(found, rounds, healthy))


async def _walk(found: Street, rounds: int, healthy: int) -> Report:
    report, started = Report(), time.monotonic()
    connector = aiohttp.TCPConnector(
        ssl=found.trusted, limit=AT_ONCE, force_close=True, enable_cleanup_closed=True
    )
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        aiohttp.ClientSession() as unused,
    ):
        world = World(unused, session, dns.asyncresolver.Resolver())
        for _ in range(rounds):
            await _visit(found.houses, world, report)
        well = [house for house in found.houses if house.kind in WELL]
        while report.of_healthy < healthy:
            await _visit(well * 10, world, report)
    report.seconds = time.monotonic() - started
    return report


async def _visit(houses: list[House], world: World, report: Report) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def look(house: House) -> None:
        async with room:
            seen = await house.probe.run(world)
        report.looks += 1
        report.of_healthy += house.kind in WELL
        report.verdicts[seen.verdict.value] += 1
        if seen.verdict != house.expected:
            report.wrong.append(
                f"{house.kind}: {seen.verdict.value} instead of {house.expected.value}: {seen.detail}"
            )

    await asyncio.gather(*map(look, houses))


def _house(kind: str, port: int, *, tls: bool, number: int) -> House:
    url = f"http{'s' if tls else ''}://127.0.0.1:{port}/"
    expected = Verdict.UP if kind in WELL or kind == "endless" else Verdict.DOWN
    if kind in TLS_KINDS and number % 2:
        return House(kind, TlsProbe("127.0.0.1", port, timeout=TIMEOUT, private=True), Verdict.DOWN)
    if kind == "nobody" and number % 2:
        return House(kind, TcpProbe("127.0.0.1", port, timeout=TIMEOUT, private=True), Verdict.DOWN)
    if kind == "bic":
        expected = Verdict.BLOCKED
    if kind == "fine" and tls and number % 10 == 0:
        return House(kind, TlsProbe("127.0.0.1", port, timeout=30.0, private=True), Verdict.UP)
    timeout = 30.0 if kind in WELL else TIMEOUT  # a busy machine is no failure of a healthy one
    probe = HttpProbe(
        url,
        agent="python" if kind == "bic" else "own",
        redirects="follow" if kind == "loop" else "stay",
        timeout=timeout,
        private=True,
    )
    return House(kind, probe, expected)


def _behaviour(kind: str) -> Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await _answer(kind, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            writer.close()

    return serve


async def _answer(kind: str, writer: asyncio.StreamWriter) -> None:
    match kind:
        case "moved":
            writer.write(reply("301 Moved", "", "Location: https://www.example.com/"))
        case "large":
            writer.write(reply("200 OK", "x" * 200_000))
        case "late":
            await asyncio.sleep(0.2)
            writer.write(reply("200 OK", "late"))
        case "hang" | "mute":
            await asyncio.sleep(TIMEOUT * 3)
        case "drip":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            await _slowly(writer, b".")
        case "headers":
            writer.write(b"HTTP/1.1 200 OK\r\n")
            await _slowly(writer, b"X-More: y\r\n")
        case "error":
            writer.write(reply("500 Internal Server Error", "sorry"))
        case "loop":
            writer.write(reply("302 Found", "", "Location: /again"))
        case "forbidden":
            writer.write(reply("403 Forbidden", "no"))
        case "bic":
            writer.write(reply("403 Forbidden", "error code: 1010"))
        case "missing":
            writer.write(reply("404 Not Found"))
        case "reset":
            _reset(writer)
        case "garbage":
            writer.write(b"\x00\x01 not http at all\r\n\r\n")
        case "half":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf of it")
        case "endless":
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            for _ in range(200):
                writer.write(b"x" * 65536)
                await writer.drain()
        case _:
            writer.write(reply("200 OK", "All is well."))


async def _slowly(writer: asyncio.StreamWriter, piece: bytes) -> None:
    for _ in range(round(TIMEOUT * 3 / 0.2)):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.2)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


def told(healthy: int) -> bool:
    """A part of `make soak`: every verdict right, and no healthy server called down among so many looks."""
    with street() as found:
        os.environ["SSL_CERT_FILE"] = str(found.ca_file)  # for what makes contexts of its own
        report = walk(found, rounds=3, healthy=healthy)
        del os.environ["SSL_CERT_FILE"]
    print(
        f"  {report.looks:,} looks, {report.of_healthy:,} of healthy servers, in {report.seconds:.0f} s",
        flush=True,
    )
    for sentence in report.wrong[:20]:
        print(f"  BROKEN: {sentence}", flush=True)
    return not report.wrong
