"""Runs: clients that are stopped and killed, servers that are killed, and the verdict on what came of it."""

import json
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from tests.chaos import history
from tests.chaos.checks import Violation, violations
from tests.chaos.history import History, Op, Recorder
from tests.chaos.place import Place

EXPIRE = """
WITH late AS (
    UPDATE missioncontrol_task SET lease_until = clock_timestamp() - interval '1 ms'
    WHERE id = %(task)s AND lease_until > clock_timestamp() RETURNING id, lease_until)
INSERT INTO missioncontrol_taskevent (task_id, kind, actor, on_behalf_of, data, why, request_id)
SELECT id, 'moved_into_the_past', 'chaos', '', jsonb_build_object('until', lease_until), '', %(request)s FROM late
"""
PATIENCE = 60.0
# What tests.chaos.mutants knows; it needs Django, and this module does not.
MUTANTS = ("no fence", "plain subselect in next", "check, then act", "early answers")


@dataclass(frozen=True)
class Run:
    """What to do to whom. `ttl` and times in seconds; `crash`: PostgreSQL is killed once in each so many."""

    seconds: float
    clients: int = 32
    tasks: int = 8
    ttl: float = 0.3
    pause: float = 0.03
    port: int | None = None
    mutant: str = ""
    crash: float | None = None

    @classmethod
    def of_mutant(cls, name: str, seconds: float) -> "Run":
        """A run in which the mutant would show itself: early answers only do when the power fails."""
        return cls(seconds=seconds, mutant=name, crash=0.8 if name == "early answers" else None)


@dataclass(frozen=True)
class Verdict:
    """What a run came to."""

    history: History
    violations: list[Violation]
    stopped: int
    killed: int
    crashes: int

    def __str__(self) -> str:
        ops = self.history.ops
        outcomes = Counter(op.outcome for op in ops)
        grants = sum(op.outcome == "ok" and op.verb in ("claim", "next") for op in ops)
        stale = sum(op.code == "stale_fence" for op in ops)
        return (
            f"{len(ops)} calls ({outcomes['ok']} ok, {outcomes['fail']} refused, {outcomes['unknown']} unknown), "
            f"{grants} grants, {stale} stale fences refused, {self.stopped} stops and {self.killed} kills of "
            f"clients, {self.crashes} crashes of PostgreSQL, {len(self.violations)} violations"
        )

    @property
    def broken(self) -> set[str]:
        """The promises that were not kept."""
        return {violation.promise for violation in self.violations}


def perform(place: Place, run: Run) -> Verdict:
    """Let the clients loose and judge what they recorded."""
    with tempfile.TemporaryDirectory(prefix="mission-control-history-") as name:
        folder = Path(name)
        plan = {key: value for key, value in asdict(run).items() if key != "crash"}
        plan |= {"folder": name, "source": folder.name}
        nursery = place.python("tests.chaos.nursery", json.dumps(plan), stdout=subprocess.PIPE)
        try:
            assert nursery.stdout is not None
            tasks: list[int] = json.loads(nursery.stdout.readline())["tasks"]
            crashes = _torment(place, run, nursery, tasks, folder)
            rest, _ = nursery.communicate(timeout=PATIENCE)
            assert nursery.returncode == 0, "a client failed: what it wrote above says why"
        finally:
            nursery.kill()
            nursery.wait()
        seen = history.read(folder, place.database, tasks)
        counts = json.loads(rest.splitlines()[-1])
        return Verdict(seen, violations(seen), counts["stopped"], counts["killed"], crashes)


def _torment(place: Place, run: Run, nursery: "subprocess.Popen[str]", tasks: list[int], folder: Path) -> int:
    """Kill PostgreSQL now and then; over HTTP, where a lease lasts minutes, let leases run out at once."""
    end = time.monotonic() + run.seconds
    next_crash = time.monotonic() + run.crash if run.crash else float("inf")
    crashes = 0
    with (folder / "conductor.jsonl").open("w", encoding="utf-8") as file:
        expire = _Expiry(place.database, tasks, Recorder(file)) if run.port else None
        while time.monotonic() < end and nursery.poll() is None:
            if time.monotonic() >= next_crash:
                place.kill_postgres()
                place.restart_postgres()
                crashes += 1
                next_crash += run.crash or 0
            elif expire:
                expire()
            time.sleep(0.05)
        if expire:
            expire.close()
    return crashes


class _Expiry:
    """Ends one lease after the other by moving its end into the past, and records it like a client."""

    def __init__(self, database: str, tasks: list[int], recorder: Recorder) -> None:
        self._database = database
        self._tasks = tasks
        self._recorder = recorder
        self._calls = 0
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def __call__(self) -> None:
        self._calls += 1
        task = self._tasks[self._calls % len(self._tasks)]
        op = Op(
            id=f"expire-{self._calls}", client="conductor", verb="expire", task=task, fence=None, ttl=0.0,
            begin=time.monotonic(), begin_wall=time.time(),
        )  # fmt: skip
        self._recorder.begun(op)
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._database, autocommit=True)
            done = self._connection.execute(EXPIRE, {"task": task, "request": op.id})
        except psycopg.OperationalError:
            self.close()
            return
        op.outcome, op.result = "ok", {"changed": done.rowcount}
        op.end, op.end_wall = time.monotonic(), time.time()
        self._recorder.ended(op)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
