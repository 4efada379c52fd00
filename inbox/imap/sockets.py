"""Sockets that cannot hold their reader for ever, nor fill its memory.

imaplib waits for each piece of a reply by itself, and takes however much is sent. Here a whole reply has a
deadline and a size: a server that drips one byte every half minute ends like one that is silent.
"""

import math
import socket
import ssl
import time
from collections.abc import Buffer
from dataclasses import dataclass

from inbox.imap.trouble import TooMuch


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes. A reply may take `reply` seconds and one more for every `rate` bytes asked for."""

    connect: float = 10.0
    silence: float = 30.0
    reply: float = 60.0
    rate: int = 32 * 1024
    chatter: int = 4 * 1024 * 1024  # bytes of a reply beside the messages asked for

    def seconds_for(self, size: int) -> float:
        """How long a reply may take that carries `size` bytes of messages."""
        return self.reply + size / self.rate


class _Bounded:
    """What both kinds of sockets have in common; the attributes bound the reply under way."""

    silence: float = Limits.silence
    allowed: float = math.inf
    seconds: float = Limits.reply
    deadline: float | None = None

    def expect(self, *, seconds: float, size: float) -> None:
        """Bound what comes from now on, in time and in bytes."""
        self.seconds, self.allowed = seconds, size
        self.renew()

    def renew(self) -> None:
        """Grant the whole time again."""
        self.deadline = time.monotonic() + self.seconds

    def patience(self) -> float:
        if self.deadline is None:  # right after STARTTLS imaplib asks something by itself
            self.renew()
        left = (self.deadline or 0) - time.monotonic()
        if left <= 0:
            raise TimeoutError("the reply takes too long")
        return min(left, self.silence)

    def _count(self, received: int) -> int:
        self.allowed -= received
        if self.allowed < 0:
            raise TooMuch("the reply is longer than what was asked for")
        return received


class BoundedSocket(_Bounded, socket.socket):
    """A plain TCP socket, until STARTTLS."""

    @classmethod
    def connected(cls, address: tuple[str, int], seconds: float) -> "BoundedSocket":
        """Connect within `seconds`, whatever number of addresses the name has."""
        end = time.monotonic() + seconds
        failure: OSError = TimeoutError("no address answered")
        places = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        for number, (family, kind, protocol, _, place) in enumerate(places):
            one = cls(family, kind, protocol)
            try:
                # An address that swallows everything leaves the next ones their share.
                one.settimeout(max(0.05, (end - time.monotonic()) / (len(places) - number)))
                one.connect(place)
                # A command goes out at once, without the acknowledgement of the one before.
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                one.close()
                failure = error
            else:
                one.settimeout(seconds)
                return one
        raise failure

    def recv_into(self, buffer: Buffer, nbytes: int = 0, flags: int = 0) -> int:
        _prepare(self)
        return self._count(super().recv_into(buffer, nbytes, flags))


class BoundedTLS(_Bounded, ssl.SSLSocket):
    """A TLS connection. An SSLContext makes these through its `sslsocket_class`."""

    def recv_into(self, buffer: Buffer, nbytes: int | None = None, flags: int = 0) -> int:
        _prepare(self)
        return self._count(super().recv_into(buffer, nbytes, flags))


def _prepare(sock: BoundedSocket | BoundedTLS) -> None:
    """Before each piece: how long to wait for it. Setting that is a system call."""
    patience = sock.patience()
    if patience != sock.gettimeout():
        sock.settimeout(patience)


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Verifies names and certificates against the system's authorities, and those of `ca_file` beside them."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    context.sslsocket_class = BoundedTLS
    return context
