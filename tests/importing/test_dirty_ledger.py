"""Dirt: a bad optional field is kept beside its row; a row that cannot be imported is kept whole, with the reason."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from alai.kernel.importing.raw import from_json
from alai.kernel.models import ImportReject, LegacyRow
from missioncontrol.models import Comment, Dependency, Priority, Status, Task, TaskEvent
from tests.importing.ledgers import SCHEMA, Undecoded, counts, ledger, load, realistic, task

pytestmark = pytest.mark.django_db


def imported(folder: Path, **columns: Any) -> Task:
    """The task that a single row with these columns becomes."""
    load(ledger(folder / "mission-control.db", tasks=[task(8, **columns)]))
    return Task.objects.get(pk=8)


def reasons() -> dict[str, str]:
    return dict(ImportReject.objects.order_by("id").values_list("key", "reason"))


def test_nul_characters_become_visible_and_the_raw_text_is_kept(tmp_path: Path) -> None:
    found = imported(tmp_path, title="a\0b")
    assert found.title == "a␀b"
    assert from_json(found.legacy["title"]) == "a\0b"


def test_invalid_utf_8_is_shown_replaced_and_kept_raw(tmp_path: Path) -> None:
    found = imported(tmp_path, description=Undecoded(b"caf\xe9"))
    assert found.description == "caf\ufffd"
    assert from_json(found.legacy["description"]) == b"caf\xe9"


def test_a_surrogate_in_tags_does_not_stop_the_import(tmp_path: Path) -> None:
    assert imported(tmp_path, tags='["\\ud800x", "a\\u0000b"]').tags == ["\ufffdx", "a␀b"]


@pytest.mark.parametrize("cost", ["much", float("inf"), 1e99, b"\xff", "1e400", "NaN"])
def test_a_cost_that_is_no_number_is_kept_beside(tmp_path: Path, cost: Any) -> None:
    found = imported(tmp_path, cost_usd=cost)
    assert found.cost_usd is None
    assert from_json(found.legacy["cost_usd"]) == cost


@pytest.mark.parametrize("column", ["created_at", "updated_at", "completed_at", "due_at", "lease_until"])
@pytest.mark.parametrize("date", ["garbage", "0000-00-00", "99999-01-01", 12, b"\xff\xff"])
def test_a_bad_date_is_kept_beside(tmp_path: Path, column: str, date: Any) -> None:
    found = imported(tmp_path, **{column: date})
    assert from_json(found.legacy[column]) == date
    assert any(note.startswith(column) for note in found.legacy["_notes"])


@pytest.mark.parametrize("title", [None, "", "  "])
def test_a_task_without_a_title_gets_one_that_can_be_clicked(tmp_path: Path, title: str | None) -> None:
    found = imported(tmp_path, title=title)
    assert found.title == "(no title)"
    assert found.legacy["title"] == title


def test_a_very_long_title_is_imported_whole(tmp_path: Path) -> None:
    assert len(imported(tmp_path, title="word " * 10_000).title) == 50_000


def test_a_title_beyond_all_measure_is_cut_and_kept(tmp_path: Path) -> None:
    found = imported(tmp_path, title="x" * 2_000_000)
    assert len(found.title) == 100_000
    assert len(found.legacy["title"]) == 2_000_000


def test_long_names_are_cut_and_kept(tmp_path: Path) -> None:
    found = imported(tmp_path, owner="o" * 300)
    assert len(found.owner) == 100
    assert found.legacy["owner"] == "o" * 300


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("seo, infra", ["seo", "infra"]),
        ('"one"', ["one"]),
        ("{broken", []),
        ("[" * 100_000, []),
        ("[1, null]", ["1"]),
    ],
)
def test_tags_that_are_no_json_list(tmp_path: Path, tags: str, expected: list[str]) -> None:
    found = imported(tmp_path, tags=tags)
    assert found.tags == expected
    assert found.legacy["tags"] == tags


@pytest.mark.parametrize(
    ("written", "status"),
    [("DONE", "done"), ("completed", "done"), ("todo", "open"), ("In-Progress", "in_progress")],
)
def test_an_obvious_synonym_of_a_status_is_read(tmp_path: Path, written: str, status: str) -> None:
    found = imported(tmp_path, status=written)
    assert found.status == status
    assert found.legacy["status"] == written


@pytest.mark.parametrize("status", ["zombie", None, "", 3, b"open"])
def test_a_status_that_nobody_knows_is_rejected_not_guessed(tmp_path: Path, status: Any) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task(8, status=status)]))
    reject = ImportReject.objects.get()
    assert (reject.key, reject.reason) == ("8", "unknown_status")
    assert "none of open, in_progress" in reject.detail
    assert from_json(reject.row["status"]) == status
    assert not Task.objects.exists()


def test_an_unknown_priority_is_medium(tmp_path: Path) -> None:
    found = imported(tmp_path, priority="super")
    assert found.priority == Priority.MEDIUM
    assert found.legacy["priority"] == "super"


@pytest.mark.parametrize(
    "lease",
    [
        {"lease_holder": "john"},
        {"lease_holder": "john", "lease_session": "abc"},
        {"lease_session": "abc", "lease_until": "2026-06-30 12:00:00"},
        {"lease_holder": "john", "lease_session": "abc", "lease_until": "soon"},
        {"lease_holder": "jo:hn", "lease_session": "abc", "lease_until": "2026-06-30 12:00:00"},
        {"lease_holder": "john", "lease_session": 7, "lease_until": "2026-06-30 12:00:00"},
    ],
)
def test_half_a_lease_is_none_and_is_kept(tmp_path: Path, lease: dict[str, Any]) -> None:
    found = imported(tmp_path, status="in_progress", **lease)
    assert found.lease is None
    assert {name: found.legacy[name] for name in lease} == lease


def test_a_closed_task_loses_its_lease(tmp_path: Path) -> None:
    lease = {"lease_holder": "john", "lease_session": "abc", "lease_until": "2026-06-30 12:00:00"}
    found = imported(tmp_path, status="done", **lease)
    assert found.lease is None
    assert found.legacy["lease_holder"] == "john"


@pytest.mark.parametrize("number", [None, "", "abc", b"\xff", 1.5])
def test_a_task_without_a_usable_id_is_rejected(tmp_path: Path, number: Any) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task(number, title="x"), task(number, title="x")]))
    assert [one.reason for one in ImportReject.objects.all()] == ["no_id", "no_id"]


@pytest.mark.parametrize("number", [0, -5, 2**63 - 1, 2**60])
def test_an_id_out_of_range_is_rejected(tmp_path: Path, number: int) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task(number)]))
    assert reasons() == {str(number): "id_out_of_range"}


def test_an_id_written_as_text_is_the_same_id(tmp_path: Path) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task("8", title="first"), task(8, title="second")]))
    assert Task.objects.get().title == "first"
    assert [one.reason for one in ImportReject.objects.all()] == ["duplicate"]


def test_orphans_are_rejected_whole(tmp_path: Path) -> None:
    path = ledger(
        tmp_path / "mission-control.db",
        tasks=[task(1), task(2, status="zombie")],
        task_comments=[
            {"id": 1, "task_id": 99, "body": "lost\0"},
            {"id": 2, "task_id": 2, "body": "of a reject"},
        ],
        task_deps=[{"task_id": 1, "depends_on": 99}],
        task_history=[
            {"id": 1, "task_id": None, "action": "created"},
            {"id": 2, "task_id": "x", "action": "created"},
        ],
    )
    load(path)
    assert ImportReject.objects.filter(reason="orphan").count() == 5
    lost = ImportReject.objects.get(table="task_comments", key="1")
    assert from_json(lost.row["body"]) == "lost\0"


@pytest.mark.parametrize("parent", [99, "x", 8, -1])
def test_a_parent_that_is_not_there_is_kept_beside(tmp_path: Path, parent: Any) -> None:
    found = imported(tmp_path, parent_id=parent)
    assert found.parent_id is None
    assert found.legacy["parent_id"] == parent


def test_a_circle_of_parents_is_cut_at_one_row(tmp_path: Path) -> None:
    rows = [task(1, parent_id=2), task(2, parent_id=3), task(3, parent_id=1), task(4, parent_id=1)]
    load(ledger(tmp_path / "mission-control.db", tasks=rows))
    found = dict(Task.objects.values_list("id", "parent_id"))
    assert sum(parent is None for parent in found.values()) == 1
    assert found[4] == 1


def test_dependencies_that_make_no_sense_are_rejected(tmp_path: Path) -> None:
    deps = [(1, 2), (2, 3), (3, 1), (1, 1), (1, 2), (3, 4)]
    path = ledger(
        tmp_path / "mission-control.db",
        tasks=[task(number) for number in (1, 2, 3, 4)],
        task_deps=[{"task_id": one, "depends_on": other} for one, other in deps],
    )
    load(path)
    assert set(Dependency.objects.values_list("task_id", "depends_on_id")) == {(1, 2), (2, 3), (3, 4)}
    assert sorted(ImportReject.objects.values_list("reason", flat=True)) == [
        "cycle",
        "duplicate",
        "self_dependency",
    ]


def test_comments_and_history_without_an_id_are_imported(tmp_path: Path) -> None:
    path = ledger(
        tmp_path / "mission-control.db",
        tasks=[task(1)],
        task_comments=[
            {"id": number, "task_id": 1, "body": body}
            for number, body in [(None, "a"), (7, "b"), (7, "c"), (-2, "d"), (2**62, None)]
        ],
        task_history=[{"id": None, "task_id": 1, "action": None, "at": "never", "detail": b"\xff"}],
    )
    load(path)
    assert sorted(Comment.objects.values_list("body", flat=True)) == ["", "a", "b", "c", "d"]
    event = TaskEvent.objects.exclude(kind="imported").get()
    assert event.kind == "unknown"
    assert event.data["legacy"]["at"] == "never"


def test_unknown_columns_are_kept_with_their_row(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1)])
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE tasks ADD COLUMN mood")
        db.execute("ALTER TABLE task_deps ADD COLUMN note")
        db.execute("UPDATE tasks SET mood = x'00ff'")
        db.execute("INSERT INTO tasks (id, title, status) VALUES (2, 'two', 'open')")
        db.execute("INSERT INTO task_deps VALUES (1, 2, 'because')")
    db.close()
    load(path)
    assert from_json(Task.objects.get(pk=1).legacy["mood"]) == b"\x00\xff"
    assert "mood" not in Task.objects.get(pk=2).legacy
    assert LegacyRow.objects.get().row == {"task_id": 1, "depends_on": 2, "note": "because"}


def test_missing_columns_and_tables_do_no_harm(tmp_path: Path) -> None:
    row = {"id": 3, "title": "t", "status": "open"}
    report = load(
        ledger(tmp_path / "mission-control.db", "CREATE TABLE Tasks (ID, Title, Status)", tasks=[row])
    )
    assert Task.objects.get().title == "t"
    assert counts(report, "task_deps").source == 0


def test_a_row_that_postgresql_refuses_is_rejected_alone(tmp_path: Path) -> None:
    """Beyond what the full-text index can hold: a million different words."""
    heavy = "".join(
        f"{chr(0x4E00 + number % 20_000)}{chr(0x4E00 + number // 3 % 20_000)} " for number in range(33_000)
    )
    rows = [task(number) for number in range(1, 20)]
    load(
        ledger(
            tmp_path / "mission-control.db",
            tasks=[*rows, task(20, title=heavy, description=heavy * 2), task(21)],
        )
    )
    assert Task.objects.count() + ImportReject.objects.filter(reason="not_storable").count() == 21
    assert Task.objects.count() >= 20


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_at_once_adds_up(tmp_path: Path, seed: int) -> None:
    report = load(realistic(tmp_path / "mission-control.db", seed=seed), batch_rows=37)
    assert counts(report).created == Task.objects.count()
    rejected = sum(
        counts(report, table).rejected for table in ("tasks", "task_comments", "task_deps", "task_history")
    )
    assert rejected == ImportReject.objects.count() > 0
    assert set(Task.objects.values_list("status", flat=True)) <= set(Status.values)


def test_the_real_schema_takes_dirt_too(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", SCHEMA, tasks=[task(1, parent_id="x", cost_usd="free")])
    load(path)
    assert Task.objects.get().legacy["parent_id"] == "x"
