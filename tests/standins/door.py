"""A server on loopback that counts who knocks: connections, whether or not a request follows."""

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self


class Door:
    """Listens at all `addresses` on one port and answers everything alike; `knocks` holds what callers sent first."""

    def __init__(self, *addresses: str, port: int = 0) -> None:
        self.knocks: list[bytes] = []
        self.answer = said("200 OK", b'{"models": []}')
        self.port = port
        self._listening: list[socket.socket] = []
        for address in addresses:
            one = socket.create_server(
                (address, self.port), family=socket.AF_INET6 if ":" in address else socket.AF_INET
            )
            self.port = one.getsockname()[1]
            self._listening.append(one)
        self._threads = [
            threading.Thread(target=self._open, args=(one,), daemon=True) for one in self._listening
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._listening:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def knocked(self, times: int) -> bool:
        """Whether just so many callers came; the last of them may be on the threshold yet."""
        until = time.monotonic() + 2
        while len(self.knocks) < times and time.monotonic() < until:
            time.sleep(0.005)
        return len(self.knocks) == times

    def _open(self, listening: socket.socket) -> None:
        while True:
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            with caller, suppress(OSError):
                self.knocks.append(b"")
                caller.settimeout(2)
                self.knocks[-1] = caller.recv(4096)
                caller.sendall(self.answer)


def said(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An HTTP answer."""
    lines: Sequence[str] = (
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
        "",
        "",
    )
    return "\r\n".join(lines).encode() + body
