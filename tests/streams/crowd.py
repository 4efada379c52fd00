"""Many listeners in one event loop, each of which goes on after the last event that it heard, as a browser does."""

import asyncio
import json
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.streams.listening import EVENTS, eventually

PAUSE = 0.5  # seconds before a lost connection is opened again


@dataclass
class Listener:
    """What one of them has heard; `openings` counts its connections."""

    place: tuple[str, int]
    token: str
    last_id: str = ""
    openings: int = 0
    ids: list[int] = field(default_factory=list)

    async def listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (OSError, EOFError, ValueError):
                await asyncio.sleep(PAUSE * (0.5 + random.random()))

    async def _hear(self) -> None:
        reader, writer = await asyncio.open_connection(*self.place)
        try:
            resume = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
            writer.write(
                f"GET {EVENTS} HTTP/1.1\r\nHost: {self.place[0]}\r\nAuthorization: Bearer {self.token}\r\n"
                f"{resume}\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ValueError(head)
            self.openings += 1
            text = b""
            while size := int(await reader.readline(), 16):  # chunked transfer coding
                text += (await reader.readexactly(size + 2))[:-2]
                *frames, text = text.split(b"\n\n")
                for frame in frames:
                    self._take(frame.decode())
        finally:
            writer.close()

    def _take(self, frame: str) -> None:
        for line in frame.split("\n"):
            name, _, value = line.partition(": ")
            if name == "data":
                self.ids.append(json.loads(value)["id"])
            elif name == "id":
                self.last_id = value


@contextmanager
def crowd(address: str, tokens: Sequence[str], size: int) -> Iterator[list[Listener]]:
    """So many listeners, all of them listening; they leave with the block."""
    place = urlsplit(address)
    listeners = [
        Listener((place.hostname or "", place.port or 0), tokens[number % len(tokens)])
        for number in range(size)
    ]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop, listeners))
    thread.start()
    try:
        eventually(lambda: all(listener.last_id for listener in listeners), 90)
        yield listeners
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, listeners: list[Listener]) -> None:
    tasks = [loop.create_task(listener.listen()) for listener in listeners]
    loop.run_forever()
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
