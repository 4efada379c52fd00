"""Incidents on a simulated clock, while worker, sender and database are killed -9 and Slack misbehaves.

Each confirmed failure becomes one incident, each step that came due is told once and soon, whoever was told hears the
end; nothing is lost and nothing doubled but a message whose sender died with it on its way.
"""

import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.chaos.mail import MISHAPS
from tests.chaos.place import Place
from tests.standins import slack as fate
from tests.standins.slack import TOKEN, SlackStandIn

MODULE = "tests.chaos.incident_worker"
CHANNEL = "C0OPS"
T0 = datetime(2026, 5, 8, 12, tzinfo=UTC)
TICK = timedelta(seconds=2)  # as in infra.tasks
AFTER = timedelta(seconds=120 + 600 + 60)  # the rule's duration, its last step, and some room
QUIET_SECONDS = 400.0
PROMISED = 5.0  # seconds of lateness, 99 of 100 steps
TOLD = """
SELECT e.id, e.incident_id, i.told_from, i.steps
FROM infra_incidententry e JOIN infra_incident i ON i.id = e.incident_id
WHERE e.kind = 'told' AND e.id > %s ORDER BY e.id
"""
UNFINISHED = """
SELECT (SELECT count(*) FROM infra_edge WHERE NOT dealt_with)
     + (SELECT count(*) FROM kernel_notification WHERE state IN ('pending', 'sending'))
"""
# Other parts of the soak send notifications too.
NOTICES = "SELECT event, step, text, state FROM kernel_notification WHERE event LIKE 'incident:%'"


@dataclass(frozen=True)
class IncidentRun:
    """How many incidents, over how many seconds of the simulated clock they begin, and how many kills."""

    incidents: int
    spread: float
    kills: int


@dataclass
class IncidentVerdict:
    """What a run came to. `broken` holds sentences; none of them means that every promise was kept."""

    incidents: int
    told: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    lateness: list[float] = field(default_factory=list)
    doubled: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        ordered = sorted(self.lateness)
        return ordered[int(len(ordered) * 0.99)] if ordered else 0.0

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return (
            f"{self.incidents} incidents, {self.told} steps told in {self.seconds:.0f} s; killed: {killed}; "
            f"99 of 100 steps within {self.p99:.1f} s; sent twice: {self.doubled}"
        )


@dataclass(frozen=True)
class Story:
    """A check's failure and, perhaps, its recovery, in seconds of the simulated clock."""

    check: int
    down: float
    up: float | None


def perform_incidents(place: Place, run: IncidentRun, chance: random.Random | None = None) -> IncidentVerdict:
    """Let the stories happen while things die, let everything come to rest, and judge."""
    started = time.monotonic()
    chance = chance or random.Random()
    with SlackStandIn() as slack:
        slack.misbehave("chat.postMessage", *_mishaps(run, chance))
        place.environment |= {
            "SLACK_API_URL": slack.url, "SLACK_BOT_TOKEN": TOKEN, "SLACK_DEFAULT_CHANNEL": CHANNEL,
            "NOTIFICATION_PACE_SECONDS": "0", "NOTIFICATION_COALESCE_AFTER": "100000", "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        stories = _stories(_stage(place, run.incidents), run, chance)
        with _Stage(place, stories, run, chance) as stage:
            stage.play()
            unfinished = stage.come_to_rest()
        verdict = IncidentVerdict(run.incidents, kills=stage.kills, lateness=stage.lateness)
        verdict.broken += [f"{unfinished} things never came to rest"] if unfinished else []
        texts = Counter(text for target in _targets(place) for text in slack.texts(target))
    verdict.seconds = time.monotonic() - started
    _judge(place, stories, texts, verdict)
    if verdict.kills.total() != run.kills:
        verdict.broken.append(
            f"{verdict.kills.total()} kills instead of {run.kills}: the run proves less than it says"
        )
    return verdict


class _Stage:
    """The simulated clock, a worker with another standing by, and a sender."""

    def __init__(self, place: Place, stories: list[Story], run: IncidentRun, chance: random.Random) -> None:
        self.kills: Counter[str] = Counter()
        self.lateness: list[float] = []
        self._place, self._chance, self._run = place, chance, run
        self._edges = sorted(
            [(story.down, story.check, "up", "down") for story in stories]
            + [(story.up, story.check, "down", "up") for story in stories if story.up is not None]
        )
        self._seen = 0
        self._now = T0
        self._told: Counter[int] = Counter()

    def __enter__(self) -> "_Stage":
        self._worker, self._spare = _Worker(self._place), _Worker(self._place)
        self._sender = self._place.python(MODULE, "deliver")
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (self._worker, self._spare):
            worker.kill()
        self._sender.kill()
        self._sender.wait()

    def play(self) -> None:
        end = T0 + timedelta(seconds=max(at for at, *_ in self._edges)) + AFTER
        ticks = int((end - T0) / TICK)
        doomed = sorted(self._chance.sample(range(ticks), self._run.kills))
        number = 0
        while self._now < end:
            begin = time.monotonic()
            self._happen()
            if doomed and number >= doomed[0]:
                doomed.pop(0)
                self._kill(self._chance.choice(["worker", "worker", "sender", "postgres"]))
            else:
                self._worker.tick(self._now)
            self._harvest()
            # The clock never stands still while something is repaired.
            self._now += max(TICK, timedelta(seconds=time.monotonic() - begin))
            number += 1

    def come_to_rest(self) -> int:
        """Until nothing waits any more; answers how much still does when time is up."""
        until, waiting = time.monotonic() + QUIET_SECONDS, -1
        while time.monotonic() < until and waiting:
            if self._sender.poll() is not None:
                self._sender = self._place.python(MODULE, "deliver")
            self._worker.tick(self._now)
            self._harvest()
            with psycopg.connect(self._place.database, autocommit=True) as connection:
                # What is left to the clock in real life: a dead sender's hold runs out, a pause ends.
                connection.execute(
                    "UPDATE kernel_notificationchannel SET locked_until = now(), ready_at = now()"
                )
                row = connection.execute(UNFINISHED).fetchone()
            waiting = int(row[0]) if row else -1
            time.sleep(0.3)
        return waiting

    def _happen(self) -> None:
        """The edges whose time has come, as the prober writes them."""
        due = []
        while self._edges and T0 + timedelta(seconds=self._edges[0][0]) <= self._now:
            due.append(self._edges.pop(0))
        if due:
            with (
                psycopg.connect(self._place.database, autocommit=True) as connection,
                connection.cursor() as cursor,
            ):
                cursor.executemany(
                    "INSERT INTO infra_edge (check_record_id, at, before, after, detail, dealt_with) "
                    "VALUES (%s, %s, %s, %s, 'no answer', false)",
                    [(check, T0 + timedelta(seconds=at), before, after) for at, check, before, after in due],
                )  # fmt: skip

    def _kill(self, victim: str) -> None:
        self.kills[victim] += 1
        if victim == "sender":
            self._sender.kill()
            self._sender.wait()
            self._worker.tick(self._now)
            with psycopg.connect(self._place.database, autocommit=True) as connection:
                connection.execute("UPDATE kernel_notificationchannel SET locked_until = now()")
            self._sender = self._place.python(MODULE, "deliver")
            return
        self._worker.ask(self._now)
        time.sleep(self._chance.uniform(0, 0.03))  # it is in the middle of its tick
        if victim == "worker":
            self._worker.kill()
            self._worker, self._spare = self._spare, _Worker(self._place)
            return
        self._place.kill_postgres()
        self._place.restart_postgres()
        self._worker.answer()

    def _harvest(self) -> None:
        """How late the steps were that this tick told."""
        with psycopg.connect(self._place.database) as connection:
            rows = connection.execute(TOLD, [self._seen]).fetchall()
        for pk, incident, told_from, steps in rows:
            due = told_from + timedelta(seconds=steps[self._told[incident]]["after_seconds"])
            self._told[incident] += 1
            self._seen = pk
            self.lateness.append((self._now - due).total_seconds())


class _Worker:
    """A process that ticks when it is told to."""

    def __init__(self, place: Place) -> None:
        self._process = place.python(MODULE, "ticks", stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tick(self, now: datetime) -> None:
        self.ask(now)
        self.answer()

    def ask(self, now: datetime) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{now.isoformat()}\n")
        self._process.stdin.flush()

    def answer(self) -> None:
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if said == "ready":
            said = self._process.stdout.readline().strip()
        assert said == "done" or said.startswith("failed"), f"the worker said: {said}"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def _stories(checks: list[int], run: IncidentRun, chance: random.Random) -> list[Story]:
    """Half of them recover, some before anybody is told, some later; the others stay and climb to the end."""
    found = []
    for check in checks:
        down = chance.uniform(0, run.spread)
        found.append(Story(check, down, down + chance.uniform(5, 700) if chance.random() < 0.5 else None))
    return found


def _mishaps(run: IncidentRun, chance: random.Random) -> list[fate.Behaviour]:
    plan = [chance.choice(MISHAPS)() for _ in range(run.incidents // 20)]
    plan += [fate.Behaviour() for _ in range(run.incidents)]
    chance.shuffle(plan)
    return plan


def _stage(place: Place, count: int) -> list[int]:
    child = place.python(MODULE, "stage", str(count), stdout=subprocess.PIPE)
    told, _ = child.communicate(timeout=120)
    assert child.returncode == 0, "the stage could not be set"
    return [int(part) for part in told.splitlines()[-1].split(",")]


def _targets(place: Place) -> set[str]:
    with psycopg.connect(place.database) as connection:
        return {name for (name,) in connection.execute("SELECT DISTINCT channel FROM kernel_notification")}


def _judge(place: Place, stories: list[Story], texts: Counter[str], verdict: IncidentVerdict) -> None:
    with psycopg.connect(place.database) as connection:
        incidents = connection.execute(
            "SELECT i.check_record_id, i.id, i.step, i.state, i.opened_at, i.resolved_at FROM infra_incident i"
        ).fetchall()
        notices = connection.execute(NOTICES).fetchall()
        entries = Counter(
            connection.execute(
                "SELECT incident_id, text FROM infra_incidententry WHERE kind = 'told'"
            ).fetchall()
        )
    by_check: dict[int, list[tuple[Any, ...]]] = {}
    for check, *rest in incidents:
        by_check.setdefault(check, []).append(tuple(rest))
    for story in stories:
        found = by_check.get(story.check, [])
        if len(found) != 1:
            verdict.broken.append(f"check {story.check} has {len(found)} incidents")
            continue
        _pk, step, state, _opened, _resolved = found[0]
        wanted = _steps(story)
        if step not in wanted:
            verdict.broken.append(f"check {story.check}: {step} steps told instead of {wanted}")
        if state != ("open" if story.up is None else "resolved"):
            verdict.broken.append(f"check {story.check} is {state}")
    verdict.broken += [
        f"a step of incident {pk} stands twice: {text}" for (pk, text), n in entries.items() if n > 1
    ]
    verdict.told = sum(entries.values())
    steps = Counter(event for event, step, *_ in notices if step.startswith("step "))
    if sum(steps.values()) != verdict.told:
        verdict.broken.append(f"{verdict.told} steps told, {sum(steps.values())} notifications")
    verdict.broken += [
        f"a notification is {state}: {text[:60]}" for _, _, text, state in notices if state != "sent"
    ]
    for text, count in Counter(text for _, _, text, _ in notices).items():
        sent = texts[text]
        if sent < count:
            verdict.broken.append(f"never arrived: {text[:80]}")
        verdict.doubled += max(0, sent - count)
    deaths = verdict.kills["sender"] + verdict.kills["postgres"]
    if verdict.doubled > deaths:
        verdict.broken.append(f"{verdict.doubled} messages arrived twice, and only {deaths} senders died")
    if verdict.p99 >= PROMISED:
        verdict.broken.append(f"99 of 100 steps within {verdict.p99:.1f} s, promised are {PROMISED:g} s")


def _steps(story: Story) -> set[int]:
    """How many steps must have been told: 120 s after its beginning, then 300 and 600 s later.

    Near a boundary a recovery may come just before or just after the step.
    """
    if story.up is None:
        return {3}
    lasted = story.up - story.down
    sure = [bound for bound in (120, 420, 720) if lasted > bound + 30]
    perhaps = [bound for bound in (120, 420, 720) if bound <= lasted <= bound + 30]
    return {len(sure), len(sure) + len(perhaps)}
