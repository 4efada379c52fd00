"""One client of a run: it claims, works, forgets itself, comes back with an old fence, and writes all of it down."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.history import Op, Recorder
from tests.chaos.transports import Refused, Transport, Unknown

ACTORS = ("john", "pi-orch")


@dataclass(frozen=True)
class Habits:
    """How the clients of a run behave. Times in seconds."""

    tasks: tuple[int, ...]
    ttl: float
    pause: float  # the longest pause between two calls
    until: float  # monotonic
    deadly: float = 0.01  # how likely a call is cut short by the client's sudden death (SIGALRM, unhandled)


class Client:
    """Acts until the run is over. It never looks at the clock to see whether its lease still stands: the ledger
    has to refuse what comes too late."""

    def __init__(
        self, number: int, generation: int, habits: Habits, transport: Transport, recorder: Recorder
    ) -> None:
        self.actor = ACTORS[number % len(ACTORS)]
        self.name = f"c{number}g{generation}"
        self.habits = habits
        self.transport = transport
        self.recorder = recorder
        self.random = random.Random(f"{number}.{generation}.{habits.until}")
        self.sessions = 0
        self.calls = 0
        self.held: dict[int, int] = {}  # task -> fence, as far as it knows
        self.lost: dict[int, int] = {}  # fences that it was told are none any more, or gave back
        self.moods: list[tuple[Callable[[], None], int]] = [
            (self.take, 30), (self.work, 30), (self.prolong, 12), (self.give_back, 10), (self.finish, 4),
            (self.haunt, 8), (self.force, 1), (self.sweep, 2),
        ]  # fmt: skip

    @property
    def session(self) -> str:
        return f"{self.name}s{self.sessions}"

    def run(self) -> None:
        moods, weights = zip(*self.moods, strict=True)
        while time.monotonic() < self.habits.until:
            self.random.choices(moods, weights)[0]()
            time.sleep(self.random.random() * self.habits.pause)

    def take(self) -> None:
        if len(self.held) >= 2:
            return self.work()
        if self.random.random() < 0.5:
            return self._keep(self.call("next"))
        op = self.call("claim", self.random.choice(self.habits.tasks))
        if op.code == "task_closed":
            op = self.call("reopen", op.task)
        return self._keep(op)

    def work(self) -> None:
        if self.held:
            self._forget_if_stale(self.call("write", *self._one_of(self.held)))

    def prolong(self) -> None:
        if self.held:
            task, _ = self._one_of(self.held)
            self._forget_if_stale(self.call("extend", task))

    def give_back(self) -> None:
        if self.held:
            task, fence = self._one_of(self.held)
            self.call("release", task)
            self._lose(task, fence)

    def finish(self) -> None:
        if self.held:
            task, fence = self._one_of(self.held)
            self.call("done", task, fence)
            self._lose(task, fence)

    def haunt(self) -> None:
        """Write with a fence of the past."""
        if self.lost:
            self.call("write", *self._one_of(self.lost))

    def force(self) -> None:
        self.call("force", self.random.choice(self.habits.tasks))

    def sweep(self) -> None:
        self.call("sweep")

    def call(self, verb: str, task: int | None = None, fence: int | None = None) -> Op:
        """One recorded call. After an answer that never came, the client goes on as another session: what it
        asked for may still happen, to the session that asked."""
        self.calls += 1
        op = Op(
            id=f"{self.session}-{self.calls}", client=f"{self.actor}:{self.session}", verb=verb, task=task,
            fence=fence, ttl=self.habits.ttl, begin=time.monotonic(), begin_wall=time.time(),
        )  # fmt: skip
        self.recorder.begun(op)
        if self.random.random() < self.habits.deadly:
            signal.setitimer(signal.ITIMER_REAL, self.random.uniform(0.0002, 0.006))
        try:
            op.result = self.transport.call(op, self.actor, self.session)
            op.outcome = "ok"
        except Refused as refused:
            op.outcome, op.code = "fail", str(refused)
        except Unknown as unknown:
            op.code = str(unknown)
            self._start_anew()
            return op
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        op.end, op.end_wall = time.monotonic(), time.time()
        self.recorder.ended(op)
        return op

    def _start_anew(self) -> None:
        self.sessions += 1
        self.held.clear()
        self.lost.clear()
        self.transport.reconnect()
        time.sleep(0.05)

    def _one_of(self, fences: dict[int, int]) -> tuple[int, int]:
        return self.random.choice(list(fences.items()))

    def _keep(self, op: Op) -> None:
        if op.outcome == "ok" and op.verb in ("claim", "next"):
            self.held[op.result["task"]] = op.result["fence"]

    def _forget_if_stale(self, op: Op) -> None:
        if op.outcome == "fail" and op.task in self.held:
            self._lose(op.task, self.held[op.task])

    def _lose(self, task: int, fence: int) -> None:
        self.held.pop(task, None)
        self.lost[task] = fence
