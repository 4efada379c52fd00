"""A restore happens whole or not at all, and never over data that nobody gave up."""

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.backup.conftest import TASKS, Place, Saved
from tests.backup.halting import halting
from tests.backup.installation import Installation

HASTE = "SELECT count(*), min(title) FROM missioncontrol_task"


def test_data_is_not_overwritten_without_being_told(saved: Saved, restored: Installation) -> None:
    before = restored.fingerprints()
    sentence = restored.refused("restore", str(saved.path))
    assert "holds data already" in sentence
    assert "missioncontrol_task 400" in sentence
    assert "--replace" in sentence
    assert restored.fingerprints() == before


@pytest.mark.parametrize(
    "moment",
    ["DROP TABLE", r'COPY [^;]*missioncontrol_task"[^;]*STDIN', r"COPY \(SELECT"],
)
def test_a_restore_killed_in_the_middle_leaves_what_was_there(
    moment: str, saved: Saved, restored: Installation, place: Place
) -> None:
    target = place.make(like=restored)
    target.query("DELETE FROM missioncontrol_evidence")
    before, migrations = (
        target.fingerprints(),
        target.query("SELECT app, name FROM django_migrations ORDER BY id"),
    )
    _restore_and_kill(target, moment, str(saved.path), "--replace")
    assert target.fingerprints() == before
    assert target.query("SELECT app, name FROM django_migrations ORDER BY id") == migrations


def test_a_restore_into_a_fresh_installation_can_be_run_again_after_a_kill(
    saved: Saved, place: Place
) -> None:
    """One with its first administrator counts as empty."""
    target = place.make()
    target.manage("migrate", "-v0")
    target.manage("bootstrap")
    _restore_and_kill(target, r"COPY \(SELECT", str(saved.path))
    assert "are back and verified" in target.manage("restore", str(saved.path))
    for table in ("missioncontrol_task", "auth_user"):
        assert target.fingerprints()[table] == saved.fingerprints[table]


def test_a_database_that_others_use_too_is_refused(saved: Saved, place: Place) -> None:
    target = place.make()
    target.query("CREATE TABLE ledger_of_others AS SELECT 1 AS row")
    assert "not Mission Control's (ledger_of_others)" in target.refused(
        "restore", str(saved.path), "--replace"
    )
    assert target.query("SELECT * FROM ledger_of_others") == [(1,)]


def test_a_restore_gives_way_to_somebody_who_writes(
    saved: Saved, restored: Installation, place: Place
) -> None:
    target = place.make(like=restored)
    with psycopg.connect(target.url) as connection:
        connection.execute("UPDATE missioncontrol_task SET title = 'mine'")
        sentence = target.refused("restore", str(saved.path), "--replace")
    assert sentence.endswith("nothing was changed: stop Mission Control and restore again.")
    assert target.query(HASTE) == [(TASKS, "mine")]


def test_a_backup_of_a_database_without_tables_is_refused(place: Place, tmp_path: Path) -> None:
    assert "nothing to back up" in place.make().refused("backup", str(tmp_path / "b"))
    assert list(tmp_path.iterdir()) == []


def _restore_and_kill(target: Installation, moment: str, *arguments: str) -> None:
    """A restore that is killed while PostgreSQL works on, or has just done, the statement of that moment."""
    with (
        halting(target.url, moment) as halt,
        replace(target, url=halt.url).start("restore", *arguments) as it,
    ):
        try:
            assert halt.reached.wait(60), f"the restore never came to {moment}"
        finally:
            it.kill()
    target.wait_for_silence()
