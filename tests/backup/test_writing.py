"""The backup's file: whole or not there, private, and of one moment."""

import json
import os
import resource
import stat
import threading
import zipfile
from pathlib import Path

import psycopg
import pytest

from tests.backup.conftest import Place, Saved
from tests.backup.installation import Installation

TRANSFER = """
WITH fresh AS (INSERT INTO missioncontrol_comment (task_id, author, body, legacy)
               SELECT min(id), 'john', 'x', '{}' FROM missioncontrol_task)
INSERT INTO missioncontrol_dependency (task_id, depends_on_id)
SELECT t.id, o.id FROM missioncontrol_task t, missioncontrol_task o
WHERE t.id <> o.id AND NOT EXISTS (
    SELECT FROM missioncontrol_dependency d WHERE d.task_id = t.id AND d.depends_on_id = o.id) LIMIT 1
"""


def test_only_its_owner_can_read_it(saved: Saved) -> None:
    assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600
    assert list(saved.path.parent.glob(".*.part")) == []


def test_an_existing_file_is_overwritten_only_when_told(restored: Installation, tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_text("mine")
    assert "exists already" in restored.refused("backup", str(path))
    assert path.read_text() == "mine"
    assert (
        json.loads(restored.manage("backup", str(path), "--force", "--json"))["bytes"] == path.stat().st_size
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is a folder: name a file in it"),
        ("nowhere/b", "nowhere does not exist: create it"),
        ("n" * 300, "cannot be used (File name too long)"),
    ],
)
def test_a_place_that_cannot_take_it_is_named(
    name: str, sentence: str, restored: Installation, tmp_path: Path
) -> None:
    assert sentence in restored.refused("backup", str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(restored: Installation) -> None:
    assert "/proc/b cannot be used" in restored.refused("backup", "/proc/b")


def test_a_full_disk_leaves_the_old_backup(restored: Installation, tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_text("the old one")
    few = 20_000  # bytes a file may have, which the kernel refuses like a disk without room
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (few, hard))
    try:
        sentence = restored.refused("backup", str(path), "--force")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "There is no room left" in sentence
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("b", "the old one")]


def test_a_killed_backup_leaves_the_old_one(restored: Installation, place: Place, tmp_path: Path) -> None:
    target = place.make(like=restored)
    path = tmp_path / "b"
    path.write_text("the old one")
    with psycopg.connect(target.url) as connection:
        connection.execute("LOCK TABLE missioncontrol_task")  # so that it stands still half-way
        taking = target.start("backup", str(path), "--force")
        target.wait_for_query('COPY %missioncontrol_task"%')
        taking.kill()
        taking.wait()
    assert path.read_text() == "the old one"


def test_it_is_of_one_moment_while_others_write(
    saved: Saved, restored: Installation, place: Place, tmp_path: Path
) -> None:
    """Each statement adds one comment and one dependency, so a backup of one moment has as many of both."""
    target = place.make(like=restored)
    done = threading.Event()
    writer = threading.Thread(target=_write_until, args=(target.url, done))
    writer.start()
    try:
        target.wait_for_query("%INSERT INTO missioncontrol_comment%")
        tables = json.loads(target.manage("backup", str(tmp_path / "b"), "--json"))["tables"]
    finally:
        done.set()
        writer.join()
    assert tables["missioncontrol_comment"] == tables["missioncontrol_dependency"] > 0
    now = target.query("SELECT count(*) FROM missioncontrol_comment")[0][0]
    assert now > tables["missioncontrol_comment"], "somebody did write meanwhile"


def test_the_file_holds_what_the_documentation_says(saved: Saved) -> None:
    with zipfile.ZipFile(saved.path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        copy = archive.read("tables/missioncontrol_task.copy").decode()
        names = archive.namelist()
    assert manifest["tables"]["missioncontrol_task"]["rows"] == copy.count("\n") == 400
    assert len([name for name in names if name.startswith("files/evidence/")]) == 3
    assert "tables/kernel_session.copy" not in names
    assert saved.token not in copy
    assert os.fsencode(saved.token) not in saved.path.read_bytes()


def _write_until(url: str, done: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while not done.is_set():
            connection.execute(TRANSFER)
