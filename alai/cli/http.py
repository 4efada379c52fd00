"""One HTTP/1.1 exchange over a fresh connection.

The standard library's own client takes longer to import than a claim takes to make. What matters here is to tell
a request that was never sent from one whose answer was lost.
"""

from __future__ import annotations

import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_HEAD = 65536
CHUNK = 65536


class Away(Exception):
    """No whole answer came. `sent` says that the request may have arrived; `why` is a few words."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent


class Reply:
    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def exchange(
    url: str, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout: float
) -> Reply:
    """Send one request to `url` (scheme, host, port, prefix) and read the whole answer within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    scheme, _, rest = url.partition("://")
    authority, slash, prefix = rest.partition("/")
    head = [f"{method} {slash}{prefix}{path} HTTP/1.1", f"Host: {authority}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    if body or method != "GET":
        head.append(f"Content-Length: {len(body)}")
    request = "\r\n".join([*head, "", ""]).encode("ascii") + body
    try:
        connection = _connect(scheme, authority, timeout)
    except (OSError, UnicodeError) as error:
        raise Away(_words(error), sent=False) from None
    with connection:
        try:
            connection.settimeout(_left(deadline))
            connection.sendall(request)
            return _Incoming(connection, deadline).reply()
        except (OSError, ValueError) as error:
            raise Away(_words(error), sent=True) from None


def _connect(scheme: str, authority: str, timeout: float) -> socket.socket:
    host, port = _split(authority, 443 if scheme == "https" else 80)
    # As bytes the name is looked up as it is; as text it would first load the tables of international names.
    connection = socket.create_connection((host.encode("ascii"), port), timeout)  # type: ignore[arg-type]
    if scheme == "http":
        return connection
    import ssl

    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _split(authority: str, usual: int) -> tuple[str, int]:
    """`host`, `host:port`, `[v6]:port`."""
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
    return host, int(port or usual)


class _Incoming:
    """An answer as it comes in; EOFError's kin when it ends too early."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._buffer = bytearray()

    def reply(self) -> Reply:
        while True:
            status, headers = self._head()
            if status >= 200:
                break
        if status in (204, 304):
            return Reply(status, headers, b"")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return Reply(status, headers, self._chunks())
        if "content-length" in headers:
            return Reply(status, headers, self._take(int(headers["content-length"])))
        return Reply(status, headers, self._rest())

    def _head(self) -> tuple[int, dict[str, str]]:
        version, _, rest = self._line().partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ValueError("the answer is not HTTP")
        headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(rest[:3]), headers

    def _line(self) -> str:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > LONGEST_HEAD:
                raise ValueError("the answer's head is too long")
            self._more()
        line = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 2]
        return line

    def _take(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._more()
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _chunks(self) -> bytes:
        parts = []
        while length := int(self._line().partition(";")[0], 16):
            parts.append(self._take(length))
            self._line()
        while self._line():
            pass
        return b"".join(parts)

    def _rest(self) -> bytes:
        while self._receive():
            pass
        return bytes(self._buffer)

    def _more(self) -> None:
        if not self._receive():
            raise ConnectionError("the connection was closed before the whole answer had come")

    def _receive(self) -> bool:
        self._connection.settimeout(_left(self._deadline))
        piece = self._connection.recv(CHUNK)
        self._buffer += piece
        return bool(piece)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _words(error: BaseException) -> str:
    """What happened, in a few words of plain English."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    return reason[:1].lower() + reason[1:].rstrip(".")
