"""A Mission Control of one's own: throw-away servers with the schema in them, free to be killed."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from alai import embedded
from alai.embedded.files import private_folder
from alai.embedded.process import choose_port
from alai.run.address import answers
from alai.run.parts import end_group, programs
from alai.supervisor import environment

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
NAMED_OUTSIDE = ("DATABASE_URL", "BROKER_URL", "DATA_DIR", "DEBUG")
READY_SECONDS = 30.0


class Place:
    """Servers under a DATA_DIR of their own. `environment` is for programs that shall use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        set_aside = {name: os.environ.pop(name) for name in NAMED_OUTSIDE if name in os.environ}
        try:
            self._servers = embedded.Servers(folder)
            self._servers.start()
        finally:
            os.environ.update(set_aside)
        private_folder(folder / "metrics")
        self.environment = {
            **environment(folder, self._servers.urls),
            "DJANGO_SETTINGS_MODULE": "alai.settings",
            "SECRET_KEY": secrets.token_urlsafe(50),
        }

    @property
    def database(self) -> str:
        return self._servers.urls["DATABASE_URL"]

    def manage(self, *arguments: str, patience: float = 120) -> str:
        """Run a management command for at most so many seconds; what it printed."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=patience,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} failed: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def python(self, module: str, *arguments: str, **pipes: int) -> "subprocess.Popen[str]":
        """Start one of the project's modules on these servers."""
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, env=self.environment, cwd=ROOT, text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def kill_postgres(self) -> None:
        """Kill -9 of PostgreSQL and all its children, as a power cut would."""
        with psycopg.connect(self.database) as connection:
            postmaster = psutil.Process(connection.info.backend_pid).parent()
        assert postmaster is not None
        for process in [postmaster, *postmaster.children(recursive=True)]:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        postmaster.wait(10)

    def kill_valkey(self) -> None:
        """Kill -9 of our own Valkey: one that merely listens on its old port may be somebody else's."""
        running = self._servers._all["BROKER_URL"].process()
        if running is not None:
            running.kill()
            running.wait(10)

    def restart_servers(self) -> None:
        """What died, on the same data and port."""
        self._servers.ensure()

    def restart_postgres(self) -> None:
        """On the same data and port."""
        before = self.database
        self._servers.ensure()
        assert self.database == before, "somebody took the port meanwhile"

    @contextmanager
    def web(self) -> Iterator[int]:
        """The web server as `make run` starts it; yields its port."""
        port = choose_port(None)
        command = programs(HOST, port)[0].command
        log = self.folder / "web.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(command),
                env=self.environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not answers(HOST, port):
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.05)
            yield port
        finally:
            end_group(process, 6)

    def leave(self) -> None:
        self._servers.leave()
        embedded.destroy(self.folder)


@contextmanager
def throw_away() -> Iterator[Place]:
    """Fresh servers with the schema; nothing of them is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mission-control-chaos-"))
    folder.chmod(0o711)  # as root, the servers run as another account that must be able to enter
    place = Place(folder)
    try:
        place.manage("migrate", "--noinput", "--verbosity", "0")
        yield place
    finally:
        place.leave()
