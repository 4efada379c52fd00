"""Throw-away DATA_DIRs of their own, apart from the servers that the other tests share."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from alai import embedded
from alai.embedded import servers
from alai.embedded.place import POINTER

SERVER_NAMES = {"postgres", "valkey-server", "redis-server"}


@pytest.fixture(autouse=True)
def _no_servers_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DATABASE_URL", "BROKER_URL", "PG_BIN", "VALKEY_BIN", "HOST", "PORT", "DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty DATA_DIR that any account may enter; nothing of it survives the test."""
    parent = Path(tempfile.mkdtemp(prefix="mission-control-embedded-"))
    parent.chmod(0o755)
    data = parent / "data"
    try:
        yield data
    finally:
        for process in [*supervisors_of(data), *servers_of(data)]:
            process.kill()
        embedded.destroy(data)
        shutil.rmtree(parent)


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A DATA_DIR with one row and one waiting job, made once; its servers are stopped."""
    parent = Path(tempfile.mkdtemp(prefix="mission-control-embedded-"))
    parent.chmod(0o755)
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DATABASE_URL", raising=False)
        environment.delenv("BROKER_URL", raising=False)
        with servers(parent / "data") as urls, psycopg.connect(urls["DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            with redis.Redis.from_url(urls["BROKER_URL"]) as queue:
                queue.lpush("celery", "a job that waits")
    yield parent / "data"
    embedded.destroy(parent / "data")
    shutil.rmtree(parent)


@pytest.fixture
def used(template: Path, folder: Path) -> Path:
    """A copy of the template: a DATA_DIR that was started and stopped before."""
    subprocess.run(["cp", "-a", template, folder], check=True)
    return folder


def homes(data: Path) -> list[Path]:
    """The folders in which servers of this DATA_DIR may work."""
    pointer = data / POINTER
    return [data, Path(pointer.read_text().strip())] if pointer.exists() else [data]


def servers_of(data: Path) -> list[psutil.Process]:
    """All live server processes that work in this DATA_DIR."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.name() in SERVER_NAMES and any(
                Path(process.cwd()).is_relative_to(home) for home in homes(data)
            )
        except (psutil.Error, OSError):
            continue
        if ours:
            found.append(process)
    return found


def asked[T](data: Path, question: Callable[[psutil.Process], T]) -> list[T]:
    """What the server processes of this DATA_DIR answer, but for those that end meanwhile (PostgreSQL's sessions)."""
    answers = []
    for process in servers_of(data):
        with suppress(psutil.NoSuchProcess):
            answers.append(question(process))
    return answers


def supervisors_of(data: Path) -> list[psutil.Process]:
    """What a failed test left: its supervisor and that one's parts."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(data) in process.cmdline() or process.environ().get("DATA_DIR") == str(data):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def main_process(data: Path, name: str) -> psutil.Process:
    """The running PostgreSQL (`postgres`) or Valkey (`valkey`) of this DATA_DIR."""
    pid_file = {"postgres": "postgres/postmaster.pid", "valkey": "valkey/valkey.pid"}[name]
    home = homes(data)[-1]
    return psutil.Process(int((home / pid_file).read_text().split()[0]))


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start servers as another account")
