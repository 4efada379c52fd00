"""`manage.py import_sqlite`: what it prints, and its exit code."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from alai.kernel.importing import runner
from alai.kernel.models import AuditEntry, ImportReject, ImportRow, ImportRun
from missioncontrol.models import Comment, Task, TaskEvent
from tests.importing.ledgers import ledger, realistic, task

pytestmark = pytest.mark.django_db


def command(*arguments: object) -> tuple[str, str, int]:
    """stdout, stderr and the exit code."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("import_sqlite", *map(str, arguments), stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), code


def test_json_is_all_that_stands_on_stdout(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1), task(2, status="zombie")])
    out, _, code = command(path, "--json")
    report: dict[str, Any] = json.loads(out)
    assert code == 0
    sums = {"source": 2, "created": 1, "updated": 0, "unchanged": 0, "rejected": 1}
    assert report["files"]["mission-control.db"]["tasks"] == sums
    assert list(report["files"]["mission-control.db"]) == [
        "tasks",
        "task_comments",
        "task_deps",
        "task_history",
    ]
    assert report["sample_check"] == {"checked": 1, "mismatched": 0}
    assert report["seconds"] > 0


def test_people_get_a_table_and_one_sentence(tmp_path: Path) -> None:
    out, err, code = command(realistic(tmp_path / "mission-control.db"))
    assert (code, err) == (0, "")
    assert "mission-control.db  tasks" in out
    last = out.strip().splitlines()[-1]
    assert last.startswith("1,350 rows read in ")
    assert "rejected (see Import rejects in the admin); 100 compared field by field, 0 differ." in last


def test_a_dry_run_prints_the_same_sums_and_writes_nothing(tmp_path: Path) -> None:
    path = realistic(tmp_path / "mission-control.db")
    audited = AuditEntry.objects.count()
    dry = json.loads(command(path, "--json", "--dry-run")[0])
    for model in (Task, Comment, TaskEvent, ImportRow, ImportReject, ImportRun):
        assert not model.objects.exists(), model
    assert AuditEntry.objects.count() == audited
    wet = json.loads(command(path, "--json")[0])
    assert dry["files"] == wet["files"]


def test_a_bad_file_makes_the_exit_code_one(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_text("nothing of SQLite's")
    out, err, code = command(tmp_path / "bad.db", ledger(tmp_path / "good.db", tasks=[task(1)]), "--json")
    assert code == 1
    assert "is not a SQLite file" in err
    assert json.loads(out)["files"]["good.db"]["tasks"]["created"] == 1
    assert "bad.db" in json.loads(out)["errors"]


def test_a_run_is_written_down(tmp_path: Path) -> None:
    command(ledger(tmp_path / "mission-control.db", tasks=[task(1)]))
    record = ImportRun.objects.get()
    assert record.agrees
    assert record.report["files"]["mission-control.db"]["tasks"]["created"] == 1


def test_a_second_import_at_the_same_time_ends_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOCK_SECONDS", 0)
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [runner.LOCK])
        with pytest.raises(Exception, match="Another import is running: wait until it has ended"):
            command(ledger(tmp_path / "mission-control.db", tasks=[task(1)]))
    finally:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [runner.LOCK])
        other.close()
    assert not Task.objects.exists()


def test_rows_a_batch_have_a_range(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="--batch must lie between"):
        command(tmp_path / "x.db", "--batch", "0")
