"""Five hundred listeners, the real supervisor and its web server, and web processes that are killed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from django.db import connection

from alai.embedded.process import choose_port
from tests.cast import Cast, make_task
from tests.cli.desk import Desk
from tests.serving import ROOT
from tests.streams.crowd import Listener, crowd
from tests.streams.listening import eventually, web_workers
from tests.streams.test_resuming import Written

MANY = 500
PATIENCE = 120.0  # seconds, on a machine that others keep busy


@dataclass(frozen=True)
class Web:
    """A supervised web server."""

    supervisor: psutil.Process
    address: str

    def workers(self) -> list[psutil.Process]:
        return web_workers(self.supervisor, self.address)

    def busiest(self) -> psutil.Process:
        """The worker with most streams: one that began to listen late has few."""
        return max(self.workers(), key=lambda one: len(one.net_connections("tcp")))

    def all(self) -> list[psutil.Process]:
        return self.supervisor.children(recursive=True)


@contextmanager
def supervised(folder: Path) -> Iterator[Web]:
    port = choose_port(None)
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    database = {"DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.streams.supervised", str(folder), str(port)],
        cwd=ROOT,
        env={**os.environ, **database, "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "is ready" in process.stdout.readline()
        yield Web(psutil.Process(process.pid), f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mission-control-crowd-"))
    yield folder
    shutil.rmtree(folder)


def all_heard(listeners: list[Listener], count: int) -> bool:
    return all(len(listener.ids) >= count for listener in listeners)


@pytest.mark.timeout(600)
def test_five_hundred_listeners_lose_and_repeat_nothing_through_killed_web_processes(
    cast: Cast, folder: Path, tmp_path: Path
) -> None:
    """A worker is killed, then the server with all its workers; the supervisor brings it back on the same port. One of
    the listeners is `alai mc watch`."""
    task, written, rest = make_task(), Written(), threading.Event()
    with (
        supervised(folder) as web,
        crowd(web.address, [cast.john.token, cast.pi_orch.token], MANY) as listeners,
    ):
        desk = Desk(tmp_path, {"ALAI_MC_URL": web.address, "ALAI_TOKEN": cast.john.token})
        watcher = desk.start("mc", "watch", "--last-event-id", listeners[0].last_id, "--json")
        writers = [
            threading.Thread(target=written.write, args=(task.pk, rest, seed, 0.6)) for seed in range(3)
        ]
        for writer in writers:
            writer.start()
        eventually(lambda: all_heard(listeners, 5), PATIENCE)
        web.busiest().kill()
        eventually(lambda: sum(listener.openings > 1 for listener in listeners) > MANY // 10, PATIENCE)
        for process in web.all():
            process.kill()
        eventually(lambda: all(listener.openings > 1 for listener in listeners), PATIENCE)
        rest.set()
        for writer in writers:
            writer.join()
        eventually(lambda: all_heard(listeners, len(written.ids)), PATIENCE)
        told = [json.loads(watcher.stdout.readline())["id"] for _ in written.ids] if watcher.stdout else []
        watcher.terminate()
        _, remarks = watcher.communicate(timeout=20)
    assert len(written.ids) > 30
    assert sorted(listeners[0].ids) == sorted(written.ids)
    assert [listener.ids for listener in listeners] == [listeners[0].ids] * MANY
    assert told == listeners[0].ids
    assert "nothing was missed" in remarks
