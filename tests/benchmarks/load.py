"""A lean HTTP client: many kept-alive connections in one thread, so that the load costs less than what it measures."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Request = Callable[[], bytes]


@dataclass
class Wire:
    """A connection; `due` is when its request should have been sent (monotonic), None while it is idle."""

    socket: socket.socket
    due: float | None = None
    received: bytes = b""


class Load:
    """Requests on `connections` connections to a server on this machine."""

    def __init__(self, port: int, connections: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._wires = [Wire(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
        for wire in self._wires:
            wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(wire.socket, selectors.EVENT_READ, wire)

    def as_fast_as_it_goes(self, request: Request, seconds: float) -> float:
        """Answers a second; each connection sends the next request when it has its answer."""
        begin = time.perf_counter()
        for wire in self._wires:
            self._send(wire, request(), begin)
        answers = 0
        while time.perf_counter() - begin < seconds:
            for wire in self._answered(0.1):
                answers += 1
                self._send(wire, request(), begin)
        taken = time.perf_counter() - begin
        self._drain()
        return answers / taken

    def at_a_pace(self, request: Request, per_second: float, seconds: float) -> list[float]:
        """Latencies in seconds, each from the moment the request was due: waiting for a free connection counts."""
        begin = time.perf_counter()
        schedule = [begin + number / per_second for number in range(int(per_second * seconds))]
        idle = list(self._wires)
        latencies: list[float] = []
        waiting = iter(schedule)
        due = next(waiting, None)
        while due is not None or len(latencies) < len(schedule):
            while due is not None and due <= time.perf_counter() and idle:
                self._send(idle.pop(), request(), due)
                due = next(waiting, None)
            patience = 1.0 if due is None else max(0.0, due - time.perf_counter())
            for wire in self._answered(patience):
                assert wire.due is not None
                latencies.append(time.perf_counter() - wire.due)
                idle.append(wire)
        return latencies

    def close(self) -> None:
        for wire in self._wires:
            wire.socket.close()
        self._selector.close()

    def _send(self, wire: Wire, content: bytes, due: float) -> None:
        wire.due, wire.received = due, b""
        wire.socket.sendall(content)

    def _answered(self, patience: float) -> Iterator[Wire]:
        for key, _ in self._selector.select(patience):
            wire: Wire = key.data
            wire.received += wire.socket.recv(65536)
            if _complete(wire.received):
                yield wire

    def _drain(self) -> None:
        pending = {id(wire) for wire in self._wires}
        while pending:
            pending -= {id(wire) for wire in self._answered(5)}


def _complete(received: bytes) -> bool:
    """Whether the answer is all there; anything but 200 ends the benchmark."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return False
    assert head.startswith(b"HTTP/1.1 200"), received[:500]
    length = next(
        line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    return len(body) >= int(length)
