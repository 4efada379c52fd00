"""Server-Sent Events that go on: a connection that is lost is opened again, after the last event that came whole."""

from __future__ import annotations

import os
import time

from alai.cli import quick_json
from alai.cli.http import Away
from alai.cli.server import Server, with_query
from alai.cli.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from alai.cli.http import Wire

QUIET = 60.0  # seconds without a sign of life; the server gives one every 15
LONGEST_WAIT = 30.0


class Stream:
    """Iterate over it for the events' JSON, each with its `last_event_id`; it ends when its time is up.

    Raises Unreachable only when the first connection fails, and Refused whenever the server says no.
    """

    def __init__(
        self,
        server: Server,
        path: str,
        query: Mapping[str, object],
        *,
        last_id: str = "",
        seconds: float | None = None,
    ) -> None:
        self._server, self._path, self._query = server, path, query
        self._last_id = last_id
        self._until = None if seconds is None else time.monotonic() + seconds
        self._pause = 2.0  # what the server last asked for between two connections
        self._failures = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        wire: Wire | None = self._first()
        while True:
            if wire is not None:
                try:
                    yield from self._events(wire)
                except (OSError, ValueError) as error:
                    self._lost(Away.because(error, sent=True))
                finally:
                    wire.close()
            self._rest()
            if self._over():
                return
            wire = self._again()

    def _first(self) -> Wire:
        try:
            return self._open()
        except Away as away:
            raise self._server.unreachable(away, "so nothing was heard") from None

    def _again(self) -> Wire | None:
        try:
            wire = self._open()
        except Away as away:
            self._lost(away)
            return None
        if self._failures:
            say("alai: The connection is back, and nothing was missed.")
        self._failures = 0
        return wire

    def _open(self) -> Wire:
        where = {"last_event_id": self._last_id} if self._last_id else {}
        return self._server.listen(with_query(self._path, {**self._query, **where}))

    def _events(self, wire: Wire) -> Iterator[dict[str, Any]]:
        text = b""
        wire.deadline = self._patience()
        for piece in wire.pieces():
            *frames, text = (text + piece).split(b"\n\n")
            for frame in frames:
                event = self._taken(frame.decode())
                if event is not None:
                    yield event
            wire.deadline = self._patience()

    def _taken(self, frame: str) -> dict[str, Any] | None:
        """A frame's event, if it has one; its position and pause are noted."""
        data, mark = [], ""
        for line in frame.split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                mark = value
            elif name == "data":
                data.append(value)
            elif name == "retry" and value.isdigit():
                self._pause = int(value) / 1000
        event = quick_json.read("\n".join(data).encode()) if data else None
        self._last_id = mark or self._last_id
        return event and {**event, "last_event_id": self._last_id}

    def _lost(self, away: Away) -> None:
        """Said once, however long it lasts, unless it was only that our own time is up."""
        if not self._failures and not self._over():
            say(f"alai: The connection to {self._server.url} was lost ({away.why}); trying again.")
        self._failures += 1

    def _rest(self) -> None:
        """Longer and longer, and not all listeners at the same moment."""
        wait = min(self._pause * 2 ** min(self._failures, 5), LONGEST_WAIT)
        wait *= 0.5 + os.urandom(1)[0] / 255
        left = wait if self._until is None else self._until - time.monotonic()
        time.sleep(max(0.0, min(wait, left)))

    def _patience(self) -> float:
        quiet = time.monotonic() + QUIET
        return quiet if self._until is None else min(quiet, self._until)

    def _over(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until
