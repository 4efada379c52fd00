"""Damage and bad luck: each trap works, or ends in one sentence that says what to do."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from alai.embedded import EmbeddedError, servers
from alai.embedded.place import find_place
from tests.embedded.conftest import main_process, servers_of


def assert_intact(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    with redis.Redis.from_url(urls["BROKER_URL"]) as queue:
        assert queue.llen("celery") == 1


def sentence(folder: Path) -> str:
    """What a start on `folder` is refused with; nothing may run afterwards."""
    with pytest.raises(EmbeddedError) as refusal, servers(folder):
        pass
    assert servers_of(folder) == []
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_both_servers_killed_with_9_come_back_with_their_data(used: Path) -> None:
    with servers(used):
        for name in ("postgres", "valkey"):
            main_process(used, name).kill()
    with servers(used) as urls:
        assert_intact(urls)


def test_sessions_that_outlive_a_killed_postmaster_are_ended_first(used: Path) -> None:
    with servers(used) as urls, psycopg.connect(urls["DATABASE_URL"]) as busy:
        backend = psutil.Process(busy.info.backend_pid)
        backend.suspend()
        main_process(used, "postgres").kill()
        busy.close()
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    with servers(used) as urls:
        assert_intact(urls)


def test_a_pid_file_that_names_nobody_is_ignored(used: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    leave_pid_files(used, gone.pid)
    with servers(used) as urls:
        assert_intact(urls)


def test_a_pid_file_that_names_a_strangers_process_is_ignored_and_the_stranger_lives(used: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"], **find_place(used).popen())
    try:
        leave_pid_files(used, stranger.pid)
        with servers(used) as urls:
            assert_intact(urls)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def leave_pid_files(data: Path, pid: int) -> None:
    (data / "postgres/postmaster.pid").write_text(f"{pid}\n{data}/postgres\n1790000000\n20000\n\n127.0.0.1\n")
    (data / "valkey/valkey.pid").write_text(f"{pid}\n")


def test_a_port_that_was_taken_meanwhile_is_replaced(used: Path) -> None:
    before = json.loads((used / "servers.json").read_text())["ports"]
    with (
        socket.create_server(("127.0.0.1", before["postgres"])),
        socket.create_server(("127.0.0.1", before["valkey"])),
        servers(used) as urls,
    ):
        assert_intact(urls)
        after = json.loads((used / "servers.json").read_text())["ports"]
    assert not set(after.values()) & set(before.values())


def test_data_of_another_major_version_is_refused_with_the_way_out(used: Path) -> None:
    (used / "postgres/PG_VERSION").write_text("14\n")
    assert "is of PostgreSQL 14" in (said := sentence(used))
    assert "PG_BIN" in said


def test_an_installed_postgresql_is_used_when_pg_bin_names_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not installed:
        pytest.skip("no PostgreSQL is installed beside the wheel")
    monkeypatch.setenv("PG_BIN", str(installed[-1].parent))
    with servers(folder) as urls, psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert str(connection.info.server_version // 10000) == installed[-1].parent.parent.name
    monkeypatch.delenv("PG_BIN")
    if installed[-1].parent.parent.name != "18":
        assert "is of PostgreSQL" in sentence(folder)


def test_an_initdb_that_was_killed_half_way_leaves_nothing_behind(folder: Path) -> None:
    half = folder / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with servers(folder):
        assert not half.exists()


@pytest.mark.parametrize("variable", ["PG_BIN", "VALKEY_BIN"])
def test_programs_that_do_not_run_here_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "/nowhere/bin")
    assert sentence(folder).startswith(
        f"{variable}=/nowhere/bin holds no" if variable == "PG_BIN" else variable
    )


def test_a_platform_without_programs_is_told_to_name_servers(folder: Path) -> None:
    script = "import sys; from alai import embedded\nwith embedded.servers(): pass"
    bare = f"import sys, importlib.util as u; u.find_spec = lambda name: None; {script.split('; ', 1)[1]}"
    environment = {"PATH": "/nowhere", "DATA_DIR": str(folder)}
    result = subprocess.run(
        [sys.executable, "-c", bare], env=environment, capture_output=True, text=True, check=False
    )
    assert "There is no Valkey for this platform" in result.stderr
    assert "BROKER_URL" in result.stderr


def test_a_queue_that_cannot_be_read_says_which_folder_to_move(used: Path) -> None:
    base, *_ = sorted((used / "valkey/appendonlydir").glob("*.incr.aof"))
    base.write_bytes(b"*3\r\n$5\r\nLPUSH\r\nthis is no append-only file\r\n" + base.read_bytes())
    assert f"Valkey cannot read its queue in {used / 'valkey'}: move that folder away" in sentence(used)
    shutil.move(used / "valkey", used / "valkey.away")
    with servers(used):
        pass


def test_a_queue_whose_last_write_was_cut_off_is_read(used: Path) -> None:
    last, *_ = sorted((used / "valkey/appendonlydir").glob("*.incr.aof"))
    with last.open("ab") as file:
        file.write(b"*3\r\n$5\r\nLPU")
    with servers(used) as urls:
        assert_intact(urls)


def test_a_folder_that_is_no_database_is_left_alone(folder: Path) -> None:
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres/diary.txt").write_text("mine")
    folder.chmod(0o711)
    assert "is no PostgreSQL data folder" in sentence(folder)
    assert (folder / "postgres/diary.txt").read_text() == "mine"


def test_a_damaged_record_is_named(used: Path) -> None:
    (used / "servers.json").write_text('{"password": "ha')
    assert "servers.json is damaged" in sentence(used)


def test_a_record_that_belongs_to_another_database_is_named(used: Path) -> None:
    record = json.loads((used / "servers.json").read_text())
    (used / "servers.json").write_text(json.dumps({**record, "password": "other"}))
    assert "does not open the database" in sentence(used)


def test_a_data_dir_below_a_file_is_refused(folder: Path) -> None:
    folder.write_text("I am a file")
    assert "cannot be used" in sentence(folder / "data")
    assert "cannot be used" in sentence(folder)
    folder.unlink()


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system with room for one cluster and little more."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=220m,mode=711", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if os.geteuid() != 0 or mounted.returncode:
        pytest.skip("a small file system cannot be mounted here (root only)")
    yield folder
    for process in servers_of(folder):
        process.kill()
        process.wait()
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Leave `leave` megabytes on the disk of `folder`."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - leave * 1024 * 1024)
    return ballast


def test_a_full_disk_is_named_at_each_start_and_works_again_with_room(small_disk: Path) -> None:
    ballast = fill(small_disk, leave=60)
    assert "MB left and 150 MB are needed" in sentence(small_disk)
    ballast.unlink()
    with servers(small_disk):
        pass
    ballast = fill(small_disk, leave=0)
    assert "0 MB left" in sentence(small_disk)
    ballast.unlink()
    with servers(small_disk):
        pass


def test_a_disk_that_fills_up_while_the_database_runs_costs_no_committed_row(small_disk: Path) -> None:
    big = "CREATE TABLE big AS SELECT repeat(md5(i::text), 20) FROM generate_series(1, 900000) i"
    with (
        servers(small_disk) as urls,
        psycopg.connect(urls["DATABASE_URL"], autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        ballast = fill(small_disk, leave=1)
        with pytest.raises(psycopg.Error):
            connection.execute(big)
    ballast.unlink()
    with servers(small_disk) as urls, psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_command_ended_by_term_while_it_starts_leaves_nothing(folder: Path) -> None:
    starting = subprocess.Popen(
        [sys.executable, "-m", "tests.embedded.share", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    while not (folder / "postgres.new").exists():
        assert starting.poll() is None
    starting.send_signal(signal.SIGINT)
    starting.communicate(timeout=20)
    assert servers_of(folder) == []
    with servers(folder):
        pass
