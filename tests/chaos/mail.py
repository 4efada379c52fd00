"""Mail under fire: messages stream in while web, worker, Valkey and PostgreSQL are killed, and Slack misbehaves.

Whatever dies, every lead ends with exactly one task and is pushed at least once; doubled only where a sender died with
its message on the way to Slack.
"""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx
import psycopg
import redis

from alai.embedded.process import choose_port
from alai.run.address import answers
from alai.run.parts import end_group, programs
from tests.chaos.place import HOST, READY_SECONDS, ROOT, Place
from tests.inbox.letters import letter
from tests.standins import slack as fate
from tests.standins.llm import LlmStandIn
from tests.standins.slack import TOKEN, SlackStandIn

CHANNEL = "C0CEO"
FEEDERS = 4
VICTIMS = ("worker", "web", "valkey", "postgres")
QUIET_SECONDS = 240.0  # until everything must have come to rest
MISHAPS: list[Callable[[], fate.Behaviour]] = [
    lambda: fate.rate_limited("1"),
    lambda: fate.refused("internal_error"),
    lambda: fate.accepted_then("fatal_error"),
    fate.accepted_then_reset,
    fate.reset,
    lambda: fate.server_error(503),
    lambda: fate.server_error(500, accepted=True),
    lambda: fate.garbage(accepted=True),
]
# What is left to the clock in real life: a dead worker's claims run out.
TIME_PASSES = """
UPDATE kernel_notificationchannel SET locked_until = now(), ready_at = now();
UPDATE inbox_message SET next_try_at = NULL WHERE state <> 'done';
UPDATE inbox_mail SET next_try_at = now() WHERE verdict = 'deferred';
"""
UNFINISHED = """
SELECT (SELECT count(*) FROM inbox_message WHERE state <> 'done')
     + (SELECT count(*) FROM inbox_mail WHERE verdict = 'deferred')
     + (SELECT count(*) FROM inbox_mail WHERE push_due_at IS NOT NULL AND reactor_pushed_at IS NULL)
     + (SELECT count(*) FROM kernel_notification WHERE state IN ('pending', 'sending'))
"""


@dataclass(frozen=True)
class MailRun:
    """How many messages, how many kills, the seconds between them, and how often Slack lets a sender wait in vain."""

    messages: int
    kills: int
    pause: float
    silences: int = 1


@dataclass
class MailVerdict:
    """What a run came to. `broken` holds sentences; none of them means that every promise was kept."""

    leads: int
    kills: Counter[str]
    doubled: int
    seconds: float
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return f"{self.leads} leads in {self.seconds:.0f} s; killed: {killed}; pushed twice: {self.doubled}"


class Parts:
    """Web, worker and beat, each started again when it is dead, as the supervisor does."""

    def __init__(self, place: Place, environment: dict[str, str]) -> None:
        self.port = choose_port(None)
        self._place = place
        self._environment = environment
        self._programs = {one.name: list(one.command) for one in programs(HOST, self.port)}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def tend(self) -> None:
        for name, command in self._programs.items():
            process = self._running.get(name)
            if process is None or process.poll() is not None:
                self._running[name] = self._start(name, command)

    def kill(self, name: str) -> None:
        process = self._running.get(name)
        if process is not None and process.poll() is None:  # else its number may be another's by now
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def wait_for_web(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while not answers(HOST, self.port) and time.monotonic() < until:
            self.tend()
            time.sleep(0.1)

    def stop(self) -> None:
        for process in self._running.values():
            end_group(process, 6)

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        log = (self._place.folder / f"{name}.log").open("ab")
        with log:
            return subprocess.Popen(
                command, env=self._environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )


def perform_mail(place: Place, run: MailRun) -> MailVerdict:
    """Stream the messages in while things die, let everything come to rest, and judge."""
    started = time.monotonic()
    letters = [letter(number) for number in range(run.messages)]
    leads = [number for number, one in enumerate(letters) if one.is_lead]
    with SlackStandIn() as slack, LlmStandIn() as model:
        model.answers("YES")
        slack.misbehave("chat.postMessage", *_mishaps(run))
        token = json.loads(_staged(place))["token"]
        with _parts(place, slack, model) as parts:
            torment = _Torment(place, parts, run)
            with ThreadPoolExecutor(FEEDERS) as pool, torment.going_on():
                # Spread over the kills, so that each finds messages on their way.
                rest = run.kills * run.pause * FEEDERS / run.messages
                list(pool.map(lambda one: _post(parts.port, token, one.account, one.raw, rest), letters))
            torment.last_blow()
            unfinished = _come_to_rest(place, parts)
        texts = "\n".join(slack.texts(CHANNEL))
    counts = {number: texts.count(f"lead {number:04} ") for number in leads}
    verdict = MailVerdict(
        len(leads), torment.kills, sum(count > 1 for count in counts.values()), time.monotonic() - started
    )
    verdict.broken += [f"{unfinished} things never came to rest"] if unfinished else []
    verdict.broken += [f"lead {number} was never pushed" for number, count in counts.items() if not count]
    if verdict.doubled > torment.kills["worker"] + torment.kills["postgres"]:
        verdict.broken.append(f"{verdict.doubled} leads were pushed twice")
    verdict.broken += _in_the_database(place, leads, run.messages)
    if verdict.kills.total() != run.kills:
        verdict.broken.append(
            f"{verdict.kills.total()} kills instead of {run.kills}: the run proves less than it says"
        )
    return verdict


class _Torment:
    """Kills one thing after the other, each kind in turn and at a random moment."""

    def __init__(self, place: Place, parts: Parts, run: MailRun) -> None:
        self.kills: Counter[str] = Counter()
        self._place, self._parts, self._plan = place, parts, run
        self._error: BaseException | None = None

    @contextmanager
    def going_on(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            thread.join()
            if self._error is not None:
                raise self._error

    def last_blow(self) -> None:
        """Everything dies at once, and Valkey forgets what it held: nothing may hang on it."""
        for victim in ("web", "worker", "beat"):
            self._parts.kill(victim)
        _flush(self._place)
        with psycopg.connect(self._place.database, autocommit=True) as connection:
            connection.execute(TIME_PASSES)

    def _run(self) -> None:
        order = [victim for _ in range(-(-self._plan.kills // 4)) for victim in random.sample(VICTIMS, 4)]
        try:
            for victim in order[: self._plan.kills]:
                time.sleep(self._plan.pause * random.uniform(0.3, 1.7))
                self._kill(victim)
                self._parts.tend()
                self._parts.wait_for_web()
        except BaseException as error:
            self._error = error

    def _kill(self, victim: str) -> None:
        if victim == "postgres":
            self._place.kill_postgres()
            self._place.restart_postgres()
        elif victim == "valkey":
            self._place.kill_valkey()
            self._place.restart_servers()
        else:
            self._parts.kill(victim)
            if victim == "worker":  # it is dead for certain: its hold on the channel may run out
                with suppress(psycopg.OperationalError), psycopg.connect(self._place.database) as connection:
                    connection.execute("UPDATE kernel_notificationchannel SET locked_until = now()")
        self.kills[victim] += 1


def _post(port: int, token: str, account: str, raw: bytes, rest: float) -> None:
    """Until it is taken, as every feeder must; then `rest` seconds of quiet."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "message/rfc822"}
    until = time.monotonic() + QUIET_SECONDS
    url = f"http://{HOST}:{port}/api/v1/inbox/messages"
    while True:
        try:
            reply = httpx.post(url, params={"account": account}, content=raw, headers=headers, timeout=20)
            if reply.status_code in (200, 201):
                time.sleep(rest)
                return
            assert reply.status_code >= 500, reply.text
        except httpx.HTTPError:
            pass
        assert time.monotonic() < until, "a message was never taken"
        time.sleep(0.2)


def _come_to_rest(place: Place, parts: Parts) -> int:
    """Until nothing waits any more; answers how much still does when time is up."""
    until = time.monotonic() + QUIET_SECONDS
    waiting = -1
    while time.monotonic() < until:
        parts.tend()
        with psycopg.connect(place.database) as connection:
            row = connection.execute(UNFINISHED).fetchone()
        waiting = int(row[0]) if row else -1
        if waiting == 0:
            return 0
        time.sleep(0.5)
    return waiting


def _in_the_database(place: Place, leads: list[int], messages: int) -> list[str]:
    """What is wrong with tasks, mails and messages."""
    broken = []
    with psycopg.connect(place.database) as connection:
        titles = [
            title
            for (title,) in connection.execute("SELECT title FROM missioncontrol_task WHERE source = 'inbox'")
        ]
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT mail_id), count(*) FILTER (WHERE state <> 'done') FROM inbox_message"
        ).fetchone()
        decisions = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM inbox_decision GROUP BY mail_id, number HAVING count(*) > 1) d"
        ).fetchone()
    for number in leads:
        count = sum(f"lead {number:04} " in title for title in titles)
        broken += [f"lead {number} has {count} tasks"] if count != 1 else []
    if len(titles) != len(leads):
        broken.append(f"{len(titles)} tasks for {len(leads)} leads")
    if rows != (messages, messages, 0):
        broken.append(f"messages, mails, unjudged: {rows} instead of {(messages, messages, 0)}")
    if decisions != (0,):
        broken.append("a decision stands twice")
    return broken


def _mishaps(run: MailRun) -> list[fate.Behaviour]:
    many = [random.choice(MISHAPS)() for _ in range(run.messages // 4)]
    fine = [fate.Behaviour() for _ in range(run.messages // 4)]
    plan = many + fine + [fate.accepted_then_silence() for _ in range(run.silences)]
    random.shuffle(plan)
    return plan


@contextmanager
def _parts(place: Place, slack: SlackStandIn, model: LlmStandIn) -> Iterator[Parts]:
    environment = place.environment | {
        "SLACK_API_URL": slack.url,
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_DEFAULT_CHANNEL": CHANNEL,
        "NOTIFICATION_PACE_SECONDS": "0",
        "INBOX_CYCLE_SECONDS": "1",
        "INBOX_LLM_URL": model.url,
        "LOG_LEVEL": "WARNING",
    }
    parts = Parts(place, environment)
    parts.tend()
    try:
        yield parts
    finally:
        parts.stop()


def _staged(place: Place) -> str:
    stage = place.python("tests.chaos.mail_stage", stdout=subprocess.PIPE)
    told, _ = stage.communicate(timeout=60)
    assert stage.returncode == 0, "the stage could not be set"
    return told.splitlines()[-1]


def _flush(place: Place) -> None:

    with redis.Redis.from_url(place.environment["BROKER_URL"]) as valkey:
        valkey.flushall()
