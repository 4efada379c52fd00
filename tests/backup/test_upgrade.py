"""`make upgrade`: a data folder of PostgreSQL 15 becomes one of the present programs, or stays as it was."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from alai import embedded
from alai.embedded import programs
from tests.backup.conftest import Saved
from tests.backup.installation import ROOT, Installation

OLD = Path("/usr/lib/postgresql/15/bin")
PLACED = "SELECT split_part(version(), ' ', 2), (SELECT count(*) FROM missioncontrol_task)"
FOREIGN_KEY = """SELECT conname FROM pg_constraint
                 WHERE conrelid = 'missioncontrol_comment'::regclass AND contype = 'f'"""
ORPHAN = """INSERT INTO missioncontrol_comment (task_id, author, body, legacy, created_at)
            VALUES (-1, 'john', 'x', '{}', now())"""

pytestmark = pytest.mark.skipif(
    not (OLD / "initdb").exists() or programs.version(OLD / "postgres") != 15,
    reason=f"needs PostgreSQL 15 in {OLD} (Debian's package postgresql-15)",
)


@pytest.fixture(scope="module")
def template(saved: Saved) -> Iterator[Path]:
    """A stopped DATA_DIR whose cluster is of PostgreSQL 15."""
    parent = Path(tempfile.mkdtemp(prefix="mission-control-upgrade-"))
    parent.chmod(0o755)
    with _serving(parent / "data", OLD) as installation:
        installation.manage("restore", str(saved.path))
    yield parent / "data"
    embedded.destroy(parent / "data")
    shutil.rmtree(parent)


@pytest.fixture
def old(template: Path) -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="mission-control-upgrade-"))
    parent.chmod(0o755)
    subprocess.run(["cp", "-a", template, parent / "data"], check=True)
    yield parent / "data"
    embedded.destroy(parent / "data")
    shutil.rmtree(parent)


def test_after_a_kill_it_can_be_run_again_and_the_new_programs_serve_the_data(
    old: Path, saved: Saved
) -> None:
    _upgrade_and_kill(old)
    assert (old / "postgres" / "PG_VERSION").read_text().strip() == "15"
    done = _upgrade(old, str(OLD))
    assert done.returncode == 0, done.stderr
    kept = [path.name for path in old.glob("postgres-15-*")]
    assert len(kept) == 1 and kept[0] in done.stderr
    assert (old / kept[0] / "PG_VERSION").read_text().strip() == "15"
    assert len(list((old / "backups").glob("before-upgrade-from-15-*.backup"))) == 2
    assert not (old / "upgrade").exists()
    with _serving(old) as installation:
        version, tasks = installation.query(PLACED)[0]
        assert int(version.split(".")[0]) == programs.version(programs.find_postgres() / "postgres")
        assert tasks == saved.fingerprints["missioncontrol_task"][0]
        assert installation.query("SELECT pg_current_xact_id()::text::bigint >> 32 > 0") == [(True,)]
    assert "nothing to upgrade" in _upgrade(old, str(OLD)).stderr


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (
            "",
            "name the bin folder of a PostgreSQL 15, e.g. OLD_PG_BIN=/usr/lib/postgresql/15/bin make upgrade",
        ),
        ("/nowhere", "OLD_PG_BIN=/nowhere holds no working `postgres`"),
        (str(programs.find_postgres()), "and the data is of PostgreSQL 15: name its bin folder"),
    ],
)
def test_wrong_old_programs_are_named(chosen: str, sentence: str, template: Path) -> None:
    done = _upgrade(template, chosen)
    assert done.returncode == 1
    assert sentence in done.stderr


def test_a_failed_restore_leaves_the_old_data_in_use(old: Path) -> None:
    with _serving(old, OLD) as installation:  # a database that does not hold together
        installation.query(
            "ALTER TABLE missioncontrol_comment DROP CONSTRAINT " + str(installation.query(FOREIGN_KEY)[0][0])
        )
        installation.query(ORPHAN)
    done = _upgrade(old, str(OLD))
    assert done.returncode == 1
    assert "violates foreign key constraint" in done.stderr
    assert "the old data stays in use" in done.stderr
    assert list(old.glob("postgres-15-*")) == []
    assert not (old / "upgrade").exists()
    with _serving(old, OLD) as installation:
        version, tasks = installation.query(PLACED)[0]
        assert (version.split(".")[0], tasks) == ("15", 400)


def test_a_running_mission_control_is_not_touched(template: Path) -> None:
    with (template / "run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = _upgrade(template, str(OLD))
    assert (done.returncode, "stop it, then upgrade" in done.stderr) == (1, True)


def test_a_server_of_its_own_is_not_touched(template: Path) -> None:
    done = _upgrade(template, str(OLD), DATABASE_URL="postgres://db.example.com/missioncontrol")
    assert (done.returncode, "DATABASE_URL names a server of its own" in done.stderr) == (1, True)


def _environment(data: Path, **changes: str) -> dict[str, str]:
    kept = {
        name: text
        for name, text in os.environ.items()
        if name not in {"DATABASE_URL", "PG_BIN", "OLD_PG_BIN"}
    }
    return {**kept, "DATA_DIR": str(data), "PYTHONWARNINGS": "error", **changes}


def _start_upgrade(data: Path, old_programs: str = str(OLD), **changes: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "alai.kernel.backup.upgrade"],
        cwd=ROOT,
        env=_environment(data, OLD_PG_BIN=old_programs, **changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _upgrade_and_kill(data: Path) -> None:
    """Killed, with all that it started, once the new cluster stands beside the old one."""
    with _start_upgrade(data) as upgrading:
        deadline = time.monotonic() + 60
        while not (data / "upgrade" / "postgres" / "PG_VERSION").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        main = psutil.Process(upgrading.pid)
        for process in [*main.children(recursive=True), main]:
            process.send_signal(signal.SIGKILL)


def _upgrade(data: Path, old_programs: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    process = _start_upgrade(data, old_programs, **changes)
    output, errors = process.communicate(timeout=90)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@contextmanager
def _serving(data: Path, folder: Path | None = None) -> Iterator[Installation]:
    """The embedded PostgreSQL of a DATA_DIR, run with the programs of `folder` or the present ones."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DATABASE_URL", raising=False)
        environment.setenv("PG_BIN", str(folder or ""))
        with embedded.servers(data) as urls:
            yield Installation(data, urls["DATABASE_URL"])
