"""What a backup holds comes back on another server, whole and at once usable."""

import json
from pathlib import Path

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader

from alai.kernel.backup import catalog
from tests.backup.conftest import TASKS, Place, Saved
from tests.backup.installation import Installation

TALLIES = {  # made anew, perhaps of other rows
    "missioncontrol_tasktally",
    "missioncontrol_taskpace",
    "missioncontrol_teampace",
    "missioncontrol_costtally",
}
NOT_COMPARED = {"kernel_session", "django_migrations", "kernel_auditentry", *TALLIES}
FIGURES = """
SELECT team || status, sum(n)::int FROM missioncontrol_tasktally GROUP BY team, status HAVING sum(n) <> 0
UNION ALL SELECT what || at, sum(n)::int FROM missioncontrol_taskpace GROUP BY what, at HAVING sum(n) <> 0
UNION ALL SELECT team || what || at, sum(n)::int FROM missioncontrol_teampace
          GROUP BY team, what, at HAVING sum(n) <> 0
UNION ALL SELECT team || at || sum(amount_usd), sum(n)::int FROM missioncontrol_costtally GROUP BY team, at ORDER BY 1
"""
COSTS = "SELECT sum(amount_usd), sum(n)::int FROM missioncontrol_costtally"
ENTRIES = "SELECT sum(amount_usd), count(*)::int FROM missioncontrol_costentry"

OF_THE_WATCH = [
    ("infra", "0001_initial"),
    ("infra", "0002_checks_and_incidents"),
    ("infra", "0003_hosts_and_routing"),
    ("infra", "0004_objectives"),
    ("infra", "0005_declared_incidents"),
]
NUMBERS = "SELECT id, xid::text FROM missioncontrol_taskevent ORDER BY id"


def test_every_table_comes_back_on_another_server(saved: Saved, restored: Installation) -> None:
    found = restored.fingerprints()
    assert found.keys() == saved.fingerprints.keys()
    assert found["missioncontrol_task"][0] == TASKS
    for name in found.keys() - NOT_COMPARED:
        assert found[name] == saved.fingerprints[name], name


def test_the_figures_about_tasks_are_made_anew(saved: Saved, restored: Installation) -> None:
    figures = restored.query(FIGURES)
    assert figures == saved.source.query(FIGURES)
    assert ("webopen", TASKS) in figures
    assert restored.query(COSTS) == saved.source.query(ENTRIES)
    assert restored.query(COSTS)[0][1] == TASKS


def test_sessions_stay_behind_and_history_stays_append_only(restored: Installation) -> None:
    assert restored.query("SELECT count(*) FROM kernel_session") == [(0,)]
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        restored.query("UPDATE missioncontrol_taskevent SET kind = 'forged'")


def test_stored_files_come_back(saved: Saved, restored: Installation) -> None:
    names = [row[0] for row in saved.source.query("SELECT file FROM missioncontrol_evidence ORDER BY id")]
    assert len(names) == 3
    for name in names:
        assert (restored.data / "files" / name).read_bytes() == (
            saved.source.data / "files" / name
        ).read_bytes()
    assert [path.name for path in (restored.data / "files").iterdir()] == ["evidence"]


def test_stored_files_are_as_private_as_before(restored: Installation) -> None:
    paths = [*(restored.data / "files").rglob("*")]
    assert paths
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


def test_both_leave_an_audit_entry_of_the_system(saved: Saved, restored: Installation) -> None:
    entry = "SELECT actor, why, target_id, (after ->> 'files')::int FROM kernel_auditentry WHERE action = %s"
    assert restored.query(entry, "restore") == [("system", "manage.py restore", saved.path.name, 3)]
    assert saved.source.query(entry, "backup") == [("system", "manage.py backup", saved.path.name, 3)]


def test_events_with_transaction_numbers_of_the_future_are_seen_at_once(
    saved: Saved, restored: Installation, place: Place
) -> None:
    """The source counts its transactions far above the target: unchanged, readers would wait for them for years.
    The token, the search words and the next number are at work here too."""
    lowest = saved.source.query("SELECT min(xid)::text::bigint FROM missioncontrol_taskevent")[0][0]
    assert lowest > 1 << 32
    target = place.make(like=restored)
    everything, found, fresh, later = target.calls(
        saved.token,
        ("GET", "/tasks?updated_since=2020-01-01T00:00:00Z&limit=500", None),
        ("GET", "/tasks?q=cevapcici&limit=5", None),
        ("POST", "/tasks", {"title": "After the flood"}),
        ("GET", "/tasks?updated_since={position}", None),
    )
    assert len(everything["items"]) == TASKS
    assert found["items"]
    assert fresh["id"] == max(task["id"] for task in everything["items"]) + 1
    assert [task["id"] for task in later["items"]] == [fresh["id"]]


def test_events_keep_their_transaction_numbers_on_the_server_that_gave_them(
    saved: Saved, restored: Installation, place: Place, tmp_path: Path
) -> None:
    """So that a position which a client remembers stays right."""
    target = place.make(like=restored)
    target.calls(saved.token, ("POST", "/tasks", {"title": "One more number"}))
    before = target.query(NUMBERS)
    target.manage("backup", str(tmp_path / "own.backup"))
    report = json.loads(target.manage("restore", str(tmp_path / "own.backup"), "--replace", "--json"))
    assert report["verified"] and report["tables"]["missioncontrol_task"] == TASKS + 1
    assert target.query(NUMBERS) == before
    assert len({number for _, number in before}) == 2


def test_a_file_with_other_content_is_not_overwritten(saved: Saved, place: Place) -> None:
    target = place.make()
    name = saved.source.query("SELECT file FROM missioncontrol_evidence ORDER BY id DESC LIMIT 1")[0][0]
    other = target.data / "files" / name
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    assert "exists with other content" in target.refused("restore", str(saved.path))
    assert [path.name for path in other.parent.iterdir()] == [other.name], (
        "what was placed before is gone again"
    )
    assert target.fingerprints() == {}


def test_a_missing_stored_file_is_named_and_prevents_no_backup(
    restored: Installation, place: Place, tmp_path: Path
) -> None:
    target = place.make(like=restored)
    gone = next(path for path in sorted((target.data / "files").rglob("*")) if path.is_file())
    gone.unlink()
    done = target.run("backup", str(tmp_path / "b"), "--json")
    assert json.loads(done.stdout)["missing_files"] == [str(gone.relative_to(target.data / "files"))]
    assert "1 stored files are missing" in done.stderr


def test_migrations_that_one_has_replaced_are_known_as_that_one() -> None:
    loader = MigrationLoader(None)
    others = {("auth", "0001_initial")}
    assert catalog.by_present_names({*others, *OF_THE_WATCH}, loader) == {*others, ("infra", "0001_watch")}
    some = {*others, *OF_THE_WATCH[:3]}
    assert catalog.by_present_names(some, loader) == some, (
        "not all of them: a state that this version cannot make"
    )


def test_a_backup_of_an_older_version_is_migrated(
    saved: Saved, restored: Installation, place: Place, tmp_path: Path
) -> None:
    older, target = place.make(like=restored), place.make()
    older.query("DELETE FROM django_migrations WHERE app = 'infra'")
    for _, name in OF_THE_WATCH:  # what one migration replaced
        older.query(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('infra', %s, '2026-11-25')", name
        )
    older.manage("migrate", "axes", "0009", "-v0")
    older.manage("backup", str(tmp_path / "older.backup"))
    target.manage("restore", str(tmp_path / "older.backup"))
    assert target.fingerprints()["axes_accessattemptexpiration"][0] == 0
    assert target.fingerprints()["missioncontrol_task"] == saved.fingerprints["missioncontrol_task"]
    assert target.query(
        "SELECT count(*) FROM django_migrations WHERE app = 'axes' AND name LIKE '0010%%'"
    ) == [(1,)]
