"""A shift of the prober: probes run side by side in an event loop of their own, the database is used beside it.

A server that hangs holds up nobody but itself: what is due is taken as soon as there is room, what was seen is
written in bulk a moment later, whatever else is still under way.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace

from infra import records
from infra.models import CheckState
from infra.probes import Observation, Verdict, World
from infra.probes.base import BAD
from infra.services.pings import tend_jobs
from infra.services.watching import (
    Due,
    Look,
    ensure_states,
    is_online,
    look_at,
    sources,
    take,
    world,
    write,
)

IN_FLIGHT = 500  # probes under way at once
BATCH = 200
BREATH = 0.1  # seconds between two looks at what is due, while nothing else happens
CUT_OFF = Observation(Verdict.UNKNOWN, "We are cut off ourselves.")


@dataclass
class Chore:
    """What is done every so many seconds, at once for the first time."""

    every: float
    act: Callable[[], object]
    at: float = 0.0

    def do_if_due(self) -> None:
        if time.monotonic() >= self.at:
            self.act()
            self.at = time.monotonic() + self.every


def _stay_awake() -> None:
    records.awake_since(records.clock())


def watch(seconds: float, keep: Callable[[], object] = lambda: None) -> int:
    """Look for so long at what is due when it is due; answers how many looks that were. `keep` is called often."""
    chores = [Chore(5, _stay_awake), Chore(60, tend_jobs), Chore(60, ensure_states)]
    with _Loop() as loop:
        until, looks = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            keep()
            for chore in chores:
                chore.do_if_due()
            taken = take(min(BATCH, loop.room)) if loop.room else []
            loop.start(taken)
            seen = loop.collect(0.0 if len(taken) == BATCH else BREATH)
            if seen:
                write(loop.believable(seen))
                looks += len(seen)
        seen = loop.collect(0.0)
        if seen:
            write(loop.believable(seen))
        _give_back(loop.under_way())
    return looks + len(seen)


def _give_back(due: list[Due]) -> None:
    """What was not seen to its end is anybody's again."""
    if due:
        CheckState.objects.filter(check_record__in=[one.check_id for one in due]).update(claimed_until=None)


class _Loop:
    """An event loop in a thread, with the probes' shared world; looks come back through a queue."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="prober", daemon=True)
        self._done: queue.SimpleQueue[tuple[Due, Look | None]] = queue.SimpleQueue()
        self._under_way: dict[int, tuple[Due, Future[Look]]] = {}
        self._world: World | None = None
        self._context = world()

    def __enter__(self) -> "_Loop":
        self._thread.start()
        self._world = asyncio.run_coroutine_threadsafe(self._context.__aenter__(), self._loop).result(30)
        return self

    def __exit__(self, *_: object) -> None:
        for _due, future in self._under_way.values():
            future.cancel()
        with suppress(TimeoutError):
            closing = self._context.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(closing, self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        if not self._thread.is_alive():
            self._loop.close()

    @property
    def room(self) -> int:
        return IN_FLIGHT - len(self._under_way)

    def start(self, due: list[Due]) -> None:
        assert self._world is not None
        shared = replace(self._world, records=records.gather(sources(due)))
        for one in due:
            future = asyncio.run_coroutine_threadsafe(look_at(shared, one), self._loop)
            self._under_way[one.check_id] = (one, future)
            future.add_done_callback(lambda done, one=one: self._done.put((one, _result(done))))  # type: ignore[misc]

    def collect(self, wait: float) -> list[Look]:
        """What was finished; waits so long at most for the first."""
        found: list[Look] = []
        with suppress(queue.Empty):
            while len(found) < BATCH:
                due, look = self._done.get(timeout=wait) if wait and not found else self._done.get_nowait()
                self._under_way.pop(due.check_id, None)
                if look is not None:
                    found.append(look)
        return found

    def believable(self, looks: list[Look]) -> list[Look]:
        """While we ourselves are cut off, a failure says nothing."""
        if not any(one.seen.verdict in BAD for one in looks):
            return looks
        if asyncio.run_coroutine_threadsafe(is_online(), self._loop).result(30):
            return looks
        return [replace(one, seen=CUT_OFF) if one.seen.verdict in BAD else one for one in looks]

    def under_way(self) -> list[Due]:
        return [due for due, _ in self._under_way.values()]


def _result(done: "Future[Look]") -> Look | None:
    return None if done.cancelled() or done.exception() else done.result()
