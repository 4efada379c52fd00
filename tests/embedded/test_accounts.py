"""Root, a normal user, and folders that one of them cannot enter."""

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from alai.embedded import EmbeddedError, destroy, servers
from alai.embedded.place import POINTER, find_place, reachable_program
from tests.embedded.conftest import as_root, asked, servers_of

NOBODY = pwd.getpwnam("nobody").pw_uid


def as_nobody(folder: Path) -> subprocess.CompletedProcess[str]:
    """Use the servers of `folder` as the account `nobody`, from a working folder that it can enter."""
    return subprocess.run(
        [sys.executable, "-m", "tests.embedded.share", str(folder), str(NOBODY)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@as_root
def test_started_by_root_no_server_runs_as_root(folder: Path) -> None:
    with servers(folder) as urls, psycopg.connect(urls["DATABASE_URL"]):
        accounts = set(asked(folder, lambda process: process.username()))
    assert len(accounts) == 1
    assert accounts < {"postgres", "nobody"}


@as_root
def test_a_private_home_stays_private_and_the_database_moves_out_of_it(folder: Path) -> None:
    folder.parent.chmod(0o700)
    with servers(folder) as urls, psycopg.connect(urls["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        home = Path((folder / POINTER).read_text().strip())
        assert (home / "postgres/PG_VERSION").exists()
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    with servers(folder) as urls, psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    destroy(folder)
    assert not home.exists()


@as_root
def test_programs_in_a_private_home_are_copied_once_to_where_the_account_can_run_them(folder: Path) -> None:
    package = folder.parent / "private" / f"package-{os.getpid()}"
    (package / "bin").mkdir(parents=True)
    for name in ("one", "two"):
        (package / "bin" / name).write_text("#!/bin/sh\nid -u\n")
        (package / "bin" / name).chmod(0o700)
    package.parent.chmod(0o700)
    folder.mkdir(mode=0o711)
    place = find_place(folder)
    one, two = (reachable_program(place, package / "bin" / name, package) for name in ("one", "two"))
    try:
        assert one.parent == two.parent
        ran = subprocess.run([two], capture_output=True, text=True, check=True, cwd="/", **place.popen())
        assert ran.stdout == f"{place.account.uid if place.account else 0}\n"
        with pytest.raises(EmbeddedError, match="install it where every account can reach it"):
            reachable_program(place, package / "bin" / "one", None)
    finally:
        shutil.rmtree(one.parents[2])


@as_root
def test_a_normal_user_runs_the_servers_as_itself(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    result = as_nobody(folder)
    assert result.returncode == 0, result.stderr
    assert set(json.loads(result.stdout)) == {"DATABASE_URL", "BROKER_URL"}
    assert {path.stat().st_uid for path in folder.iterdir()} == {NOBODY}
    assert servers_of(folder) == []


@as_root
def test_a_folder_that_root_used_once_still_works_for_its_owner(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    assert as_nobody(folder).returncode == 0
    with servers(folder):
        assert set(asked(folder, lambda process: process.uids().real)) == {NOBODY}
    result = as_nobody(folder)
    assert result.returncode == 0, result.stderr


@as_root
def test_a_normal_user_is_told_that_a_folder_is_not_its_own(folder: Path) -> None:
    with servers(folder):
        pass
    result = as_nobody(folder)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {folder} cannot be used by user id {NOBODY} (Permission denied)")
    assert "Traceback" not in result.stderr
