"""Events to five hundred open streams: from the commit to each listener, against one listener alone."""

import contextlib
import json
import os
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import psycopg

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from tests.benchmarks import ledger
from tests.benchmarks.measure import Result, take_turns

MANY, ROUNDS, EVENTS, PACE = 500, 4, 50, 10.0  # events a round, and a second
INSERT = """
INSERT INTO missioncontrol_taskevent (task_id, kind, actor, on_behalf_of, data, why, request_id)
VALUES (%s, 'noted', 'john', '', '{}', '', '') RETURNING id
"""


def run(arguments: list[str]) -> list[Result]:
    """`arguments`: the port of the web server."""
    port = int(arguments[0])
    token = issue_token(
        actor=Actor.objects.create(name="john", kind=Actor.Kind.AGENT), scopes=["tasks:read"]
    )[1]
    heard: dict[int, list[list[float]]] = {1: [], MANY: []}
    with ledger.connect(os.environ["DATABASE_URL"]) as connection, contextlib.ExitStack() as stack:
        tasks = ledger.fill(connection, ready=2, finished=0)

        def listened(size: int, task: int) -> Callable[[], float]:
            """Each has a task of its own, so that nothing is sent to the others meanwhile."""
            crowd = stack.enter_context(contextlib.closing(Crowd(port, token, task, size)))

            def measure() -> float:
                delays = crowd.hear(lambda: commits(connection, task))
                heard[size].append(delays)
                return statistics.median(delays)

            return measure

        take_turns(ROUNDS, listened(MANY, tasks[0]), listened(1, tasks[1]))
    delays = {size: list(chain.from_iterable(rounds[1:])) for size, rounds in heard.items()}
    many, one = (statistics.quantiles(delays[size], n=100) for size in (MANY, 1))
    return [
        Result(
            f"an event to {MANY} open streams, 99 of 100 from commit to listener", many[98], 500,
            f"half within {many[49]:.0f} ms, the slowest {max(delays[MANY]):.0f}; one listener alone: half within "
            f"{one[49]:.0f} ms, 99 of 100 within {one[98]:.0f}; {ROUNDS} rounds of {EVENTS} events, {PACE:g} a second",
            unit="ms", at_most=True,
        )
    ]  # fmt: skip


def commits(connection: "psycopg.Connection[Any]", task: int) -> Iterator[tuple[int, float]]:
    """(event, when its commit was done, in monotonic seconds), each when it is due."""
    begin = time.monotonic()
    for number in range(EVENTS):
        time.sleep(max(0.0, begin + number / PACE - time.monotonic()))
        row = connection.execute(INSERT, [task]).fetchone()
        assert row is not None
        yield row[0], time.monotonic()


class Crowd:
    """So many open streams of one task, read by one thread, which costs less than what it measures."""

    def __init__(self, port: int, token: str, task: int, size: int) -> None:
        self.size = size
        self._selector = selectors.DefaultSelector()
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(size)]
        for one in self._sockets:
            one.sendall(
                f"GET /api/v1/events/stream?task_id={task} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {token}\r\n\r\n".encode()
            )
        for one in self._sockets:
            seen = b""
            while b"\nid: " not in seen:
                piece = one.recv(65536)
                assert piece and b" 200 OK" in (seen + piece)[:100], seen + piece
                seen += piece
            self._selector.register(one, selectors.EVENT_READ)

    def hear(self, happen: Callable[[], Iterator[tuple[int, float]]]) -> list[float]:
        """Milliseconds from each commit to each listener."""
        committed: dict[int, float] = {}
        arrivals: list[tuple[int, float]] = []
        writer = threading.Thread(target=lambda: committed.update(happen()))
        writer.start()
        deadline = time.monotonic() + EVENTS / PACE + 30
        while len(arrivals) < self.size * EVENTS:
            assert time.monotonic() < deadline, "not every listener heard every event"
            for key, _ in self._selector.select(1):
                assert isinstance(key.fileobj, socket.socket)
                said, now = key.fileobj.recv(1 << 20), time.monotonic()
                arrivals += [(event, now) for event in _events(said)]
        writer.join()
        return [(arrived - committed[event]) * 1000 for event, arrived in arrivals]

    def close(self) -> None:
        for one in self._sockets:
            one.close()
        self._selector.close()


def _events(said: bytes) -> list[int]:
    """At this pace each event comes in a piece of its own, or whole with others."""
    rows = [line[6:] for line in said.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(row)["id"] for row in rows]
