"""A client of the event streams that notes what it hears, as an EventSource would."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psutil

EVENTS = "/api/v1/events/stream"


@dataclass
class Heard:
    """What a listener has heard so far. `ended` is set when the server ended the stream."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    problem: Any = None
    events: list[dict[str, Any]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    last_id: str = ""
    retry: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def ids(self) -> list[int]:
        return [event["id"] for event in self.events]

    def take_line(self, line: str) -> None:
        name, _, text = line.partition(": ")
        if name == "id":
            self.last_id = text
        elif name == "data":
            self.events.append(json.loads(text))
        elif name == "retry":
            self.retry = text
        elif not name:
            self.comments.append(text)


@contextmanager
def listening(address: str, path: str = EVENTS, *, last_id: str = "", **headers: str) -> Iterator[Heard]:
    """Listen in a thread until the block ends. `headers` in keyword form."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers={**named, **({"Last-Event-ID": last_id} if last_id else {})})
    response = connection.getresponse()
    heard = Heard(
        status=response.status, headers={name.lower(): text for name, text in response.getheaders()}
    )
    if response.status != 200:
        heard.problem = json.loads(response.read())
        connection.close()
        yield heard
        return
    raw = connection.sock
    thread = threading.Thread(target=_hear, args=(response, heard))
    thread.start()
    try:
        eventually(lambda: bool(heard.last_id) or heard.ended.is_set())
        yield heard
    finally:
        hang_up(raw)
        thread.join()
        connection.close()


def _hear(response: http.client.HTTPResponse, heard: Heard) -> None:
    try:
        for line in response:
            heard.take_line(line.decode().rstrip("\n"))
    except (OSError, http.client.HTTPException, ValueError):
        pass
    heard.ended.set()


def hang_up(raw: socket.socket) -> None:
    try:
        raw.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def web_workers(ancestor: psutil.Process, address: str) -> list[psutil.Process]:
    """The processes that serve this address: those that listen there and have no such child themselves."""
    port = urlsplit(address).port
    family = ancestor.children(recursive=True)
    serving = [one for one in family if any(place.laddr.port == port for place in one.net_connections("tcp"))]
    found = [one for one in serving if not set(one.children(recursive=True)) & set(serving)]
    assert found, "nobody serves there"
    return found
