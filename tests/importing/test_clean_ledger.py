"""A clean ledger arrives whole: ids, fields, evidence, leases, history."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection

from alai.kernel.importing import run
from alai.kernel.models import AuditEntry, ImportReject, ImportRow
from missioncontrol.models import Comment, Dependency, Evidence, Priority, Task, TaskEvent
from tests.importing.ledgers import SCHEMA, counts, ledger, load, task

pytestmark = pytest.mark.django_db


def test_a_task_keeps_its_id_and_every_field(tmp_path: Path) -> None:
    row = task(
        27, title="Migrate žalbeni rok", description="words", status="done", priority="critical", owner="john",
        team="drop", tags='["seo", "infra"]', source="manual", completed_at="2026-03-06T18:32:00.000Z",
        due_at="2026-03-13 07:55:00", cost_usd=0.3072,
    )  # fmt: skip
    load(ledger(tmp_path / "mission-control.db", SCHEMA, tasks=[task(29), {**row, "parent_id": 29}]))
    found = Task.objects.get(pk=27)
    assert (found.title, found.description, found.status) == ("Migrate žalbeni rok", "words", "done")
    assert (found.priority, found.owner, found.team, found.source) == (
        Priority.CRITICAL,
        "john",
        "drop",
        "manual",
    )
    assert found.tags == ["seo", "infra"]
    assert found.parent_id == 29
    assert found.cost_usd == Decimal("0.3072")
    assert found.created_at == datetime(2026, 3, 6, 3, 9, tzinfo=UTC)
    assert found.completed_at == datetime(2026, 3, 6, 18, 32, tzinfo=UTC)
    assert found.due_at == datetime(2026, 3, 13, 7, 55, tzinfo=UTC)
    assert found.legacy == {}


def test_comments_dependencies_and_history_stand_beside_their_task(tmp_path: Path) -> None:
    path = ledger(
        tmp_path / "mission-control.db", SCHEMA,
        tasks=[task(1), task(2)],
        task_comments=[{"id": 501, "task_id": 1, "author": "ada", "body": "seen", "created_at": "2026-03-07 10:00:00"}],
        task_deps=[{"task_id": 1, "depends_on": 2}],
        task_history=[{"id": 9, "task_id": 1, "actor": "john", "action": "created", "detail": "x", "at": "2026-03-06"}],
    )  # fmt: skip
    load(path)
    comment = Comment.objects.get()
    assert (comment.task_id, comment.author, comment.body) == (1, "ada", "seen")
    assert comment.created_at == datetime(2026, 3, 7, 10, tzinfo=UTC)
    assert list(Dependency.objects.values_list("task_id", "depends_on_id")) == [(1, 2)]
    history = TaskEvent.objects.get(kind="created")
    assert (history.task_id, history.actor, history.at) == (1, "john", datetime(2026, 3, 6, tzinfo=UTC))
    assert history.data == {"detail": "x", "imported": True}


def test_each_imported_task_has_one_event_by_the_import(tmp_path: Path) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task(1)]))
    event = TaskEvent.objects.get(task_id=1)
    assert (event.kind, event.actor, event.data["source"]) == ("imported", "import", "mission-control")


def test_dod_evidence_becomes_an_unverified_reference(tmp_path: Path) -> None:
    rows = [
        task(29, status="done", dod_evidence="/tmp/evidence-29/", completed_at="2026-03-07 11:48:00"),
        task(30, dod_evidence='["/tmp/a", "/tmp/b"]'),
    ]
    load(ledger(tmp_path / "mission-control.db", tasks=rows))
    first = Evidence.objects.get(task_id=29)
    assert (first.name, first.form, first.verified) == ("/tmp/evidence-29/", "reference", False)
    assert first.created_at == datetime(2026, 3, 7, 11, 48, tzinfo=UTC)
    assert set(Evidence.objects.filter(task_id=30).values_list("name", flat=True)) == {"/tmp/a", "/tmp/b"}


def test_a_whole_lease_is_imported_with_a_fence(tmp_path: Path) -> None:
    lease = {"lease_holder": "john", "lease_session": "fff94a87", "lease_until": "2026-06-30T12:09:00.000Z"}
    load(ledger(tmp_path / "mission-control.db", tasks=[task(5, status="in_progress", **lease)]))
    found = Task.objects.get(pk=5).lease
    assert found is not None
    assert (found.holder, found.fencing_token) == ("john:fff94a87", 1)
    assert found.until == datetime(2026, 6, 30, 12, 9, tzinfo=UTC)


def test_a_child_may_come_before_its_parent(tmp_path: Path) -> None:
    rows = [task(1, parent_id=2), task(2, parent_id=3), task(3)]
    load(ledger(tmp_path / "mission-control.db", tasks=rows), batch_rows=1)
    assert dict(Task.objects.values_list("id", "parent_id")) == {1: 2, 2: 3, 3: None}


def test_native_ids_stay_above_a_million_and_above_every_imported_one(tmp_path: Path) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task(7)]))
    assert Task.objects.create(title="native").pk >= 1_000_000
    load(ledger(tmp_path / "mission-control.db", tasks=[task(5_000_000_000)]))
    assert Task.objects.create(title="native").pk > 5_000_000_000


def test_native_ids_begin_at_a_million_again_when_everything_was_flushed() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL alai.retention = 'on'; TRUNCATE missioncontrol_task RESTART IDENTITY CASCADE"
        )
    assert Task.objects.create(title="native").pk == 1_000_000


def test_comments_keep_their_ids_and_native_ones_come_after(tmp_path: Path) -> None:
    comments = [{"id": 10_000_123, "task_id": 1, "body": "old"}]
    load(ledger(tmp_path / "mission-control.db", tasks=[task(1)], task_comments=comments))
    assert Comment.objects.get().pk == 10_000_123
    assert Comment.objects.create(task_id=1, author="ada", body="new").pk > 10_000_123


def test_imported_words_are_found_by_full_text(tmp_path: Path) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task(1, description="žalbeni rok")]))
    assert [one.pk for one in Task.objects.matching("zalbeni")] == [1]


def test_bulk_rows_are_audited_once_a_statement(tmp_path: Path) -> None:
    comments = [{"id": number, "task_id": 1, "body": "x"} for number in range(1, 51)]
    load(ledger(tmp_path / "mission-control.db", tasks=[task(1)], task_comments=comments))
    [entry] = AuditEntry.objects.filter(target_type=Comment._meta.db_table)
    assert (entry.actor, entry.action) == ("import", "bulk-insert")


def test_every_row_is_remembered(tmp_path: Path) -> None:
    load(ledger(tmp_path / "mission-control.db", tasks=[task(1), task(2)]))
    assert set(ImportRow.objects.values_list("source", "table", "key")) == {
        ("mission-control", "tasks", "1"),
        ("mission-control", "tasks", "2"),
    }
    assert not ImportReject.objects.exists()


def test_the_sample_compares_a_hundred_rows(tmp_path: Path) -> None:
    report = load(
        ledger(tmp_path / "mission-control.db", SCHEMA, tasks=[task(number) for number in range(1, 201)])
    )
    assert report.sample.checked == 100
    assert counts(report).created == 200


def test_the_sample_notices_a_field_that_differs(tmp_path: Path) -> None:
    """A trigger that garbles on the way in stands for a fault of the importer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION garble() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN NEW.data := '{}'; RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER garble BEFORE INSERT ON missioncontrol_taskevent FOR EACH ROW "
            "WHEN (NEW.kind = 'created') EXECUTE FUNCTION garble()"
        )
    history = [
        {"id": 1, "task_id": 1, "actor": "john", "action": "created", "detail": "said", "at": "2026-03-06"}
    ]
    report = run([ledger(tmp_path / "mission-control.db", SCHEMA, tasks=[task(1)], task_history=history)])
    assert report.sample.mismatches == ["task_history 1: detail"]
    assert not report.agrees
