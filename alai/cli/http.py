"""One HTTP/1.1 exchange over a fresh connection.

The standard library's own client takes longer to import than a claim takes to make, and so does `socket` with its
enumerations: beneath it lies `_socket`. What matters here is to tell a request that was never sent from one whose
answer was lost.
"""

from __future__ import annotations

import time
from _socket import SOCK_STREAM, gaierror, getaddrinfo
from _socket import socket as plain_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ssl import SSLSocket

LONGEST_HEAD = 65536
CHUNK = 65536


class Away(Exception):
    """No whole answer came. `sent` says that the request may have arrived; `why` is a few words."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent

    @classmethod
    def because(cls, error: BaseException, *, sent: bool) -> Away:
        return cls(_words(error), sent=sent)


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
    wire = Wire(url, timeout)
    try:
        wire.ask(method, path, headers, body)
        return Reply(wire.status, wire.headers, wire.body())
    except (OSError, ValueError) as error:
        raise Away.because(error, sent=True) from None
    finally:
        wire.close()


class Wire:
    """A connection for one request, and its answer as it comes in: OSError or ValueError when that ends too early.

    `deadline`, in monotonic seconds, is when its patience ends.
    """

    def __init__(self, url: str, timeout: float) -> None:
        """Connect within `timeout` seconds; raises Away."""
        self.deadline = time.monotonic() + timeout
        self.status = 0
        self.headers: dict[str, str] = {}
        self._buffer = bytearray()
        scheme, _, rest = url.partition("://")
        self._authority, slash, prefix = rest.partition("/")
        self._prefix = slash + prefix
        try:
            self._connection = _connect(scheme, self._authority, timeout)
        except (OSError, UnicodeError) as error:
            raise Away.because(error, sent=False) from None

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send the request and read the answer's head into `status` and `headers`."""
        head = [f"{method} {self._prefix}{path} HTTP/1.1", f"Host: {self._authority}", "Connection: close"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        if body or method != "GET":
            head.append(f"Content-Length: {len(body)}")
        self._connection.settimeout(self._left())
        self._connection.sendall("\r\n".join([*head, "", ""]).encode("ascii") + body)
        self._read_head()
        while self.status < 200:
            self._read_head()

    def body(self) -> bytes:
        """The whole of the answer."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The answer as the server sends it, chunk by chunk."""
        if self.status in (204, 304):
            return
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
        elif "content-length" in self.headers:
            yield self._take(int(self.headers["content-length"]))
        else:
            yield from self._rest()

    def _read_head(self) -> None:
        version, _, rest = self._line().partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ValueError("the answer is not HTTP")
        self.status, self.headers = int(rest[:3]), {}
        while line := self._line():
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()

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

    def _chunks(self) -> Iterator[bytes]:
        while length := int(self._line().partition(";")[0], 16):
            yield self._take(length)
            self._line()
        while self._line():
            pass

    def _rest(self) -> Iterator[bytes]:
        more = True
        while more:
            yield self._take(len(self._buffer))
            more = self._receive()

    def _more(self) -> None:
        if not self._receive():
            raise ConnectionError("the connection was closed before the whole answer had come")

    def _receive(self) -> bool:
        self._connection.settimeout(self._left())
        piece = self._connection.recv(CHUNK)
        self._buffer += piece
        return bool(piece)

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def _connect(scheme: str, authority: str, timeout: float) -> plain_socket | SSLSocket:
    host, port = _split(authority, 443 if scheme == "https" else 80)
    if scheme == "https":
        return _secured(host, port, timeout)
    failure = OSError("its name has no address")
    # As bytes the name is looked up as it is; as text it would first load the tables of international names.
    for family, kind, protocol, _, place in getaddrinfo(host.encode("ascii"), port, 0, SOCK_STREAM):
        connection = plain_socket(family, kind, protocol)
        try:
            connection.settimeout(timeout)
            connection.connect(place)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


def _secured(host: str, port: int, timeout: float) -> SSLSocket:
    import socket
    import ssl

    connection = socket.create_connection((host.encode("ascii"), port), timeout)  # type: ignore[arg-type]
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


def _words(error: BaseException) -> str:
    """What happened, in a few words of plain English."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, gaierror):
        return "its name is not known"
    reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    return reason[:1].lower() + reason[1:].rstrip(".")
