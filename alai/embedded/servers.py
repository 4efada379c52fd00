"""Sharing the servers of one DATA_DIR among all commands that need them.

Each user holds a shared lock on `users.lock`. Starting is serialised by a second lock. Who
leaves tries to make its shared lock exclusive: that succeeds only for the last user, who then
stops the servers while newcomers wait. Locks die with their process, so that kill -9 of
anybody leaves nothing to clean up; the servers go on and the next user adopts them.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from alai.embedded.errors import EmbeddedError
from alai.embedded.files import Record, locked, private_file, private_folder, try_lock, wait_for_lock
from alai.embedded.place import find_place, forget, prepare
from alai.embedded.postgres import Postgres
from alai.embedded.server import Server
from alai.embedded.valkey import Valkey

BASE_DIR = Path(__file__).resolve().parents[2]
KINDS: dict[str, type[Server]] = {"BROKER_URL": Valkey, "DATABASE_URL": Postgres}


def data_dir() -> Path:
    """DATA_DIR from the environment, absolute; `.data` beside manage.py unless set."""
    return Path(os.environ.get("DATA_DIR") or BASE_DIR / ".data").expanduser().resolve()


class Servers:
    """The servers of one DATA_DIR that the environment does not name already.

    `urls` maps DATABASE_URL and BROKER_URL to addresses, without those that are set outside.
    """

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder
        self.urls: dict[str, str] = {}
        self._all: dict[str, Server] = {}
        self._wanted = [variable for variable in KINDS if not os.environ.get(variable)]
        self._users: IO[str] | None = None

    def start(self) -> None:
        """Become a user of the servers and start those that do not run. Raises EmbeddedError."""
        if self._wanted:
            self._become_user()
            self.ensure()

    def join(self) -> None:
        """Become a user, beyond the life of this program image (`exec`), of servers that run already."""
        if not self._wanted:
            return
        self._become_user()
        if self.dead() or not all(self._all[variable].answers() for variable in self._wanted):
            raise EmbeddedError(
                f"No servers run for {self.data_dir}: `make run` starts everything; "
                "to run a part alone, set DATABASE_URL and BROKER_URL."
            )
        self._learn_urls()
        if self._users:
            os.set_inheritable(self._users.fileno(), True)

    def ensure(self) -> None:
        """Start again what has died, with the same password and, unless it was taken, the same port."""
        if not self._wanted:
            return
        with self._starting():
            self._record.refresh()
            for variable in self._wanted:
                self._all[variable].ensure()
            self._learn_urls()

    def dead(self) -> list[str]:
        """The names of servers that should run and do not."""
        return [
            self._all[variable].name for variable in self._wanted if self._all[variable].process() is None
        ]

    def leave(self, seconds: float = 10) -> None:
        """Stop being a user; the last one stops the servers, Valkey first, within about `seconds`."""
        if self._users is None:
            return
        if try_lock(self._users, fcntl.LOCK_EX):
            for server in self._all.values():
                server.stop(seconds / 2)
        self._users.close()
        self._users = None

    def _become_user(self) -> None:
        prepare(self.data_dir)
        private_folder(self.data_dir / "logs")
        self._users = private_file(self.data_dir / "users.lock")
        busy = f"Another command has been stopping the servers of {self.data_dir} for 30 s: try again soon."
        wait_for_lock(self._users, fcntl.LOCK_SH, seconds=30, busy=busy)
        with self._starting():
            self._record = Record.load(self.data_dir / "servers.json")
            place = find_place(self.data_dir)
            for variable, kind in KINDS.items():
                self._all[variable] = kind(place, self._record, self.data_dir / "logs" / f"{kind.key}.log")

    def _learn_urls(self) -> None:
        self.urls = {variable: self._all[variable].url() for variable in self._wanted}

    def _starting(self) -> AbstractContextManager[None]:
        busy = f"Another command has been starting the servers of {self.data_dir} for 150 s: see its logs."
        return locked(self.data_dir / "start.lock", seconds=150, busy=busy)


@contextmanager
def servers(folder: Path | None = None) -> Iterator[dict[str, str]]:
    """Run the block with the servers that the environment does not name; yields their addresses
    (`DATABASE_URL`, `BROKER_URL`). Raises EmbeddedError."""
    ours = Servers(folder or data_dir())
    try:
        ours.start()
        yield ours.urls
    finally:
        ours.leave()


def destroy(folder: Path) -> None:
    """Delete a throw-away DATA_DIR whose servers are stopped, wherever their files are."""
    forget(folder)
    shutil.rmtree(folder, ignore_errors=True)
