"""What must be true of every history, however clients and servers were stopped and killed.

The first two checks believe the clients alone. The others put the ledger's events in between.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from tests.chaos.history import Event, History, Op

GRANTS = ("claim", "next")
WRITES = ("write", "done")
CUTS = ("force", "expire")  # they end anybody's lease
EVENTS_OF = {
    "claim": ("claimed", "lease_refreshed"),
    "next": ("claimed",),
    "extend": ("lease_extended",),
    "release": ("lease_released",),
    "force": ("lease_revoked",),
    "write": ("in_progress", "paused", "reassigned", "reopened"),
    "reopen": ("reopened",),
    "done": ("done",),
    "sweep": ("lease_expired",),
    "expire": ("moved_into_the_past",),
}

PRECISION = 0.0015  # of the times in events, in seconds: they are cut to milliseconds


@dataclass(frozen=True)
class Violation:
    """A promise that was broken: its name, and a sentence with the evidence."""

    promise: str
    evidence: str


def violations(history: History) -> list[Violation]:
    """Everything that is wrong with the history."""
    return [found for check in CHECKS for found in check(history)]


@dataclass
class Tenure:
    """A lease while it certainly stood: from the answer that granted it, to the earliest moment at which it can
    have run out, been given back or been taken away."""

    client: str
    fence: int
    asked: float  # when its grant was asked for
    begin: float
    end: float


def two_holders(history: History) -> Iterable[Violation]:
    """Never two valid holders of one task: no two certain tenures overlap."""
    for task, ops in _by_task(history).items():
        tenures = sorted(_tenures(ops), key=lambda tenure: tenure.begin)
        latest: Tenure | None = None
        for tenure in tenures:
            if latest and tenure.begin < latest.end and tenure.client != latest.client:
                yield Violation(
                    "one holder",
                    f"task {task}: {latest.client} held it with fence {latest.fence} until {latest.end:.4f} at least, "
                    f"and {tenure.client} with fence {tenure.fence} from {tenure.begin:.4f} on",
                )
            if latest is None or tenure.end > latest.end:
                latest = tenure


def fences_fall(history: History) -> Iterable[Violation]:
    """Fences rise strictly from grant to grant, and no write is accepted once a higher fence was seen."""
    for task, ops in _by_task(history).items():
        highest, highest_of = 0, ""
        finished = sorted((op for op in ops if op.outcome == "ok"), key=lambda op: op.end)
        waiting = iter(finished)
        pending = next(waiting, None)
        for op in finished_by_begin(finished):
            while pending is not None and pending.end < op.begin:
                fence = _fence_of(pending)
                if fence > highest:
                    highest, highest_of = fence, pending.client
                pending = next(waiting, None)
            mine = _fence_of(op)
            if mine < highest or (op.verb in GRANTS and mine == highest and highest_of != op.client):
                yield Violation(
                    "fences rise" if op.verb in GRANTS else "no write below the highest fence",
                    f"task {task}: {op.verb} of {op.client} was accepted with fence {mine} "
                    f"after {highest_of} had {highest}",
                )


def finished_by_begin(ops: list[Op]) -> list[Op]:
    """The ops that carry a fence, in the order in which they began."""
    carrying = [op for op in ops if op.verb in (*GRANTS, *WRITES, "extend") and _fence_of(op)]
    return sorted(carrying, key=lambda op: op.begin)


def answers_and_events_differ(history: History) -> Iterable[Violation]:
    """An acknowledged verb has its one event, a refused one none, and an unknown one at most one."""
    found: dict[str, list[Event]] = defaultdict(list)
    ops = {op.id: op for op in history.ops}
    for event in history.events:
        if event.kind == "evidence_added":
            continue
        found[event.request].append(event)
        op = ops.get(event.request)
        if op is None or event.kind not in EVENTS_OF[op.verb]:
            yield Violation(
                "events explained", f"event {event.id} ({event.kind}) belongs to no call of a client"
            )
    for op in history.ops:
        number = len(found[op.id])
        least, most = _events_wanted(op)
        if not least <= number <= most:
            promise = "nothing acknowledged is lost" if number < least else "one event a verb"
            yield Violation(
                promise,
                f"{op.verb} {op.id} of {op.client} was {op.outcome} {op.code} {op.result}: {number} events",
            )
        elif (
            op.outcome == "ok"
            and op.verb in GRANTS
            and found[op.id][0].data["fencing_token"] != op.result["fence"]
        ):
            yield Violation(
                "nothing acknowledged is lost", f"{op.verb} {op.id}: another fence than was answered"
            )


def story_does_not_follow(history: History) -> Iterable[Violation]:
    """The events of each task, in order, are a story that the lease rules allow; it ends where the row stands."""
    ops = {op.id: op for op in history.ops}
    stories: dict[int, Story] = defaultdict(Story)
    for event in history.events:
        if event.kind == "evidence_added":
            continue
        yield from stories[event.task].tell(event, ops.get(event.request))
    for row in history.rows:
        story = stories[row.id]
        same = (story.holder, story.fence) == (row.holder, row.fence)
        if not same or abs(story.until - (row.until or 0.0)) > PRECISION:
            yield Violation("the row is what its events say", f"{row} against {story}")


@dataclass
class Story:
    """A task's lease as its events tell it. Times are Unix times of the database's clock."""

    holder: str = ":"
    fence: int = 0
    until: float = 0.0

    def tell(self, event: Event, op: Op | None) -> Iterable[Violation]:
        """Go on by one event."""
        fence = int(event.data.get("fencing_token", self.fence))
        moment = self._until(event) - (op.ttl if op else 0.0)
        if event.kind == "claimed":
            if moment < self.until - PRECISION:
                yield self._broken(
                    "one holder",
                    event,
                    f"granted {self.until - moment:.4f} s before {self.holder}'s lease ended",
                )
            if fence != self.fence + 1:
                yield self._broken("fences rise", event, f"fence {fence} follows {self.fence}")
            self._begin(event, fence)
        elif event.kind in ("lease_refreshed", "lease_extended"):
            if event.data["holder"] != self.holder or fence != self.fence or moment > self.until + PRECISION:
                yield self._broken(
                    "only a live lease is prolonged", event, f"by {event.data['holder']} against {self}"
                )
            self._begin(event, fence)
        elif event.kind in ("lease_released", "lease_revoked", "lease_expired"):
            if event.data["holder"] != self.holder:
                yield self._broken("a lease ends once", event, f"of {event.data['holder']} against {self}")
            if fence != self.fence + (event.kind == "lease_revoked"):
                yield self._broken("fences rise", event, f"fence {fence} follows {self.fence}")
            self.holder, self.fence, self.until = ":", fence, 0.0
        elif event.kind == "moved_into_the_past":
            self.until = self._until(event)
        elif op is not None and op.verb in WRITES:
            yield from self._written(event, op)

    def _written(self, event: Event, op: Op) -> Iterable[Violation]:
        if op.fence is not None and op.fence < self.fence:
            yield self._broken("no write below the highest fence", event, f"fence {op.fence} against {self}")
        elif op.fence != self.fence or self.until == 0.0:
            yield self._broken("a fenced write needs its lease", event, f"fence {op.fence} against {self}")
        elif op.begin_wall > self.until + PRECISION:
            late = op.begin_wall - self.until
            yield self._broken(
                "a fenced write needs its lease", event, f"begun {late:.4f} s after it had run out"
            )
        if op.verb == "done":
            self.holder, self.until = ":", 0.0

    def _begin(self, event: Event, fence: int) -> None:
        self.holder, self.fence, self.until = event.data["holder"], fence, self._until(event)

    def _until(self, event: Event) -> float:
        text = event.data.get("until")
        return datetime.fromisoformat(text).timestamp() if text else 0.0

    def _broken(self, promise: str, event: Event, evidence: str) -> Violation:
        return Violation(promise, f"task {event.task}, event {event.id} ({event.kind}): {evidence}")


Check = Callable[[History], Iterable[Violation]]
CHECKS: tuple[Check, ...] = (two_holders, fences_fall, answers_and_events_differ, story_does_not_follow)


def _by_task(history: History) -> dict[int, list[Op]]:
    ops: dict[int, list[Op]] = defaultdict(list)
    for op in history.ops:
        if op.where is not None:
            ops[op.where].append(op)
    return ops


def _fence_of(op: Op) -> int:
    return int(op.result.get("fence") or op.fence or 0)


def _tenures(ops: list[Op]) -> list[Tenure]:
    """Ops of one task, in the order of their beginning."""
    tenures: dict[int, Tenure] = {}
    for op in ops:
        if op.outcome == "ok" and op.verb in (*GRANTS, "extend"):
            fence = _fence_of(op)
            tenure = tenures.setdefault(fence, Tenure(op.client, fence, op.begin, op.end, 0.0))
            if tenure.client != op.client:  # two were given one fence: the other check says so
                continue
            tenure.begin, tenure.end = min(tenure.begin, op.end), max(tenure.end, op.begin + op.ttl)
    for op in ops:
        for tenure in tenures.values():
            mine = op.verb in ("release", "done") and op.client == tenure.client
            if (mine or op.verb in CUTS) and op.outcome != "fail" and op.end >= tenure.asked:
                tenure.end = min(tenure.end, op.begin)
    return [tenure for tenure in tenures.values() if tenure.end > tenure.begin]


def _events_wanted(op: Op) -> tuple[int, int]:
    several = 1000 if op.verb == "sweep" else 1
    if op.outcome == "ok" and op.verb != "reopen" and op.result.get("changed") != "unknown":
        number = int(op.result.get("changed", 1))
        return number, number
    return 0, 0 if op.outcome == "fail" else several
