"""`make run`: one process that starts everything, restarts what dies and stops all in order.

    python -m alai.supervisor                               servers, migrations, web, worker, mail, watch and beat
    python -m alai.supervisor web|worker|mail|watch|beat    that part alone, in this very process

Its own remarks go to stderr, the address to stdout; what the parts write passes through as it is.
"""

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import TextIO

from django.core.exceptions import ImproperlyConfigured

from alai.embedded import EmbeddedError, Servers, data_dir
from alai.embedded.files import private_file, private_folder, try_lock
from alai.embedded.place import prepare
from alai.run.address import answers, chosen_address, local_url, require_free
from alai.run.leftovers import end_leftovers, remember
from alai.run.parts import Backoff, Part, Program, end_group, ending, programs

BASE_DIR = Path(__file__).resolve().parent.parent
STOP_SECONDS = 14.0  # a stop is promised within 15
TICK_SECONDS = 0.2
MANAGE = (sys.executable, str(BASE_DIR / "manage.py"))
BOOTSTRAP = (
    *MANAGE,
    "bootstrap",
)  # prints a password once, so it comes when the parts have said what they say


class StopRequested(BaseException):
    """Raised by Ctrl-C, TERM or a closed terminal wherever the supervisor happens to be."""


class Supervisor:
    """Keeps the given programs running on one DATA_DIR until it is told to stop."""

    def __init__(
        self,
        folder: Path,
        address: tuple[str, int],
        parts: Sequence[Program],
        before: Sequence[Sequence[str]] = (),
        once_ready: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.address = address
        self.before = before
        self.once_ready = once_ready
        self.parts = [Part(program) for program in parts]
        self.servers = Servers(folder)
        self.servers_started = 0.0
        self.servers_due: float | None = None  # when dead servers are started again
        self.servers_backoff = Backoff()
        self.ready = False
        self._stopping = self._shielded = False

    def run(self) -> None:
        """Start, watch, stop. Returns after Ctrl-C or TERM; raises EmbeddedError when it cannot start."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        prepare(self.folder)
        with private_file(self.folder / "run.lock") as lock:
            if not try_lock(lock, fcntl.LOCK_EX):
                raise EmbeddedError(
                    f"Mission Control runs already on {self.folder}: stop that one first, "
                    "or give this one another DATA_DIR and PORT."
                )
            try:
                self._start()
                self._watch()
            except StopRequested:
                say("Stopping ...")
            finally:
                self._stopping = True
                self._stop(time.monotonic() + STOP_SECONDS)
            say("Stopped.")

    def _start(self) -> None:
        left = end_leftovers(self.folder / "run.json")
        if left:
            say(f"Ended {left} processes of a supervisor that was killed.")
        require_free(*self.address)
        shutil.rmtree(self.folder / "metrics", ignore_errors=True)
        private_folder(self.folder / "metrics")
        self.servers.start()
        self.servers_started = time.monotonic()
        for command in self.before:
            self._run_once(command)
        for part in self.parts:
            self._spawn(part)

    def _watch(self) -> None:
        while True:
            self._tend_servers(time.monotonic())
            for part in self.parts:
                self._tend(part, time.monotonic())
            if not self.ready and answers(*self.address):
                self.ready = True
                if self.once_ready:
                    self._run_once(self.once_ready)
                say(f"Mission Control is ready at {local_url(*self.address)}", sys.stdout)
            time.sleep(TICK_SECONDS)

    def _tend_servers(self, now: float) -> None:
        if self.servers_due is None:
            dead = self.servers.dead()
            if dead:
                self._postpone_servers(now, f"{' and '.join(dead)} ended.", now - self.servers_started)
        elif now >= self.servers_due:
            self._revive_servers(now)

    def _revive_servers(self, now: float) -> None:
        urls = self.servers.urls
        try:
            self.servers.ensure()
        except EmbeddedError as error:
            self._postpone_servers(now, str(error), lived=0)
            return
        self.servers_due, self.servers_started = None, time.monotonic()
        if self.servers.urls != urls:
            self._restart_parts()

    def _postpone_servers(self, now: float, sentence: str, lived: float) -> None:
        wait = self.servers_backoff.after(lived)
        say(f"{sentence} Starting again in {wait:g} s.")
        self.servers_due = now + wait

    def _restart_parts(self) -> None:
        say("A server had to move to another port; restarting all parts.")
        self._end_parts()
        for part in self.parts:
            self._spawn(part)

    def _tend(self, part: Part, now: float) -> None:
        if part.process is None:
            if now >= part.due:
                self._spawn(part)
        elif part.process.poll() is not None:
            wait = part.backoff.after(now - part.started)
            how = ending(part.process.returncode)
            say(f"{part.program.name} ended ({how}). Starting again in {wait:g} s.")
            part.end(0)
            part.due = now + wait

    def _spawn(self, part: Part) -> None:
        with self._undisturbed():
            part.process = self._popen(part.program.command)
            part.started = time.monotonic()
            remember(self.folder / "run.json", self.parts)

    def _run_once(self, command: Sequence[str]) -> None:
        with self._undisturbed():
            process = self._popen(command)
        try:
            status = process.wait()
        finally:
            end_group(process, 3)
        if status:
            what = " ".join(command[1:3]).replace(f"{BASE_DIR}/", "")
            raise EmbeddedError(f"`{what}` failed ({ending(status)}): what it wrote above says why.")

    def _popen(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            cwd=BASE_DIR,
            env=environment(self.folder, self.servers.urls),
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the parts in order
            umask=0o077,
        )

    def _stop(self, deadline: float) -> None:
        self._end_parts()
        self.servers.leave(max(2.0, deadline - time.monotonic()))
        (self.folder / "run.json").unlink(missing_ok=True)

    def _end_parts(self) -> None:
        for _, stage in groupby(reversed(self.parts), lambda part: part.program.stage or part.program.name):
            parts, begun = list(stage), time.monotonic()
            for part in parts:
                part.ask()
            for part in parts:
                patience = part.program.patience
                if not part.end(max(0.0, begun + patience - time.monotonic())):
                    say(f"{part.program.name} did not stop within {patience:g} s and was killed.")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        first, self._stopping = not self._stopping, True
        if first and not self._shielded:
            raise StopRequested

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Put a stop off until a started process is written down."""
        was_stopping, self._shielded = self._stopping, True
        try:
            yield
        finally:
            self._shielded = False
        if self._stopping and not was_stopping:
            raise StopRequested


def say(sentence: str, stream: TextIO | None = None) -> None:
    """Tell the person at the terminal; a terminal that is gone must not end the supervisor."""
    try:
        print(sentence, file=stream or sys.stderr, flush=True)
    except OSError:
        return


def environment(folder: Path, urls: dict[str, str]) -> dict[str, str]:
    """The environment of every part."""
    ours = {
        "DATA_DIR": str(folder),
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "alai.settings"),
        "PYTHONUNBUFFERED": "1",
    }
    return {**os.environ, **urls, **ours}


def preparations() -> list[Sequence[str]]:
    """Commands that must succeed, one after the other, before the parts start."""
    return [
        [*MANAGE, "migrate", "--noinput", "--verbosity", "0"],
        [*MANAGE, "load_registry", "--first-start"],
    ]


def become(name: str, address: tuple[str, int]) -> None:
    """Become one part, on DATABASE_URL and BROKER_URL or on the servers of a running `make run`."""
    folder = data_dir()
    prepare(folder)
    command = next(program.command for program in programs(*address) if program.name == name)
    if name == "web":
        require_free(*address)
    servers = Servers(folder)
    servers.join()
    private_folder(folder / "metrics")
    os.chdir(BASE_DIR)
    os.umask(0o077)
    os.environ.update(environment(folder, servers.urls))
    require_settings()
    os.execv(command[0], list(command))  # noqa: S606


def require_settings() -> None:
    """Raise EmbeddedError where a part would end with a traceback over what the environment says."""
    try:
        import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    except ImproperlyConfigured as error:
        raise EmbeddedError(str(error)) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; the exit status is 1, after one sentence, when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m alai.supervisor", description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=["web", "worker", "mail", "watch", "beat"], help="run this part alone"
    )
    part: str | None = parser.parse_args(arguments).part
    try:
        address = chosen_address()
        if part:
            become(part, address)
        Supervisor(data_dir(), address, programs(*address), preparations(), BOOTSTRAP).run()
    except EmbeddedError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
