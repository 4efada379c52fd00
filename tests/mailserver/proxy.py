"""A line between client and server that breaks where a test wants it to."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 4096


class Proxy:
    """Passes bytes on, encrypted as they are.

    `cut_after`: how many bytes of the server's reach the client on each connection before it is cut; None: all.
    `silent`: from now on nothing is passed on, and nothing closed.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.cut_after: int | None = None
        self.silent = False
        self.connections = 0
        self.passed = 0  # bytes of the server's, over all connections
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def cut(self) -> None:
        """Break every connection now."""
        while self._open:
            _close(self._open.pop())

    def close(self) -> None:
        _close(self._listener)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:  # the server is being restarted
                _close(client)
                continue
            self.connections += 1
            self._open += [client, server]
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # it passes on pieces as they come
            for source, sink, back in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, sink, back), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        left = self.cut_after if back else None
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if self.silent:
                    continue
                if left is not None:
                    data, left = data[:left], left - len(data)
                sink.sendall(data)
                self.passed += len(data) if back else 0
                if left is not None and left <= 0:
                    break
        _close(source)
        _close(sink)


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    one = Proxy(target)
    try:
        yield one
    finally:
        one.close()


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
