"""A proxy on loopback that cuts its first connections after a number of bytes, on the way there or back."""

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

RESET = struct.pack("ii", 1, 0)  # close at once, and say so with an RST


class Cutter:
    """Passes `there` bytes of the request and `back` bytes of the answer, then closes; None passes them all.

    The first `cuts` connections are cut, later ones pass whole; every other cut is a reset instead of an orderly end.
    What passed last stands in `request`, `answer`.
    """

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.removeprefix("http://").partition(":")
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.request = self.answer = b""
        self.cut(None, None, cuts=0)

    def cut(self, there: int | None, back: int | None, *, cuts: int = 1) -> None:
        self._there, self._back, self._cuts = there, back, cuts
        self.connections = 0

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                whole = self.connections > self._cuts
                with client, socket.create_connection(self._upstream) as server, contextlib.suppress(OSError):
                    self._pass(client, server, None if whole else self._there, None if whole else self._back)
                    if not whole and (self._there or 0) + (self._back or 0) & 1:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass(
        self, client: socket.socket, server: socket.socket, there: int | None, back: int | None
    ) -> None:
        self.request = _request(client)
        server.sendall(self.request[:there])
        if there is not None and there < len(self.request):
            return
        self.answer = b""
        while (back is None or len(self.answer) < back) and (piece := _piece(client, server)):
            piece = piece if back is None else piece[: back - len(self.answer)]
            self.answer += piece
            client.sendall(piece)


def _piece(client: socket.socket, server: socket.socket) -> bytes:
    """What the server says next; nothing once it has finished, or the client has gone away."""
    ready, _, _ = select.select([client, server], [], [])
    return server.recv(65536) if server in ready else b""


def _request(client: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def cutter(upstream: str) -> Iterator[Cutter]:
    proxy = Cutter(upstream)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(timeout=5)
