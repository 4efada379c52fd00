"""Reading one folder: first what is new, then what was there before, each message stored once.

The watermark moves only with the messages below it, in their transaction; so a process may die anywhere.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.conf import settings
from django.db import connection as database

from inbox.access import SYSTEM
from inbox.fetching.kept import KEEPER, Session
from inbox.fetching.plans import Step, downwards, upwards
from inbox.imap.connection import Connection, Opened, Overview
from inbox.imap.trouble import MailTrouble
from inbox.models import Folder, Message
from inbox.services import fetching
from inbox.services.fetching import Claim
from inbox.services.storing import Incoming

WINDOW = 500  # UIDs asked about at once
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
        elif said.uid_next and newest < self.folder.watermark:
            fetching.step_back(claim=self.claim, folder=self.folder, newest=newest, by=SYSTEM)

    def _read_new(self, newest: int) -> None:
        first = max(self.folder.backfill, self.folder.watermark - LOOK_BACK) + 1
        for _, high, wanted in self._windows(first, newest, 1):
            for step in upwards(wanted, max(high, self.folder.watermark), self.cap):
                self._fetch(step, "watermark")
                if self.budget.spent:
                    return

    def _read_older(self) -> None:
        for low, _, wanted in self._windows(self.folder.backfill, 1, -1):
            for step in downwards(wanted, low, self.cap):
                self._fetch(step, "backfill")
                if self.budget.spent:
                    return

    # --- What there is ------------------------------------------------------------------------------

    def _windows(self, start: int, end: int, step: int) -> Iterator[tuple[int, int, list[Overview]]]:
        """Ranges of UIDs from `start` to `end`, up or down, with the messages in them that are not stored.

        UIDs may be thin on the ground: after an empty window the next one is wider, but a full one is looked at in
        parts, as some servers cut long answers short.
        """
        width, at = WINDOW, start
        while (end - at) * step >= 0:
            far = at + step * (width - 1)
            far = min(far, end) if step > 0 else max(far, end)
            low, high = min(at, far), max(at, far)
            self._renew(0)
            found = self.connection.overview(low, high)
            if len(found) > WINDOW:
                width = WINDOW
                continue
            yield low, high, self._unknown(low, high, found)
            width = WINDOW if found else width * WIDER
            at = far + step

    def _unknown(self, low: int, high: int, found: Sequence[Overview]) -> list[Overview]:
        """Those without a row at this place, and not dealt with on this connection."""
        validity = self.folder.uidvalidity or 0
        rows = Message.objects.filter(folder=self.folder, uidvalidity=validity, uid__range=(low, high))
        known = set(rows.values_list("uid", flat=True)) if found else set()
        return [one for one in found if one.uid not in known and (validity, one.uid) not in self.handled]

    # --- Fetching -----------------------------------------------------------------------------------

    def _fetch(self, step: Step, mark: Mark) -> None:
        """Fetch and store a step. A message at which the conversation broke before comes last, by itself."""
        difficult = [one for one in step.messages if self._tries(one.uid)]
        easy = [one for one in step.messages if not self._tries(one.uid)]
        for messages in filter(None, (easy, difficult)):
            self._fetch_together(messages, step.mark if messages is (difficult or easy) else None, mark)
        if not step.messages and step.mark != getattr(self.folder, mark):
            self._store([], {}, step.mark, mark)

    def _fetch_together(self, messages: Sequence[Overview], to: int | None, mark: Mark) -> None:
        """Fetch, store, and move the mark to `to`, if that is not None."""
        received: dict[int, bytes] = {}
        try:
            self._receive(messages, received)
        except MailTrouble:
            self._store(messages, received, None, mark)  # what did arrive need not be sent again
            if not KEEPER.stopping.is_set():
                first = next(one.uid for one in messages if one.uid not in received)
                fetching.note_stuck(claim=self.claim, folder=self.folder, uid=first)
            raise
        self._store(messages, received, to, mark)

    def _receive(self, messages: Sequence[Overview], received: dict[int, bytes]) -> None:
        """Fill `received`; what is gone meanwhile stays out. Raises MailTrouble when the connection broke."""
        self._renew(sum(min(one.size, self.cap) for one in messages))
        if all(one.size <= self.cap and not self._tries(one.uid) for one in messages):
            try:
                received.update(self.connection.messages(messages))
            except MailTrouble as trouble:
                if not trouble.goes_on:
                    raise
        for one in messages:
            if one.uid not in received and (raw := self._singly(one)) is not None:
                received[one.uid] = raw

    def _singly(self, one: Overview) -> bytes | None:
        """One message by itself, up to the cap; what the server cannot hand out is stored without it. None: gone."""
        tries = self._tries(one.uid)
        self._renew(min(one.size, self.cap))
        raw = None
        if tries < EMPTY_TRY:
            raw = self.connection.beginning(one.uid, self.cap, "HEADER" if tries >= HEADER_TRY else "")
        if raw is None and self.connection.overview(one.uid, one.uid):
            raw = not_handed_out(self.folder, one)
        return raw

    # --- Storing ------------------------------------------------------------------------------------

    def _store(
        self, messages: Sequence[Overview], received: dict[int, bytes], to: int | None, mark: Mark
    ) -> None:
        items = [self._incoming(one, received[one.uid]) for one in messages if one.uid in received]
        self.new += fetching.store_fetched(
            claim=self.claim, folder=self.folder, items=items, by=SYSTEM,
            history=mark == "backfill" and self.folder.history, **({} if to is None else {mark: to}),
        )  # fmt: skip
        self._note(items, to, mark)
        hand_back()  # back to the pool while we wait for the server

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


def hand_back() -> None:
    """The database connection goes back to its pool while this thread waits for a mail server."""
    if not database.in_atomic_block:
        database.close()


def not_handed_out(folder: Folder, one: Overview) -> bytes:
    """Stands for a message that the server lists but cannot hand out; no two are alike."""
    place = f"folder {folder.pk}, UIDVALIDITY {folder.uidvalidity}, UID {one.uid}, {one.size} bytes"
    return MISSING + place.encode() + b"\r\n\r\n"
