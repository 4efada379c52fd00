"""The process that bears the clients of a run, lets them sleep past their leases, kills them and bears new ones.

    python -m tests.chaos.nursery '{"folder": ..., "seconds": ..., ...}'

It forks before anything of it has threads or connections. Its last line on stdout is a JSON object.
"""

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import django

django.setup()

from django.db import connections  # noqa: E402

from alai.kernel.auth import issue_token  # noqa: E402
from alai.kernel.models import Actor  # noqa: E402
from missioncontrol.models import Task  # noqa: E402
from tests.chaos.clients import ACTORS, Client, Habits  # noqa: E402
from tests.chaos.history import Recorder  # noqa: E402
from tests.chaos.mutants import MUTANTS  # noqa: E402
from tests.chaos.transports import TEAMS, Rest, Statements, Transport  # noqa: E402

TICK = 0.04


@dataclass(frozen=True)
class Plan:
    """A run as its conductor wants it. `port` is of the web server; None means SQL. Times in seconds."""

    folder: str
    source: str
    seconds: float
    clients: int
    tasks: int
    ttl: float
    pause: float
    port: int | None = None
    mutant: str = ""
    stops: float = 0.5  # how likely, each tick, one client is put to sleep
    kills: float = 0.08  # ... or killed


@dataclass
class Nursery:
    plan: Plan
    habits: Habits
    tokens: dict[str, str]
    children: dict[int, int] = field(default_factory=dict)  # pid -> number
    generations: dict[int, int] = field(default_factory=dict)
    asleep: dict[int, float] = field(default_factory=dict)  # pid -> when it wakes
    stopped: int = 0
    killed: int = 0

    def run(self) -> None:
        for number in range(self.plan.clients):
            self._bear(number)
        while time.monotonic() < self.habits.until:
            self._torment()
            self._bury(may_bear=True)
            time.sleep(TICK)
        for pid in self.asleep:
            self._signal(pid, signal.SIGCONT)
        deadline = time.monotonic() + 20
        while self.children and time.monotonic() < deadline:
            self._bury(may_bear=False)
            time.sleep(TICK)
        for pid in list(self.children):
            self._signal(pid, signal.SIGKILL)

    def _bear(self, number: int) -> None:
        generation = self.generations[number] = self.generations.get(number, -1) + 1
        pid = os.fork()
        if pid == 0:
            self._live(number, generation)
        self.children[pid] = number

    def _live(self, number: int, generation: int) -> None:
        status = 1
        try:
            path = Path(self.plan.folder) / f"{number}-{generation}.jsonl"
            with path.open("a", encoding="utf-8") as file:
                Client(number, generation, self.habits, self._transport(), Recorder(file)).run()
            status = 0
        except BaseException as error:  # a child must never return into its parent's code
            sys.stderr.write(f"client {number}: {error!r}\n")
        finally:
            os._exit(status)

    def _transport(self) -> Transport:
        if self.plan.port is None:
            return Statements(self.plan.source)
        return Rest(self.plan.port, self.plan.source, self.tokens)

    def _torment(self) -> None:
        now = time.monotonic()
        for pid in [pid for pid, wakes in self.asleep.items() if wakes <= now]:
            self._signal(pid, signal.SIGCONT)
            del self.asleep[pid]
        awake = [pid for pid in self.children if pid not in self.asleep]
        if random.random() < self.plan.stops and awake:
            pid = random.choice(awake)
            self._signal(pid, signal.SIGSTOP)
            self.asleep[pid] = now + min(self.plan.ttl * random.uniform(0.8, 2.5), random.uniform(0.3, 1.0))
            self.stopped += 1
        if random.random() < self.plan.kills and awake:
            self._signal(random.choice(awake), signal.SIGKILL)

    def _bury(self, *, may_bear: bool) -> None:
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number = self.children.pop(pid)
            self.asleep.pop(pid, None)
            if os.WIFEXITED(status) and os.WEXITSTATUS(status):
                raise SystemExit(f"client {number} failed")
            if os.WIFSIGNALED(status):
                self.killed += 1
                if may_bear:
                    self._bear(number)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return


def prepare(plan: Plan) -> tuple[tuple[int, ...], dict[str, str]]:
    """The tasks of the run and, for HTTP, the tokens of its actors."""
    tasks = [
        Task.objects.create(title=f"task {n}", source=plan.source, team=TEAMS[n % 2])
        for n in range(plan.tasks)
    ]
    tokens = {}
    if plan.port is not None:
        for name, scopes in [*((name, ["tasks:write"]) for name in ACTORS), ("ole", ["admin"])]:
            actor, _ = Actor.objects.get_or_create(name=name, defaults={"kind": "agent"})
            tokens[name] = issue_token(actor=actor, scopes=scopes)[1]
    connections.close_all()
    for connection in connections.all():
        connection.close_pool()  # type: ignore[attr-defined]
    return tuple(task.pk for task in tasks), tokens


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    tasks, tokens = prepare(plan)
    print(json.dumps({"tasks": tasks}), flush=True)
    if plan.mutant:
        MUTANTS[plan.mutant]()
    habits = Habits(tasks, plan.ttl, plan.pause, time.monotonic() + plan.seconds)
    nursery = Nursery(plan, habits, tokens)
    nursery.run()
    print(json.dumps({"stopped": nursery.stopped, "killed": nursery.killed}), flush=True)


if __name__ == "__main__":
    main()
