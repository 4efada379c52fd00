"""`alai mc hold`: a lease that lives as long as a command runs, and a command that ends when its lease is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time

from alai.cli.errors import REFUSED, CliError, Refused, Unreachable, Usage
from alai.cli.mc import output
from alai.cli.mc.leasing import minutes
from alai.cli.mc.ledger import Ledger, open_ledger
from alai.cli.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from alai.cli.options import Given

GRACE = 10
RETRY = 2.0  # seconds between tries while the server is away
PASSED_ON = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2")
FROM_KEYS = ("SIGINT", "SIGQUIT")
NOT_FOUND, NOT_RUNNABLE = 127, 126


def hold(given: Given) -> int:
    """Claim, run, release. The child's exit code, 128 + its signal, or 1 when the lease was lost."""
    if not given.rest:
        raise Usage("Say what to run after `--`: alai mc hold 99927 -- make deploy.")
    ledger, number, lasts = open_ledger(given), given.whole("ID"), 60 * minutes(given)
    every = min(given.whole("every-seconds", lasts // 3), lasts // 3)
    asked = time.monotonic()
    grant = ledger.claim(number, minutes(given))
    _say(output.held(number, grant["holder"], grant["lease_until"]))
    try:
        child = _Child(given.rest, ledger)
    except OSError as error:
        _release(ledger, number)
        _say(f"{given.rest[0]} cannot be run: {error.strerror}.")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUNNABLE
    grace = given.whole("grace-seconds", GRACE)
    keeper = _Keeper(ledger, number, child, lasts=lasts, every=every, grace=grace, asked=asked)
    code = child.wait(keeper)
    if keeper.lost:
        return REFUSED
    ledger.limit(keeper.timeout)
    _release(ledger, number)
    return code


class _Child:
    """The command, in a process group of its own unless it shares our terminal."""

    def __init__(self, command: list[str], ledger: Ledger) -> None:
        environment = {**os.environ, "ALAI_SESSION": ledger.session}
        if ledger.actor:
            environment["ALAI_ACTOR"] = ledger.actor
        self._shares_terminal = _in_foreground()
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []  # signals from before there was a process to pass them to
        numbers = [getattr(signal, name) for name in PASSED_ON]
        self._handlers = {number: signal.signal(number, self._pass_on) for number in numbers}
        try:
            group = None if self._shares_terminal else 0
            self._process = subprocess.Popen(command, env=environment, process_group=group)
        except OSError:
            self._restore_handlers()
            raise
        for number in self._early:
            self.send(number)

    def wait(self, keeper: _Keeper) -> int:
        assert self._process is not None
        keeper.start()
        try:
            code = self._process.wait()
        finally:
            keeper.stop()
            self._restore_handlers()
        return 128 - code if code < 0 else code

    def ended(self, seconds: float) -> bool:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode is not None

    def send(self, number: int) -> None:
        """To everything that the command started; at a shared terminal to the command alone."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if self._shares_terminal:
                self._process.send_signal(number)
            else:
                os.killpg(self._process.pid, number)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """The keys of a shared terminal have reached the command already."""
        if self._process is None:
            self._early.append(number)
        elif not (self._shares_terminal and signal.Signals(number).name in FROM_KEYS):
            self.send(number)

    def _restore_handlers(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


class _Keeper(threading.Thread):
    """Extends the lease; when it is lost, or about to run out unextended, ends the child."""

    def __init__(
        self,
        ledger: Ledger,
        task: int,
        child: _Child,
        *,
        lasts: float,
        every: float,
        grace: float,
        asked: float,
    ) -> None:
        """`lasts`, `every` and `grace` in seconds; `asked` is the monotonic time of the claim."""
        super().__init__(daemon=True)
        self.lost = False
        self._ledger, self._task, self._child = ledger, task, child
        self._lasts, self._every = lasts, every
        # Before the lease runs out the child has had its grace: nobody else can hold the task while it works.
        self._grace = grace
        self._margin = min(grace, lasts / 3)
        self._sure_until = asked + lasts
        self.timeout = ledger.settings.timeout
        self._done = threading.Event()

    def stop(self) -> None:
        self._done.set()
        self.join(timeout=2 * self.timeout)

    def run(self) -> None:
        pause = self._every
        while not self._done.wait(pause):
            asked = time.monotonic()
            try:
                # An exchange may be tried twice, and must not outlast the lease.
                self._ledger.limit(min(self.timeout, max(self._left() / 2, 0.1)))
                self._ledger.extend(self._task, max(1, round(self._lasts / 60)))
            except Refused as refusal:
                if self._ledger.fences.kept(self._task) is not None:
                    self._lose(refusal.sentence)
                return  # else the command has finished or released the task itself
            except CliError as away:
                _say(f"The lease of task {self._task} could not be extended yet: {away.sentence}")
                pause = min(RETRY, self._left())
            else:
                self._sure_until = asked + self._lasts
                pause = self._every
            if self._left() <= 0:
                self._lose("it runs out and nobody answers")
                return

    def _left(self) -> float:
        """Seconds until the child has to be told, so that it is gone when the lease runs out."""
        return self._sure_until - self._margin - time.monotonic()

    def _lose(self, why: str) -> None:
        self.lost = True
        _say(f"The lease of task {self._task} is lost ({why.rstrip('.')}); the command is told to stop.")
        self._child.send(signal.SIGTERM)
        if not self._child.ended(self._grace):
            _say(f"The command did not stop within {self._grace} seconds and is killed.")
            self._child.send(signal.SIGKILL)


def _release(ledger: Ledger, number: int) -> None:
    """The command's own result stands whatever comes of this: an unreleased lease runs out by itself."""
    try:
        if ledger.fences.kept(number) is not None:
            ledger.release(number)
    except (Refused, Unreachable) as error:
        _say(f"The lease of task {number} was not released: {error.sentence}")


def _in_foreground() -> bool:
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(stream) == os.getpgrp()
    return False


def _say(sentence: str) -> None:
    say(f"alai: {sentence}")
