"""What PostgreSQL and Valkey have in common: adopt it if it runs, else start it, and wait for it."""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import psutil

from alai.embedded import process
from alai.embedded.errors import EmbeddedError, disk_full, require_space
from alai.embedded.files import Record, open_log
from alai.embedded.place import Place

READY_SECONDS = 120.0  # a database that repairs itself after a power cut needs its time
PORT_TRIES = 5
LEAST_MEGABYTES = 50


class Server(ABC):
    """One server of one DATA_DIR. Callers hold the start lock around `ensure`."""

    name: ClassVar[str]
    key: ClassVar[str]
    process_names: ClassVar[tuple[str, ...]]
    stop_signal: ClassVar[signal.Signals]
    stray_signal: ClassVar[signal.Signals]

    def __init__(self, place: Place, record: Record, log: Path) -> None:
        self.place = place
        self.record = record
        self.log = log
        self.folder = place.home / self.key
        self._child: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def pid_file(self) -> Path:
        """The file, in the server's working folder, in which it writes its process id."""

    @abstractmethod
    def url(self) -> str:
        """The address for clients, password included."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes our password and serves; False while it starts or stops."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the folder fit for a start, or raise the sentence that says why it cannot be."""

    @abstractmethod
    def _command(self, port: int) -> list[str]:
        """The command line of the server."""

    def _explain(self, words: str) -> EmbeddedError | None:
        """The sentence for a known cause in the log of a failed start."""
        return None

    @property
    def port(self) -> int:
        """The port of the last start."""
        return self.record.ports[self.key]

    def process(self) -> psutil.Process | None:
        """The running server, whoever started it."""
        if self._child and self._child.poll() is None:
            return psutil.Process(self._child.pid)
        return process.find(self.pid_file, self.process_names)

    def ensure(self) -> None:
        """Come back with a server that answers, started by us or by somebody before us."""
        if not self._adopted():
            self._start()

    def stop(self, seconds: float) -> None:
        """End it cleanly within `seconds`, with a kill after that: both servers repair themselves then."""
        running = self.process()
        if running:
            process.end([running], self.stop_signal, seconds)
        self._end_strays()
        self.process()

    def _end_strays(self) -> None:
        process.end(process.strays(self.folder, self.process_names), self.stray_signal, 2)

    def _adopted(self) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while running := self.process():
            if self.key in self.record.ports and self.answers():
                return True
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"{self.name} (process {running.pid}) runs but has not answered for {READY_SECONDS:.0f} s"
                    f": see {self.log}, or end that process and start again."
                )
            time.sleep(0.05)
        return False

    def _start(self) -> None:
        require_space(self.place.home, LEAST_MEGABYTES)
        self._prepare()
        words = ""
        for _ in range(PORT_TRIES):
            failure = self._try_start(process.choose_port(self.record.ports.get(self.key)))
            if failure is None:
                return
            words = failure
            if "in use" not in words:  # else somebody took the port since we looked
                break
        if "No space left on device" in words:
            raise disk_full(self.place.home)
        raise self._explain(words) or EmbeddedError(
            f"{self.name} did not start ({process.last_words(words)}): {self.log} has the whole story."
        )

    def _try_start(self, port: int) -> str | None:
        """Start once; None when it serves, else what it wrote."""
        self.record.ports[self.key] = port
        self.record.save()
        with open_log(self.log) as log:
            log.seek(0, 2)
            begin = log.tell()
            self._child = process.spawn(self._command(port), log, **self.place.popen())
            deadline = time.monotonic() + READY_SECONDS
            while self._child.poll() is None:
                if self.answers():
                    return None
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"{self.name} is not ready after {READY_SECONDS:.0f} s and goes on trying: "
                        f"see {self.log}, and start again in a while."
                    )
                time.sleep(0.02)
            self._child = None
            log.seek(begin)
            return log.read()
