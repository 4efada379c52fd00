"""An IMAP server with bad habits, over TLS: what Dovecot never does, but others have been seen doing."""

import base64
import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme


@dataclass
class StandInFolder:
    """UIDs and their messages. `uid_next` 0: computed."""

    messages: dict[int, bytes] = field(default_factory=dict)
    uidvalidity: int = 1
    uid_next: int = 0
    flags: str = ""

    def add(self, *raws: bytes) -> None:
        for raw in raws:
            self.messages[max(self.messages, default=0) + 1] = raw

    @property
    def following(self) -> int:
        return self.uid_next or max(self.messages, default=0) + 1


def literal(raw: bytes) -> bytes:
    return b"{%d}\r\n%s" % (len(raw), raw)


@dataclass
class Habits:
    """What this server does unlike others."""

    capabilities: str = "IMAP4rev1 AUTH=PLAIN SPECIAL-USE"
    login: str = ""  # the answer to a login, instead of OK
    tells_uid_next: bool = True
    tells_uidvalidity: bool = True
    body: Callable[[bytes], bytes] = literal
    size: Callable[[int, bytes], int] = lambda uid, raw: len(raw)
    attributes: Callable[[list[bytes]], list[bytes]] = lambda attributes: attributes
    order: Callable[[list[int]], list[int]] = sorted
    answers_the_last: bool = False  # to a range beyond the end: what RFC 3501 says of `n:*`
    chatter: bytes = b""  # before each response to a FETCH
    withheld: set[int] = field(default_factory=set)  # no body of these, and NO in the end
    breaks_at: set[int] = field(default_factory=set)  # hangs up instead of sending one of these bodies
    unseen: set[int] = field(default_factory=set)  # not shown yet
    drip: float = 0  # seconds between the bytes of a body
    ends_with: str = "OK done"  # of a FETCH
    mangle: Callable[[bytes], bytes] = bytes


class ImapStandIn:
    """Serves one account of any name and password."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "stand-in-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.folders = {"INBOX": StandInFolder(), "Sent": StandInFolder(flags="\\Sent")}
        self.habits = Habits()
        self.commands: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def inbox(self) -> StandInFolder:
        return self.folders["INBOX"]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            raw.settimeout(30)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # it answers in small pieces, at once
            _Talk(self, self._context.wrap_socket(raw, server_side=True)).run()
        raw.close()


class _Talk:
    """One connection."""

    def __init__(self, server: ImapStandIn, sock: ssl.SSLSocket) -> None:
        self.server, self.sock, self.habits = server, sock, server.habits
        self.lines = sock.makefile("rb")
        self.folder = StandInFolder()

    def run(self) -> None:
        with self.sock:
            self.say(b"* OK ready\r\n")
            for line in self.lines:
                tag, _, rest = line.decode().strip().partition(" ")
                name = "AUTHENTICATE" if rest.startswith("AUTHENTICATE") else rest
                self.server.commands.append(name)
                self.answer(tag, rest)
                if rest.upper() == "LOGOUT":
                    return

    def say(self, data: bytes) -> None:
        self.sock.sendall(self.habits.mangle(data))

    def end(self, tag: str, status: str = "OK done") -> None:
        self.say(f"{tag} {status}\r\n".encode())

    def answer(self, tag: str, command: str) -> None:
        word = command.partition(" ")[0].upper()
        if not word:  # an answer to what was never asked
            self.end(tag, "BAD no command")
            return
        if word == "CAPABILITY":
            self.say(f"* CAPABILITY {self.habits.capabilities}\r\n".encode())
        elif word == "AUTHENTICATE":
            self.say(b"+ \r\n")
            base64.b64decode(self.lines.readline())
        elif word == "LIST":
            for name, folder in self.server.folders.items():
                self.say(f'* LIST ({folder.flags}) "/" "{name}"\r\n'.encode())
        elif word == "EXAMINE":
            self.examine(command.split(None, 1)[1].strip('"'))
        elif word == "LOGOUT":
            self.say(b"* BYE\r\n")
        elif word == "FETCH":
            self.say(b"* 1 FETCH (UID %d)\r\n" % max(self.folder.messages))
        elif word == "UID":
            self.end(tag, self.fetch(command))
            return
        refused = self.habits.login if word in ("AUTHENTICATE", "LOGIN") else ""
        self.end(tag, refused or "OK done")

    def examine(self, name: str) -> None:
        self.folder = self.server.folders[name]
        visible = [uid for uid in self.folder.messages if uid not in self.habits.unseen]
        self.say(f"* {len(visible)} EXISTS\r\n".encode())
        if self.habits.tells_uidvalidity:
            self.say(f"* OK [UIDVALIDITY {self.folder.uidvalidity}] valid\r\n".encode())
        if self.habits.tells_uid_next:
            self.say(f"* OK [UIDNEXT {self.folder.following}] next\r\n".encode())

    def fetch(self, command: str) -> str:
        _, _, uids, wanted = command.split(None, 3)
        chosen = [uid for uid in self.chosen(uids) if uid not in self.habits.unseen]
        for uid in self.habits.order(chosen):
            self.say(self.habits.chatter)
            if "BODY" not in wanted:
                size = self.habits.size(uid, self.folder.messages[uid])
                date = b'INTERNALDATE "24-Nov-2026 10:00:00 +0000"'
                self.respond([b"UID %d" % uid, b"RFC822.SIZE %d" % size, date])
            elif uid in self.habits.breaks_at:
                raise OSError("hung up")
            elif uid not in self.habits.withheld:
                self.body(uid, wanted)
        refused = "BODY" in wanted and self.habits.withheld & set(chosen)
        return "NO some could not be fetched" if refused else self.habits.ends_with

    def chosen(self, uids: str) -> Iterator[int]:
        known = sorted(self.folder.messages)
        beyond = True
        for part in uids.split(","):
            first, _, last = part.partition(":")
            for uid in known:
                if int(first) <= uid <= int(last or first):
                    beyond = False
                    yield uid
        if beyond and self.habits.answers_the_last and known:
            yield known[-1]

    def body(self, uid: int, wanted: str) -> None:
        raw = self.folder.messages[uid]
        section = re.search(r"BODY\.PEEK\[(\w*)\](?:<0\.(\d+)>)?", wanted)
        assert section is not None, wanted
        if section[1] == "HEADER":
            raw = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        name = b"BODY[%s]" % section[1].encode()
        if section[2]:
            name, raw = name + b"<0>", raw[: int(section[2])]
        if self.habits.drip:
            self.say(b"* 1 FETCH (UID %d BODY[] {%d}\r\n" % (uid, len(raw)))
            for byte in raw:
                self.say(bytes([byte]))
                time.sleep(self.habits.drip)
            self.say(b")\r\n")
        else:
            self.respond([b"UID %d" % uid, name + b" " + self.habits.body(raw)])

    def respond(self, attributes: list[bytes]) -> None:
        self.say(b"* 1 FETCH (" + b" ".join(self.habits.attributes(attributes)) + b")\r\n")


@contextmanager
def imap_stand_in(folder: Path) -> Iterator[ImapStandIn]:
    server = ImapStandIn(folder)
    try:
        yield server
    finally:
        server.close()
