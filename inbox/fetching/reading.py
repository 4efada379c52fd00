"""Reading one folder: first what is new, then what was there before, each message stored once.

The watermark moves only with the messages below it, in their transaction; so a process may die anywhere.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Self

from django.conf import settings
from django.db import connection as database

from inbox.access import SYSTEM
from inbox.fetching.kept import KEEPER, Session
from inbox.fetching.plans import Step, downwards, set_apart, upwards
from inbox.imap.connection import Connection, Opened, Overview
from inbox.imap.trouble import MailTrouble
from inbox.models import Folder, Message
from inbox.services import fetching
from inbox.services.fetching import Claim
from inbox.services.storing import Incoming

WINDOW = 1000  # UIDs asked about at once
WIDER = 8  # times, after a window without messages
# Some servers show a message later than one with a higher UID; so far below the watermark we look again.
LOOK_BACK = 50
# How often the conversation has broken at one message before only its header is asked for, or nothing any more.
HEADER_TRY, EMPTY_TRY = 5, 6
SPARE_SECONDS = 60.0
MISSING = b"X-Not-Handed-Out: "

Mark = Literal["watermark", "backfill"]


@dataclass
class Budget:
    """How long a turn may read before others have theirs (seconds); `spent` once the time is over."""

    seconds: float
    began: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> bool:
        return time.monotonic() - self.began >= self.seconds


class Reader:
    """One folder in one turn. `new` counts stored messages, `behind` what is known and not fetched yet."""

    def __init__(self, session: Session, claim: Claim, folder: Folder, budget: Budget) -> None:
        self.session, self.claim, self.folder, self.budget = session, claim, folder, budget
        self.handled = session.handled[folder.name]
        self.cap: int = settings.INBOX_MESSAGE_MAX_BYTES
        self.new = self.behind = 0

    @property
    def connection(self) -> Connection:
        return self.session.connection

    def read(self) -> None:
        """Open the folder and read until it is done or the budget is spent."""
        said, newest = self.look()
        self._reconcile(said, newest)
        state = (said.uid_validity, newest, said.exists)
        if self.session.seen.get(self.folder.name) != state:
            self._read_new(newest)
        if self.folder.backfill:  # a little in each turn, whatever the budget
            self._read_older()
        waiting = max(0, newest - self.folder.watermark) + self.folder.backfill
        self.behind = min(said.exists, waiting)
        if not waiting:
            self.session.seen[self.folder.name] = state

    def changed(self) -> bool:
        """Whether the server says anything else of the folder than when it was read."""
        said, newest = self.look()
        return self.session.seen.get(self.folder.name) != (said.uid_validity, newest, said.exists)

    def look(self) -> tuple[Opened, int]:
        """What the server says of the folder, and its highest UID."""
        said = self.connection.open(self.folder.name)
        self.session.answered = True
        if said.uid_next:
            return said, said.uid_next - 1
        return said, self.connection.highest_uid() if said.exists else 0

    def _reconcile(self, said: Opened, newest: int) -> None:
        if said.uid_validity != self.folder.uidvalidity:
            fetching.begin_reading(
                claim=self.claim, folder=self.folder, uidvalidity=said.uid_validity, newest=newest, by=SYSTEM
            )
            self.handled.clear()
        elif said.uid_next and newest < self.folder.watermark:
            fetching.step_back(claim=self.claim, folder=self.folder, newest=newest, by=SYSTEM)
            self.handled.clear()

    def _read_new(self, newest: int) -> None:
        first = max(self.folder.backfill, self.folder.watermark - LOOK_BACK) + 1
        self._read_range(first, newest, 1, "watermark")

    def _read_older(self) -> None:
        self._read_range(self.folder.backfill, 1, -1, "backfill")

    def _read_range(self, start: int, end: int, direction: int, mark: Mark) -> None:
        """Fetch and store step by step; while one is stored, the next arrives. At least one, whatever the budget."""
        with Ahead(self.connection) as ahead:
            arriving: tuple[Step, Future[Arrival]] | None = None
            for step in self._steps(ahead, start, end, direction):
                self._renew(sum(min(one.size, self.cap) for one in step.messages))
                following = step, ahead.begin(self._receive, step)
                if arriving is not None:
                    self._store(*arriving, mark)
                arriving = following
                if self.budget.spent:
                    break
            if arriving is not None:
                self._store(*arriving, mark)

    # --- What there is ------------------------------------------------------------------------------

    def _steps(self, ahead: "Ahead", start: int, end: int, direction: int) -> Iterator[Step]:
        for low, high, wanted in self._windows(ahead, start, end, direction):
            if direction > 0:
                steps = upwards(wanted, max(high, self.folder.watermark), self.cap)
            else:
                steps = downwards(wanted, low, self.cap)
            for step in steps:
                yield from set_apart(step, self.folder.stuck_uid)

    def _windows(
        self, ahead: "Ahead", start: int, end: int, direction: int
    ) -> Iterator[tuple[int, int, list[Overview]]]:
        """Ranges of UIDs from `start` to `end`, up or down, with the messages in them that are not stored.

        UIDs may be thin on the ground: after an empty window the next one is wider, but a full one is looked at in
        parts, as some servers cut long answers short. While one window is fetched, the next is asked about.
        """
        asked = self._ask(ahead, start, end, direction, WINDOW)
        while asked is not None:
            low, high, answer = asked
            found = answer.result()
            if len(found) > WINDOW:
                asked = self._ask(ahead, low if direction > 0 else high, end, direction, WINDOW)
                continue
            width = WINDOW if found else (high - low + 1) * WIDER
            asked = self._ask(ahead, high + 1 if direction > 0 else low - 1, end, direction, width)
            yield low, high, self._unknown(low, high, found)

    def _ask(
        self, ahead: "Ahead", start: int, end: int, direction: int, width: int
    ) -> "tuple[int, int, Future[list[Overview]]] | None":
        """Ask about so many UIDs from `start` on; None beyond the end."""
        if (end - start) * direction < 0:
            return None
        far = start + direction * (width - 1)
        far = min(far, end) if direction > 0 else max(far, end)
        low, high = min(start, far), max(start, far)
        self._renew(0)
        return low, high, ahead.begin(self.connection.overview, low, high)

    def _unknown(self, low: int, high: int, found: Sequence[Overview]) -> list[Overview]:
        """Those without a row at this place, and not dealt with on this connection."""
        validity = self.folder.uidvalidity or 0
        rows = Message.objects.filter(folder=self.folder, uidvalidity=validity, uid__range=(low, high))
        known = set(rows.values_list("uid", flat=True)) if found else set()
        return [one for one in found if one.uid not in known and (validity, one.uid) not in self.handled]

    # --- Fetching: in the connection's own thread, which never touches the database -----------------

    def _receive(self, step: Step) -> "Arrival":
        """Fetch a step's messages; what is gone meanwhile stays out."""
        received: dict[int, bytes] = {}
        if not step.messages:
            return Arrival(received)
        try:
            self._fill(received, step)
        except MailTrouble as trouble:
            return Arrival(received, trouble)
        return Arrival(received)

    def _fill(self, received: dict[int, bytes], step: Step) -> None:
        if all(one.size <= self.cap and not self._tries(one.uid) for one in step.messages):
            try:
                received.update(self.connection.messages(step.messages))
            except MailTrouble as trouble:
                if not trouble.goes_on:
                    raise
        for one in step.messages:
            if one.uid not in received and (raw := self._singly(one)) is not None:
                received[one.uid] = raw

    def _singly(self, one: Overview) -> bytes | None:
        """One message by itself, up to the cap; what the server cannot hand out is stored without it. None: gone."""
        tries = self._tries(one.uid)
        raw = None
        if tries < EMPTY_TRY:
            raw = self._beginning(one.uid, "HEADER" if tries >= HEADER_TRY else "")
        if raw is None and self.connection.overview(one.uid, one.uid):
            raw = not_handed_out(self.folder, one)
        return raw

    def _beginning(self, uid: int, section: str) -> bytes | None:
        try:
            return self.connection.beginning(uid, self.cap, section)
        except MailTrouble as trouble:
            if not trouble.goes_on:
                raise
            return None

    # --- Storing ------------------------------------------------------------------------------------

    def _store(self, step: Step, arriving: "Future[Arrival]", mark: Mark) -> None:
        """Store what has arrived and move the mark; raises MailTrouble when not all of it did."""
        arrival = arriving.result()
        trouble, to = arrival.trouble, None if arrival.trouble else step.mark
        items = [
            self._incoming(one, arrival.raws[one.uid]) for one in step.messages if one.uid in arrival.raws
        ]
        if items or (to is not None and to != getattr(self.folder, mark)):
            self.new += fetching.store_fetched(
                claim=self.claim, folder=self.folder, items=items, by=SYSTEM,
                history=mark == "backfill" and self.folder.history, **({} if to is None else {mark: to}),
            )  # fmt: skip
            self._note(items, to, mark)
        if trouble is not None:
            first = next((one.uid for one in step.messages if one.uid not in arrival.raws), None)
            if first is not None and not KEEPER.stopping.is_set():
                fetching.note_stuck(claim=self.claim, folder=self.folder, uid=first)
            raise trouble
        hand_back()

    def _note(self, items: Sequence[Incoming], to: int | None, mark: Mark) -> None:
        for item in items:
            self.handled.add(self.folder.uidvalidity or 0, item.uid or 0)
        if to is not None and mark == "watermark":
            self.folder.watermark = max(self.folder.watermark, to)
        elif to is not None:
            self.folder.backfill = min(self.folder.backfill, to)

    def _incoming(self, one: Overview, raw: bytes) -> Incoming:
        # Servers that tell sizes only roughly must not make it look as if bytes were missing.
        cut = len(raw) >= self.cap or self._tries(one.uid) >= HEADER_TRY or raw.startswith(MISSING)
        return Incoming(raw=raw, uid=one.uid, internal_date=one.received_at, size=one.size if cut else None)

    def _tries(self, uid: int) -> int:
        return self.folder.stuck_tries if uid == self.folder.stuck_uid else 0

    def _renew(self, size: int) -> None:
        seconds = self.connection.server.limits.seconds_for(size) + SPARE_SECONDS
        fetching.renew_claim(claim=self.claim, seconds=seconds)
        hand_back()


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of a step, and why not all of it."""

    raws: dict[int, bytes]
    trouble: MailTrouble | None = None


class Ahead:
    """A thread for the connection: what is begun is done in order, while the caller does something else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imap")

    def __enter__(self) -> Self:
        return self

    def begin[**P, T](self, call: Callable[P, T], *args: P.args, **named: P.kwargs) -> "Future[T]":
        return self._thread.submit(call, *args, **named)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Nothing runs on the connection afterwards; after an error nobody waits for the server."""
        if kind is not None:
            self._connection.cut()
        self._thread.shutdown(cancel_futures=True)


def hand_back() -> None:
    """The database connection goes back to its pool while this thread waits for a mail server."""
    if not database.in_atomic_block:
        database.close()


def not_handed_out(folder: Folder, one: Overview) -> bytes:
    """Stands for a message that the server lists but cannot hand out; no two are alike."""
    place = f"folder {folder.pk}, UIDVALIDITY {folder.uidvalidity}, UID {one.uid}, {one.size} bytes"
    return MISSING + place.encode() + b"\r\n\r\n"
