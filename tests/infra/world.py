"""Servers on loopback that behave in every way that sites do."""

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
import dns.asyncresolver

from infra.probes import Observation, Probe, World
from infra.probes.base import SecretMissing
from infra.probes.guard import GuardedConnector

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def reply(status: str, body: str = "", *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body.encode())}",
        "Connection: close",
        *headers,
        "",
        body,
    ]
    return "\r\n".join(lines).encode()


class Town:
    """A server whose paths behave differently; `asked` remembers the requests' first lines and agents."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[str] = []
        self.broken = False
        self.tls = tls
        self.port = 0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(5)

    def stop(self) -> None:
        assert self._loop is not None
        assert self._over is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(5)

    async def _live(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda loop, context: None)  # clients that hang up are the point
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            await self._answer(head.split()[1], head, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, head: str, writer: asyncio.StreamWriter) -> None:
        match path.strip("/").split("/")[0]:
            case "fine":
                writer.write(reply("500 Oops") if self.broken else reply("200 OK", "All is well. Sign in"))
            case "moved":
                writer.write(reply("301 Moved", "", "Location: /fine"))
            case "loop":
                writer.write(reply("302 Found", "", "Location: /loop"))
            case "error":
                writer.write(reply("503 Service Unavailable", "sorry"))
            case "bic":
                agent = "python" in head.lower() or "node" in head.lower()
                writer.write(
                    reply("403 Forbidden", "error code: 1010") if agent else reply("200 OK", "hello")
                )
            case "forbidden":
                writer.write(reply("403 Forbidden", "no"))
            case "json":
                known = {
                    "status": "healthy",
                    "configuration": {"cosine_threshold": 0.5, "enable_rerank": False},
                }
                writer.write(reply("200 OK", json.dumps({**known, "models": [{"name": "a"}, {"name": "b"}]})))
            case "hang":
                await asyncio.sleep(30)
            case "drip":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                for _ in range(100):
                    writer.write(b".")
                    await writer.drain()
                    await asyncio.sleep(0.3)
            case "endless":
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                for _ in range(2000):
                    writer.write(b"x" * 65536)
                    await writer.drain()
            case "reset":
                writer.transport.abort()
            case "garbage":
                writer.write(b"\x00\x01 not http at all\r\n\r\n")
            case _:
                writer.write(reply("404 Not Found"))


@contextmanager
def town(tls: ssl.SSLContext | None = None) -> Iterator[Town]:
    found = Town(tls)
    found.start()
    try:
        yield found
    finally:
        found.stop()


def see(
    probe: Probe,
    known: Mapping[str, Mapping[str, Any]] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Observation:
    """One look by a probe, in a world of its own; `known`: our own records, `secrets`: what references hold."""

    def secret(reference: str) -> str:
        try:
            return (secrets or {})[reference]
        except KeyError:
            raise SecretMissing(f"{reference} is not set.") from None

    async def look() -> Observation:
        async with (
            aiohttp.ClientSession(connector=GuardedConnector(force_close=True)) as guarded,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as trusted,
        ):
            return await probe.run(World(guarded, trusted, dns.asyncresolver.Resolver(), known or {}, secret))

    return asyncio.run(look())
