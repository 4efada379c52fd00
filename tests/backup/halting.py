"""A proxy before PostgreSQL that stands still once a statement has passed, so that a kill always finds it there."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

WINDOW = 1 << 12  # a statement may come in two pieces


class Halt:
    """Passes every byte, up to the piece of a client's stream in which the statement stands."""

    def __init__(self, url: str, statement: str) -> None:
        parts = urlsplit(url)
        self._upstream = (parts.hostname, parts.port)
        self._statement = re.compile(statement.encode())
        self._listener = socket.create_server(("127.0.0.1", 0))
        place = f"{parts.username}:{parts.password}@127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = urlunsplit(parts._replace(netloc=place))
        self.reached = threading.Event()

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
                threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        recent = b""
        with client, server:
            with contextlib.suppress(
                OSError
            ):  # a killed client resets the connection if it left anything unread
                while piece := client.recv(1 << 16):
                    recent = recent[-WINDOW:] + piece
                    if self.reached.is_set():
                        continue  # swallowed: only the end of the client still counts
                    server.sendall(piece)
                    if self._statement.search(recent):
                        self.reached.set()
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while (piece := server.recv(1 << 16)) and not self.reached.is_set():
                client.sendall(piece)


@contextmanager
def halting(url: str, statement: str) -> Iterator[Halt]:
    """`url` with a proxy before it, which halts at the first statement that the pattern matches."""
    proxy = Halt(url, statement)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(timeout=5)
