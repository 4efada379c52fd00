"""Private files in DATA_DIR: locks, logs and the record of ports and password."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from alai.embedded.errors import EmbeddedError, cannot_write

LOG_KEEP_BYTES = 16 * 1024 * 1024


def private_folder(path: Path, mode: int = 0o700) -> None:
    """Create `path` if it is missing; root gives it to the owner of the folder above it,
    so that a DATA_DIR that root used once still works for its owner."""
    try:
        path.mkdir(mode=mode)
        _give_to_owner_of(path.parent, path)
    except FileExistsError:
        return
    except OSError as error:
        raise cannot_write(path, error) from None


def private_file(path: Path) -> IO[str]:
    """Open `path` for appending and reading, readable by its owner alone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        _give_to_owner_of(path.parent, path)
    except OSError as error:
        raise cannot_write(path, error) from None
    return os.fdopen(descriptor, "a+", encoding="utf-8", errors="replace")


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step: a reader or a crash sees the old file or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with private_file(fresh) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def open_log(path: Path) -> IO[str]:
    """Open a server's log for appending; a large one is first set aside as `NAME.1`."""
    if path.exists() and path.stat().st_size > LOG_KEEP_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return private_file(path)


@contextmanager
def locked(path: Path, *, seconds: float, busy: str) -> Iterator[None]:
    """Hold an exclusive lock on `path`; raise `EmbeddedError(busy)` when it is not free in time."""
    with private_file(path) as file:
        wait_for_lock(file, fcntl.LOCK_EX, seconds=seconds, busy=busy)
        yield


def wait_for_lock(file: IO[str], kind: int, *, seconds: float, busy: str) -> None:
    """Take a lock of `kind` (`fcntl.LOCK_SH` or `LOCK_EX`) within `seconds`."""
    deadline = time.monotonic() + seconds
    while not try_lock(file, kind):
        if time.monotonic() >= deadline:
            raise EmbeddedError(busy)
        time.sleep(0.05)


def try_lock(file: IO[str], kind: int) -> bool:
    """Take or convert a lock now, or answer False. The kernel drops it when its holder dies."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass
class Record:
    """What must outlive a start: the generated password and each server's port."""

    path: Path
    password: str
    ports: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read the record, or begin one with a fresh password (saved at once: a database
        whose password was never written down would be lost)."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            record = cls(path, secrets.token_hex(24))
            record.save()
            return record
        except OSError as error:
            raise cannot_write(path, error) from None
        try:
            data = json.loads(text)
            return cls(path, str(data["password"]), {name: int(port) for name, port in data["ports"].items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise EmbeddedError(
                f"{path} is damaged, and it holds the password of the embedded database: "
                "put it back from a backup, or move DATA_DIR away to begin anew."
            ) from None

    def refresh(self) -> None:
        """Learn the ports that another command has chosen since."""
        self.ports = Record.load(self.path).ports

    def save(self) -> None:
        """Write the record in one step."""
        write_private(self.path, json.dumps({"password": self.password, "ports": self.ports}) + "\n")


def _give_to_owner_of(folder: Path, path: Path) -> None:
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
