"""Running the import again: nothing, the new, the changed; and never over what was touched here."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from alai.kernel.models import AuditEntry, ImportReject, ImportRow
from missioncontrol import leases
from missioncontrol.models import Comment, Dependency, Evidence, Task, TaskEvent
from tests.importing.ledgers import SCHEMA, change, counts, ledger, load, realistic, task

pytestmark = pytest.mark.django_db
LEASE = {"lease_holder": "john", "lease_session": "abc", "lease_until": "2026-06-30 12:00:00"}


def everything() -> tuple[object, ...]:
    """All that an import writes, with ids and times."""
    tables = [Task, Comment, Dependency, TaskEvent, Evidence, ImportRow, ImportReject, AuditEntry]
    rows = [list(model.objects.order_by("pk").values()) for model in tables]  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM missioncontrol_task_id_seq")
        return (*rows, cursor.fetchone())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return ledger(tmp_path / "mission-control.db", SCHEMA, tasks=[task(1), task(2)])


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = realistic(tmp_path / "mission-control.db")
    first = load(path)
    before = everything()
    second = load(path, batch_rows=11)
    assert everything() == before
    for table, sums in second.files["mission-control.db"].items():
        assert (sums.created, sums.updated) == (0, 0)
        assert sums.rejected == first.files["mission-control.db"][table].rejected


def test_a_renamed_copy_changes_nothing(path: Path, tmp_path: Path) -> None:
    load(path)
    copied = tmp_path / "copy-of-july.db"
    copied.write_bytes(path.read_bytes())
    assert counts(load(copied)).unchanged == 2


def test_only_new_rows_are_imported(path: Path) -> None:
    load(path)
    ledger(path, tasks=[task(3)], task_comments=[{"id": 1, "task_id": 3, "body": "new"}])
    report = load(path)
    assert (counts(report).created, counts(report).unchanged) == (1, 2)
    assert counts(report, "task_comments").created == 1


def test_a_row_that_changed_there_changes_here(path: Path) -> None:
    load(path)
    change(
        path, "UPDATE tasks SET title = 'better', status = 'done', dod_evidence = '/tmp/proof' WHERE id = 1"
    )
    assert counts(load(path)).updated == 1
    found = Task.objects.get(pk=1)
    assert (found.title, found.status) == ("better", "done")
    assert Evidence.objects.get(task=found).name == "/tmp/proof"
    event = TaskEvent.objects.filter(task=found).latest("id")
    assert event.data["changes"]["title"] == ["Task 1", "better"]
    assert set(event.data["changes"]) == {"title", "status"}
    assert counts(load(path)).unchanged == 2


def test_a_row_that_changed_here_stays(path: Path) -> None:
    load(path)
    Task.objects.filter(pk=1).update(title="ours")
    assert counts(load(path)).unchanged == 2
    assert Task.objects.get(pk=1).title == "ours"


def test_a_row_that_changed_on_both_sides_is_a_conflict(path: Path) -> None:
    load(path)
    Task.objects.filter(pk=1).update(title="ours")
    change(path, "UPDATE tasks SET title = 'theirs' WHERE id = 1")
    assert counts(load(path)).rejected == 1
    assert Task.objects.get(pk=1).title == "ours"
    reject = ImportReject.objects.get()
    assert (reject.reason, reject.row["title"]) == ("conflict", "theirs")


def test_a_claim_here_counts_as_a_touch(path: Path) -> None:
    load(path)
    leases.claim(1, actor="pi-orch", session="s", ttl=timedelta(minutes=5))
    leases.release(1, actor="pi-orch", session="s")
    change(path, "UPDATE tasks SET title = 'theirs' WHERE id = 1")
    assert counts(load(path)).rejected == 1


def test_a_conflict_that_the_old_system_takes_back_is_resolved(path: Path) -> None:
    load(path)
    Task.objects.filter(pk=1).update(title="ours")
    change(path, "UPDATE tasks SET title = 'theirs' WHERE id = 1")
    load(path)
    change(path, "UPDATE tasks SET title = 'Task 1' WHERE id = 1")
    assert counts(load(path)).unchanged == 2
    assert ImportReject.objects.get().state == "resolved"


def test_the_same_date_in_another_form_is_no_conflict(path: Path) -> None:
    load(path)
    Task.objects.filter(pk=1).update(title="ours")
    change(path, "UPDATE tasks SET created_at = '2026-03-06 03:09:00' WHERE id = 1")
    assert counts(load(path)).unchanged == 2


def test_an_id_that_a_native_task_took_is_a_conflict(path: Path) -> None:
    native = Task.objects.create(pk=1_000_777, title="native")
    ledger(
        path,
        tasks=[task(1_000_777, title="old")],
        task_comments=[{"id": 1, "task_id": 1_000_777, "body": "x"}],
    )
    report = load(path)
    assert counts(report).rejected == 1
    native.refresh_from_db()
    assert native.title == "native"
    assert not native.comments.exists(), "the comment belongs to the other task"
    assert set(ImportReject.objects.values_list("reason", flat=True)) == {"conflict", "orphan"}


def test_a_row_that_was_deleted_here_does_not_come_back(path: Path) -> None:
    ledger(path, task_comments=[{"id": 1, "task_id": 1, "body": "x"}])
    load(path)
    Comment.objects.all().delete()
    assert counts(load(path), "task_comments").unchanged == 1
    change(path, "UPDATE task_comments SET body = 'y'")
    assert counts(load(path), "task_comments").rejected == 1
    assert not Comment.objects.exists()


def test_another_ledger_with_the_same_ids_overwrites_nothing(path: Path, tmp_path: Path) -> None:
    load(path)
    other = ledger(tmp_path / "other.db", tasks=[task(1, title="another", created_at="2025-01-01")])
    assert counts(load(other)).rejected == 1
    assert Task.objects.get(pk=1).title == "Task 1"


def test_a_sweep_of_an_imported_lease_is_no_touch(path: Path) -> None:
    ledger(path, tasks=[task(3, status="in_progress", **LEASE)])
    load(path)
    leases.sweep()
    assert Task.objects.get(pk=3).status == "open"
    assert counts(load(path)).unchanged == 3
    change(path, "UPDATE tasks SET status = 'done' WHERE id = 3")
    assert counts(load(path)).updated == 1
    assert Task.objects.get(pk=3).status == "done"


def test_a_new_lease_there_raises_the_fence_here(path: Path) -> None:
    ledger(path, tasks=[task(3, status="in_progress", **LEASE)])
    load(path)
    change(path, "UPDATE tasks SET lease_until = '2026-06-30 13:00:00' WHERE id = 3")
    load(path)
    assert Task.objects.get(pk=3).fencing_token == 1, "the same session goes on"
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    change(path, "UPDATE tasks SET lease_session = 'next', lease_until = ? WHERE id = 3", until)
    load(path)
    found = Task.objects.get(pk=3)
    assert (found.lease_session, found.fencing_token) == ("next", 2)


def test_a_rejected_row_that_was_mended_there_is_imported_and_resolved(path: Path) -> None:
    ledger(path, tasks=[task(3, status="zombie"), task(4, parent_id=3)])
    ledger(path, task_comments=[{"id": 1, "task_id": 3, "body": "x"}])
    load(path)
    assert ImportReject.objects.filter(state="open").count() == 2
    change(path, "UPDATE tasks SET status = 'open' WHERE id = 3")
    report = load(path)
    assert (counts(report).created, counts(report, "task_comments").created) == (1, 1)
    assert set(ImportReject.objects.values_list("state", flat=True)) == {"resolved"}
    assert Task.objects.get(pk=4).parent_id == 3, "the child waited for it"
    assert counts(load(path)).unchanged == 4


def test_a_changed_history_row_is_added_again(path: Path) -> None:
    ledger(
        path, task_history=[{"id": 1, "task_id": 1, "actor": "john", "action": "done", "at": "2026-03-06"}]
    )
    load(path)
    change(path, "UPDATE task_history SET detail = 'with proof'")
    assert counts(load(path), "task_history").updated == 1
    assert TaskEvent.objects.filter(kind="done").count() == 2
    assert counts(load(path), "task_history").unchanged == 1


def test_a_dependency_that_was_added_here_already_is_adopted(path: Path) -> None:
    load(path)
    Dependency.objects.create(task_id=1, depends_on_id=2)
    ledger(path, task_deps=[{"task_id": 1, "depends_on": 2}])
    assert counts(load(path), "task_deps").unchanged == 1
    assert Dependency.objects.count() == 1


def test_a_dependency_that_closes_a_circle_with_one_made_here_is_rejected(path: Path) -> None:
    load(path)
    Dependency.objects.create(task_id=2, depends_on_id=1)
    ledger(path, task_deps=[{"task_id": 1, "depends_on": 2}])
    assert counts(load(path), "task_deps").rejected == 1


def test_a_parent_that_closes_a_circle_with_one_set_here_is_left_out(path: Path) -> None:
    ledger(path, tasks=[task(3, parent_id=2)])
    load(path)
    change(path, "UPDATE tasks SET parent_id = NULL WHERE id = 3")
    load(path)
    Task.objects.filter(pk=2).update(parent_id=3)
    change(path, "UPDATE tasks SET parent_id = 2 WHERE id = 3")
    load(path)
    assert Task.objects.get(pk=3).parent_id is None


def test_a_new_empty_column_changes_no_row(path: Path) -> None:
    load(path)
    change(path, "ALTER TABLE tasks ADD COLUMN mood")
    assert counts(load(path)).unchanged == 2


def test_a_comment_whose_id_was_taken_here_gets_another(path: Path) -> None:
    load(path)
    taken = Comment.objects.create(task_id=1, author="ada", body="native").pk
    ledger(path, task_comments=[{"id": taken, "task_id": 1, "body": "old"}])
    assert counts(load(path), "task_comments").created == 1
    old = Comment.objects.get(body="old")
    assert old.legacy["id"] == taken
    change(path, "UPDATE task_comments SET body = 'newer'")
    assert counts(load(path), "task_comments").updated == 1
    assert Comment.objects.get(pk=old.pk).body == "newer"
    assert Comment.objects.get(pk=taken).body == "native"


def test_a_reject_whose_row_is_gone_or_has_another_key_now_is_closed(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1), task(2), task(3), task("x"), task("gone")])
    load(path)
    assert ImportReject.objects.filter(state="open").count() == 2
    change(path, "UPDATE tasks SET id = 8 WHERE id = 'x'")
    change(path, "DELETE FROM tasks WHERE id = 'gone'")
    load(path)
    assert Task.objects.filter(pk=8).exists()
    assert not ImportReject.objects.filter(state="open").exists()


def test_another_file_of_the_same_name_closes_no_reject(tmp_path: Path) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task(1), task("x")]))
    (tmp_path / "other").mkdir()
    load(ledger(tmp_path / "other" / "mission-control.db", tasks=[task(5)]))
    assert ImportReject.objects.filter(state="open").count() == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"created_at": "2026-03-06T03:09:59.999999"},
        {"due_at": 2_461_105.63125},
        {"due_at": "2461105.63125"},
        {"due_at": b"2026-03-06"},
        {"due_at": "2026-03-06\x0003:09"},
        {"due_at": "Fri, 6 Mar 26 10:00:00 GMT"},
        {"due_at": 20_260_306_030_900},
    ],
)
def test_the_sample_reads_a_time_as_the_import_does(tmp_path: Path, columns: dict[str, Any]) -> None:
    report = load(ledger(tmp_path / "mission-control.db", tasks=[task(1, **columns)]))
    assert report.sample.checked == 1


@pytest.mark.parametrize("action", [None, ""])
def test_history_without_an_action_is_no_difference(tmp_path: Path, action: str | None) -> None:
    row = {"id": 1, "task_id": 1, "actor": "john", "action": action, "at": "2026-03-06"}
    report = load(ledger(tmp_path / "mission-control.db", tasks=[task(1)], task_history=[row]))
    assert report.sample.checked == 2
