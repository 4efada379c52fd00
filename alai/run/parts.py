"""The parts of Mission Control (web, worker, mail, beat) as processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from alai.embedded import EmbeddedError

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0


@dataclass(frozen=True)
class Program:
    """A part to keep running. `patience`: seconds between TERM and kill when all stops, one stage after the other."""

    name: str
    command: Sequence[str]
    patience: float
    stage: str = ""


@dataclass
class Backoff:
    """How long to wait before the next start: 0.5 s, doubled up to 30 s while it keeps dying young."""

    delay: float = FIRST_DELAY

    def after(self, lived: float) -> float:
        """The wait in seconds after a life of `lived` seconds."""
        wait = FIRST_DELAY if lived > LONGEST_DELAY else self.delay
        self.delay = min(wait * 2, LONGEST_DELAY)
        return wait


@dataclass
class Part:
    """A program with its present process; `started` and `due` are monotonic seconds."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    backoff: Backoff = field(default_factory=Backoff)
    asked: bool = False  # to stop

    def ask(self) -> None:
        """TERM, without waiting; `end` follows."""
        if self.process is not None:
            self.asked = True
            self.process.terminate()

    def end(self, patience: float) -> bool:
        """TERM, wait up to `patience` seconds, kill what is left of its process group. False when the
        kill was needed for the process itself."""
        process, asked = self.process, self.asked
        self.process, self.asked = None, False
        return process is None or end_group(process, patience, asked=asked)


def programs(host: str, port: int) -> list[Program]:
    """The parts, in the order in which they start and the reverse of which they stop, the workers together.

    The patience of the stages adds up to less than the 15 s of a stop.
    """
    serve = f"granian --interface asginl --host {host} --port {port} --workers 2 --no-ws"
    # Each open stream counts as a request under way: one worker must be able to hold them all.
    room = "--backlog 2048 --backpressure 2048"
    # Streams stay open until their worker is killed, hence the time-out.
    keep = "--respawn-failed-workers --workers-kill-timeout 5 --log-level warning alai.asgi:application"
    # Threads, since forked workers crash on macOS (Objective-C).
    work = "celery -A alai --quiet worker --pool threads --without-gossip --without-mingle -l info"
    # Mail waits for other people's servers, so it has a worker of its own: see docs/mail-accounts.md.
    mail = f"--queues mail --hostname mail@%h --concurrency {mail_threads()}"
    # Looking round never delays a mail or an escalation, nor the other way round.
    look = "--queues watch --hostname watch@%h --concurrency 2"
    tick = "celery -A alai --quiet beat --scheduler alai.beat:Scheduler -l info"
    return [
        Program("web", _python(f"{serve} {room} {keep}"), 6.0, "web"),
        Program("worker", _python(f"{work} --concurrency 4"), 4.0, "workers"),
        Program("mail", _python(f"{work} {mail}"), 4.0, "workers"),
        Program("watch", _python(f"{work} {look}"), 4.0, "workers"),
        Program("beat", _python(tick), 2.0, "beat"),
    ]


def mail_threads() -> int:
    """MAIL_THREADS from the environment: how many accounts are looked into at once."""
    text = os.environ.get("MAIL_THREADS") or "8"
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 200):
        raise EmbeddedError(f"MAIL_THREADS={text} is no number from 1 to 200.")
    return int(text)


def _python(module: str) -> list[str]:
    # Celery's warning is about pickled messages, which are not accepted here.
    return [sys.executable, "-W", "ignore:You're running the worker with superuser", "-m", *module.split()]


def end_group(process: subprocess.Popen[bytes], patience: float, *, asked: bool = False) -> bool:
    """End a process that leads its own group, and the group with it: a web worker that outlived its
    master would go on serving the port. False when it had to be killed."""
    stopped = True
    if not asked:  # Celery takes a second TERM for impatience
        process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        stopped = False
    with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so with EPERM
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return stopped


def ending(status: int) -> str:
    """An exit status in words."""
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit {status}"
