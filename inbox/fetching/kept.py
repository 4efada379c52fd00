"""One connection an account, kept by this process from poll to poll: logging in costs a server more than looking."""

import threading
import time
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field

from inbox.imap.connection import Connection, Server

UNUSED_SECONDS = 10 * 60.0  # its account is not fetched any more
REMEMBERED = 2000  # UIDs a folder


class Handled:
    """UIDs that were dealt with on this connection, the latest few: not each has a row that says so."""

    def __init__(self) -> None:
        self._uids: OrderedDict[tuple[int, int], None] = OrderedDict()

    def __contains__(self, place: tuple[int, int]) -> bool:
        return place in self._uids

    def clear(self) -> None:
        """The folder's UIDs mean something else now."""
        self._uids.clear()

    def add(self, uidvalidity: int, uid: int) -> None:
        self._uids[uidvalidity, uid] = None
        if len(self._uids) > REMEMBERED:
            self._uids.popitem(last=False)


@dataclass
class Session:
    """A connection with what was learnt on it. `sent` is the Sent folder's name, None before anybody looked."""

    connection: Connection
    sent: str | None = None
    seen: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # folder -> what EXAMINE said last
    handled: defaultdict[str, Handled] = field(default_factory=lambda: defaultdict(Handled))
    note: str = ""  # what a person should know though it works
    used: float = 0.0
    answered: bool = False  # in this turn


class Keeper:
    """Sessions by account; one is either here or with the thread that uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[int, Session] = {}
        self._busy: dict[int, Session] = {}
        self.stopping = threading.Event()

    def take(self, account: int, server: Server) -> Session | None:
        """The account's session, unless there is none or its settings have changed since."""
        with self._lock:
            session = self._idle.pop(account, None)
            if session is not None and session.connection.server == server:
                self._busy[account] = session
                return session
        if session is not None:
            session.connection.close()
        return None

    def lend(self, account: int, session: Session) -> None:
        """Note a new session that is in use from now on."""
        with self._lock:
            self._busy[account] = session
        if self.stopping.is_set():
            session.connection.cut()

    def give_back(self, account: int, session: Session) -> None:
        session.used = time.monotonic()
        with self._lock:
            self._busy.pop(account, None)
            other, self._idle[account] = self._idle.get(account), session
        if other is not None:
            other.connection.close()

    def drop(self, account: int, session: Session) -> None:
        """It is good for nothing more."""
        with self._lock:
            self._busy.pop(account, None)
        session.connection.close()

    def tidy(self) -> None:
        """Close what nobody used for a while."""
        oldest = time.monotonic() - UNUSED_SECONDS
        with self._lock:
            unused = [key for key, session in self._idle.items() if session.used < oldest]
            sessions = [self._idle.pop(key) for key in unused]
        for session in sessions:
            session.connection.close()

    def stop(self) -> None:
        """Interrupt whoever waits for a server: this process ends."""
        self.stopping.set()
        with self._lock:
            sessions = [*self._busy.values()]
        for session in sessions:
            session.connection.cut()

    def close(self) -> None:
        """Say goodbye on every idle connection."""
        with self._lock:
            sessions, self._idle = [*self._idle.values()], {}
        for session in sessions:
            session.connection.close()


KEEPER = Keeper()
