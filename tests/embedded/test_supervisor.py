"""One supervisor over stand-ins for web, worker and beat, and over real servers."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alai.embedded.files import Record
from alai.embedded.process import alive, choose_port
from alai.run.parts import Backoff
from tests.embedded.conftest import main_process, servers_of


class Run:
    """A supervisor in a process of its own."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.folder, self.port = folder, port
        with (folder.parent / "remarks").open("ab") as remarks:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.embedded.stand_in", str(folder), str(port), *options],
                stdout=subprocess.PIPE,
                stderr=remarks,
                text=True,
            )

    def ready(self) -> "Run":
        assert self.process.stdout
        assert (
            self.process.stdout.readline() == f"Mission Control is ready at http://127.0.0.1:{self.port}/\n"
        )
        return self

    def parts(self) -> list[psutil.Process]:
        records = json.loads((self.folder / "run.json").read_text())
        return [psutil.Process(record["pid"]) for record in records if psutil.pid_exists(record["pid"])]

    def everything(self) -> list[psutil.Process]:
        return [*psutil.Process(self.process.pid).children(recursive=True), *servers_of(self.folder)]

    def remarks(self) -> str:
        return (self.folder.parent / "remarks").read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send the signal; the seconds it took to stop."""
        begin = time.monotonic()
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        return time.monotonic() - begin


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Run]:
    run = Run(folder, choose_port(None), *options)
    try:
        yield run.ready()
    finally:
        if run.process.poll() is None:
            run.stop()


def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def gone(processes: list[psutil.Process]) -> bool:
    return not [process for process in processes if alive(process)]


def replaced(run: Run, before: list[psutil.Process]) -> bool:
    return len(run.parts()) == len(before) and set(run.parts()) != set(before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_every_process_within_15_seconds(used: Path, number: signal.Signals) -> None:
    with running(used) as run:
        started = run.everything()
        assert len(started) > 5
        assert run.stop(number) < 15
        assert run.process.returncode == 0
        assert gone(started)
        assert run.remarks() == "Stopping ...\nStopped.\n"


def test_a_part_that_ignores_term_is_killed_in_time(used: Path) -> None:
    with running(used, "stubborn") as run:
        started = run.everything()
        assert run.stop() < 15
        assert gone(started)
        assert "worker did not stop within 1 s and was killed." in run.remarks()


def test_parts_of_one_stage_are_asked_to_stop_before_any_is_waited_for(used: Path) -> None:
    with running(used, "together") as run:
        started = run.everything()
        run.stop()
        assert gone(started)
        assert run.remarks() == "Stopping ...\nStopped.\n", (
            "the second ended by itself, once the first was asked"
        )


def test_each_part_that_is_killed_comes_back_and_leaves_no_child_behind(used: Path) -> None:
    with running(used) as run:
        for number, name in enumerate(("web", "worker", "beat")):
            before = run.parts()
            family = [before[number], *before[number].children()]
            before[number].kill()
            eventually(partial(replaced, run, before))
            eventually(partial(gone, family))
            assert f"{name} ended (signal SIGKILL). Starting again in 0.5 s." in run.remarks()
        assert all(alive(process) for process in run.parts())


def test_killed_servers_come_back_at_the_same_addresses_with_their_data(used: Path) -> None:
    with running(used) as run:
        before = Record.load(used / "servers.json")
        for name in ("postgres", "valkey"):
            main_process(used, name).kill()
        eventually(lambda: serves(used))
        assert Record.load(used / "servers.json") == before
        assert "Starting again in 0.5 s." in run.remarks()
        assert "restarting all parts" not in run.remarks()


def test_parts_learn_the_new_address_of_a_server_whose_port_was_taken(used: Path) -> None:
    with running(used) as run:
        before = run.parts()
        port = Record.load(used / "servers.json").ports["valkey"]
        main_process(used, "valkey").kill()
        with seize(port):
            eventually(lambda: "restarting all parts" in run.remarks())
            eventually(lambda: len(run.parts()) == 3 and not set(run.parts()) & set(before))
        moved = Record.load(used / "servers.json").ports["valkey"]
        assert moved != port
        assert f":{moved}/" in run.parts()[1].environ()["BROKER_URL"]


def test_a_second_run_on_the_same_folder_is_refused_in_one_sentence(used: Path) -> None:
    with running(used) as run:
        second = refused(used, choose_port(None))
        assert second == (
            f"error: Mission Control runs already on {used}: stop that one first, "
            "or give this one another DATA_DIR and PORT.\n"
        )
        assert all(alive(process) for process in run.parts())


def test_a_taken_port_is_refused_in_one_sentence_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", choose_port(None))) as other:
        port = other.getsockname()[1]
        assert refused(folder, port) == (
            f"error: Port {port} on 127.0.0.1 is taken by another program: "
            f"stop that one, or choose another port with PORT={port + 1}.\n"
        )
    assert not (folder / "postgres").exists()


def test_a_port_that_another_program_shares_counts_as_taken(folder: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", choose_port(None)))
        other.listen()
        assert "is taken by another program" in refused(folder, other.getsockname()[1])


def test_a_preparation_that_fails_stops_everything_again(used: Path) -> None:
    assert "error: `-c raise SystemExit(1)` failed (exit 1)" in refused(used, choose_port(None), "unprepared")
    assert servers_of(used) == []


def test_what_a_killed_supervisor_left_is_ended_by_the_next(used: Path) -> None:
    with running(used) as killed:
        parts = killed.parts()
        eventually(lambda: len(parts[1].children()) == 1)
        family = [*parts, *parts[1].children()]
        killed.process.kill()
        killed.process.wait()
        assert all(alive(process) for process in family)
        assert killed.process.stdout
        killed.process.stdout.close()
        run = Run(used, killed.port).ready()  # the very port that the left web part held
        assert gone(family)
        assert f"Ended {len(family)} processes of a supervisor that was killed." in run.remarks()
        assert run.stop() < 15
    assert servers_of(used) == []


def test_a_pid_that_was_given_to_a_stranger_is_not_ended(used: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        born = psutil.Process(stranger.pid).create_time()
        (used / "run.json").write_text(json.dumps([{"pid": stranger.pid, "created": born - 100}]))
        with running(used):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_stop_during_the_start_leaves_nothing(folder: Path) -> None:
    run = Run(folder, choose_port(None))
    eventually(lambda: (folder / "postgres.new").exists())
    run.stop()
    assert run.process.returncode == 0
    assert servers_of(folder) == []


def test_a_program_that_dies_young_is_started_ever_more_slowly() -> None:
    backoff = Backoff()
    assert [backoff.after(lived=1) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff.after(lived=3600) == 0.5


def refused(folder: Path, port: int, *options: str) -> str:
    """What a supervisor that cannot start says."""
    run = Run(folder, port, *options)
    run.process.communicate(timeout=30)
    assert run.process.returncode == 1
    return "".join(line for line in run.remarks().splitlines(keepends=True) if line.startswith("error: "))


def serves(folder: Path) -> bool:
    record = Record.load(folder / "servers.json")
    try:
        with (
            psycopg.connect(
                f"postgres://missioncontrol:{record.password}@127.0.0.1:{record.ports['postgres']}/missioncontrol"
            ) as connection,
            redis.Redis(
                port=record.ports["valkey"], password=record.password, retry=Retry(NoBackoff(), 0)
            ) as queue,
        ):
            kept = connection.execute("SELECT answer FROM kept").fetchone()
            return kept == (42,) and queue.llen("celery") == 1
    except (psycopg.OperationalError, redis.RedisError):
        return False


@contextmanager
def seize(port: int) -> Iterator[None]:
    """Listen on a port as soon as it is free."""
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        while True:
            try:
                thief.bind(("127.0.0.1", port))
                break
            except OSError:
                time.sleep(0.005)
        thief.listen()
        yield
