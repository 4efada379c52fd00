"""A connection to one mail account: it only ever looks (EXAMINE, BODY.PEEK), and every wait has an end.

The library logs in and knows folder names; messages are read through its imaplib client, one response at a time:
its own `fetch` holds all of a command's messages in memory, as parsed e-mails, and knows no partial bodies.
"""

import imaplib
import re
import selectors
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from imap_tools import BaseMailBox
from imap_tools.errors import MailboxLoginError

from inbox.imap import responses
from inbox.imap.responses import Listed, Piece, Value
from inbox.imap.sockets import BoundedSocket, BoundedTLS, Limits, tls_context
from inbox.imap.trouble import Kind, MailTrouble, quoted, refused_login, told_apart

LARGEST_UID = 2**32 - 1
LARGEST_SIZE = 2**40  # bytes; a server that tells more talks nonsense
OVERHEAD = 4096  # bytes of a response beside its message
LYING = 1.5  # some servers tell sizes only roughly


class Security(StrEnum):
    TLS = "tls"  # from the first byte, port 993
    STARTTLS = "starttls"  # before the login, port 143


@dataclass(frozen=True)
class Server:
    """How to reach an account. There is no way without TLS: the password would travel in clear."""

    host: str
    username: str
    secret: str = field(repr=False)
    port: int = 993
    security: Security = Security.TLS
    ca_file: str = ""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Opened:
    """What EXAMINE says of a folder. `uid_next` is 0 where a server does not tell."""

    uid_validity: int
    uid_next: int
    exists: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A message before its body is fetched. `size` in bytes, as the server tells it."""

    uid: int
    size: int
    received_at: datetime | None


class Connection:
    """Of use between `connect` and `close`. All else raises MailTrouble, after which it is good for nothing more."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.folder = ""
        self.capabilities: frozenset[str] = frozenset()
        self._usable = True
        self._socket: socket.socket | None = None
        self._box: BaseMailBox | None = None

    def connect(self) -> Self:
        """Connect and log in. Raises MailTrouble."""
        try:
            context = _context(self.server.ca_file)
            with told_apart(self.server.host, "connecting"):
                self._box = _Box(_Client(self.server, context, self._note_socket))
            self._log_in()
            self.capabilities = self._capabilities()
        except BaseException:
            self.close()
            raise
        return self

    # --- What it looks at ---------------------------------------------------------------------------

    def folders(self) -> list[Listed]:
        """All folders, with RFC 6154's attributes where the server knows them."""
        found = self._list('""', '"*"')
        # Servers may leave the special uses out unless they are asked for.
        if "SPECIAL-USE" in self.capabilities and not any("\\sent" in one.attributes for one in found):
            with suppress(MailTrouble):
                found += self._list("(SPECIAL-USE)", '""', '"*"')
        return found

    def open(self, folder: str) -> Opened:
        """Open a folder read-only, or look at it anew."""
        with self._asking(f"opening {quoted(folder)}"):
            self._mailbox.folder.set(folder, readonly=True)
            self.folder = folder
            validity, following, exists = (self._said(name) for name in ("UIDVALIDITY", "UIDNEXT", "EXISTS"))
        if not validity:
            raise MailTrouble(Kind.PROTOCOL, f"{self.server.host} names no UIDVALIDITY for {quoted(folder)}.")
        return Opened(validity, following, exists)

    def highest_uid(self) -> int:
        """The highest UID of the open folder, 0 when it is empty: for servers that tell no UIDNEXT."""
        uids = [_uid(one) for one in self._fetch("looking for new mail", "FETCH", "*", "(UID)")]
        return max(filter(None, uids), default=0)

    def overview(self, first: int, last: int) -> list[Overview]:
        """The messages of the open folder with UIDs from `first` to `last`, ascending."""
        attributes = "(UID RFC822.SIZE INTERNALDATE)"
        found: dict[int, Overview] = {}
        for one in self._fetch("listing messages", "UID", "FETCH", f"{first}:{last}", attributes):
            uid, size = _uid(one), one.get("RFC822.SIZE")
            # Changed flags of any message may be told at any time; `n:m` beyond the end answers the last one.
            if uid is not None and first <= uid <= last and size is not None:
                with told_apart(self.server.host, "listing messages"):
                    octets = min(responses.number(size), LARGEST_SIZE)
                found[uid] = Overview(uid, octets, responses.internal_date(one.get("INTERNALDATE")))
        return [found[uid] for uid in sorted(found)]

    def messages(self, wanted: Sequence[Overview]) -> Iterator[tuple[int, bytes]]:
        """UID and raw bytes of each message, as they arrive; those that are gone meanwhile are left out."""
        uids, size = {one.uid for one in wanted}, sum(one.size for one in wanted)
        allowed = int(size * LYING) + OVERHEAD * len(wanted)
        for one in self._fetch(
            "fetching messages", "UID", "FETCH", uid_set(sorted(uids)), "(UID BODY.PEEK[])", size=allowed
        ):
            uid, raw = _uid(one), one.get("BODY[]")
            if uid in uids and isinstance(raw, bytes):
                uids.discard(uid)
                yield uid, raw

    def beginning(self, uid: int, length: int, section: str = "") -> bytes | None:
        """The first bytes of one message (or of its `HEADER`); None when it is gone or cannot be had."""
        what = f"(UID BODY.PEEK[{section}]<0.{length}>)"
        found = self._fetch("fetching a message", "UID", "FETCH", str(uid), what, size=length + OVERHEAD)
        raws = [one.get(f"BODY[{section}]") for one in found if _uid(one) == uid]
        raw = next((raw for raw in raws if isinstance(raw, bytes)), None)
        return raw[:length] if raw is not None else None

    def wait(self, seconds: float) -> bool:
        """IDLE on the open folder; whether the server spoke. Without IDLE it returns at once."""
        if "IDLE" not in self.capabilities:
            return False
        with self._asking("waiting for mail", seconds=seconds + self.server.limits.reply):
            client = self._client
            tag = client._command("IDLE")
            while client._get_response() is not None:  # None is the invitation to wait
                if client.tagged_commands[tag]:
                    return False
            spoke = _readable(client.sock, seconds)
            client.send(b"DONE\r\n")
            self._finish(tag)
        return spoke

    def tls(self) -> tuple[str, str, str]:
        """Protocol, cipher and the end of the certificate, e.g. `("TLSv1.3", "TLS_AES_256_GCM_SHA384", "Jan ...")`."""
        sock = self._client.sock
        return sock.version(), sock.cipher()[0], sock.getpeercert().get("notAfter", "nobody knows when")

    def close(self) -> None:
        """Say goodbye if the server still listens; never fails, never waits long."""
        if self._box is None:
            return
        client: Any = self._box.client
        usable, self._box = self._usable, None
        if usable:
            with suppress(OSError, imaplib.IMAP4.error, ValueError):
                client.sock.silence = 2.0
                client.sock.expect(seconds=2.0, size=65536)
                client.logout()
        with suppress(OSError, imaplib.IMAP4.error, ValueError):
            client.shutdown()

    def cut(self) -> None:
        """Break the connection from another thread: whoever waits for it gets a MailTrouble now."""
        self._usable = False
        if self._socket is not None:
            with suppress(OSError):
                # Not SSLSocket's own, which takes away what the other thread is using.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    # --- How ----------------------------------------------------------------------------------------

    def _note_socket(self, sock: socket.socket) -> None:
        self._socket = sock
        if not self._usable:  # cut before there was a socket
            self.cut()

    @property
    def _mailbox(self) -> BaseMailBox:
        if self._box is None or not self._usable:
            raise MailTrouble(Kind.NETWORK, f"The connection to {self.server.host} is closed.")
        return self._box

    @property
    def _client(self) -> Any:
        return self._mailbox.client

    @contextmanager
    def _asking(self, doing: str, *, size: int = 0, seconds: float = 0) -> Iterator[None]:
        """A command and its reply, bounded in time and bytes."""
        limits = self.server.limits
        done = False
        try:
            with told_apart(self.server.host, doing):
                self._client.sock.expect(
                    seconds=seconds or limits.seconds_for(size), size=size + limits.chatter
                )
                yield
            done = True
        except MailTrouble as trouble:
            done = trouble.goes_on
            raise
        finally:
            # Half a reply was read: what follows of it may be a message that looks like an answer of the server's.
            self._usable = self._usable and done

    def _log_in(self) -> None:
        host, client = self.server.host, self._client
        if "LOGINDISABLED" in client.capabilities and "AUTH=PLAIN" not in client.capabilities:
            raise MailTrouble(Kind.SERVER, f"{host} takes no passwords here (LOGINDISABLED).")
        if "AUTH=PLAIN" not in client.capabilities and not self.server.secret.isascii():
            raise MailTrouble(
                Kind.SECRET, f"{host} takes only passwords in ASCII; this one has other characters."
            )
        with self._asking("logging in"):
            try:
                if "AUTH=PLAIN" in client.capabilities:  # any characters, which LOGIN cannot
                    self._mailbox.login_utf8(self.server.username, self.server.secret, initial_folder=None)
                else:
                    self._mailbox.login(self.server.username, self.server.secret, initial_folder=None)
            except imaplib.IMAP4.abort:
                raise
            except (imaplib.IMAP4.error, MailboxLoginError) as error:
                said = error.command_result[1][-1] if isinstance(error, MailboxLoginError) else error
                raise refused_login(host, str(quoted(said)).replace(self.server.secret, "…")) from None

    def _capabilities(self) -> frozenset[str]:
        with self._asking("asking for capabilities"):
            said = self._client.capability()[1][-1]
        return frozenset(said.decode("ascii", "replace").upper().split() if said else ())

    def _said(self, name: str) -> int:
        """A number that the server told with the last command; 0 when it did not."""
        said = self._client.untagged_responses.get(name)
        number = int(said[-1]) if said and said[-1].isdigit() else 0
        return number if number <= LARGEST_UID + 1 else 0

    def _list(self, *arguments: str) -> list[Listed]:
        with self._asking("listing folders"):
            status, data = self._client._simple_command("LIST", *arguments)
            pieces: list[Piece | None] = self._client._untagged_response(status, data, "LIST")[1]
            if status != "OK":
                raise imaplib.IMAP4.error(quoted(data[-1]))
            return [responses.listed(group) for group in _grouped(pieces)]

    def _fetch(self, doing: str, command: str, *arguments: str, size: int = 0) -> Iterator[dict[str, Value]]:
        """Each FETCH response as it arrives. A NO at the end is an error, but what came before it counts."""
        with self._asking(doing, size=size):
            client = self._client
            client.untagged_responses.pop("FETCH", None)  # flags told during an earlier command
            tag = client._command(command, *arguments)
            while client.tagged_commands[tag] is None:
                client._get_response()
                client._check_bye()
                if pieces := client.untagged_responses.pop("FETCH", None):
                    yield responses.fetched(pieces)
                    client.sock.renew()  # the time in which the caller stored it is not the server's
            self._finish(tag)

    def _finish(self, tag: bytes) -> None:
        status, data = self._client._get_tagged_response(tag)
        if status != "OK":
            raise imaplib.IMAP4.error(quoted(data[-1]))


class _Client(imaplib.IMAP4):
    """imaplib on bounded sockets. `note` is called with each socket as soon as there is one."""

    def __init__(
        self, server: Server, context: ssl.SSLContext, note: Callable[[socket.socket], None]
    ) -> None:
        self._server, self._context, self._note = server, context, note
        super().__init__(server.host, server.port, server.limits.connect)
        if server.security is Security.STARTTLS:
            self.starttls(self._context)
            self._note(self.sock)

    def _create_socket(self, timeout: float | None) -> BoundedSocket | BoundedTLS:
        limits = self._server.limits
        sock: BoundedSocket | ssl.SSLSocket = BoundedSocket.connected((self.host, self.port), limits.connect)
        self._note(sock)
        if self._server.security is Security.TLS:
            sock = self._context.wrap_socket(sock, server_hostname=self.host, do_handshake_on_connect=False)
            self._note(sock)
            self._shake_hands(sock)
        assert isinstance(sock, BoundedSocket | BoundedTLS)
        sock.silence = limits.silence
        sock.expect(seconds=limits.reply, size=limits.chatter)
        return sock

    @staticmethod
    def _shake_hands(sock: ssl.SSLSocket) -> None:
        try:
            sock.do_handshake()
        except BaseException:
            sock.close()
            raise

    def _mode_ascii(self) -> None:
        super()._mode_ascii()  # type: ignore[misc]
        # Some servers announce literals as only clients may: {5+}.
        self.Literal = re.compile(rb".*\{(?P<size>\d+)\+?\}$", re.ASCII)


class _Box(BaseMailBox):
    def __init__(self, client: _Client) -> None:
        self._made = client
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        return self._made


def uid_set(uids: Sequence[int]) -> str:
    """Ascending UIDs as IMAP writes them: `1:3,7`."""
    runs: list[list[int]] = []
    for uid in uids:
        if runs and runs[-1][1] == uid - 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def _context(ca_file: str) -> ssl.SSLContext:
    try:
        return tls_context(ca_file)
    except OSError as error:  # SSLError is one too
        sentence = f"The file of certificate authorities {ca_file} cannot be used: {error.strerror or error}."
        raise MailTrouble(Kind.CERTIFICATE, sentence) from None


def _uid(one: dict[str, Value]) -> int | None:
    value = one.get("UID")
    number = int(value) if isinstance(value, bytes) and value.isdigit() else 0
    return number if 0 < number <= LARGEST_UID else None


def _grouped(pieces: Sequence[Piece | None]) -> Iterator[list[Piece]]:
    """imaplib's flat list as one list a response: a literal is followed by the rest of its response."""
    group: list[Piece] = []
    for piece in pieces:
        if piece is None:
            continue
        group.append(piece)
        if isinstance(piece, bytes):
            yield group
            group = []


def _readable(sock: ssl.SSLSocket, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(sock.pending() or selector.select(seconds))
