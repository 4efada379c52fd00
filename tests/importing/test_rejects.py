"""The rejects: listed, read and tried again in the admin."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from alai.kernel import importing
from alai.kernel.models import ImportReject, ImportRun, LegacyRow
from missioncontrol.models import Comment, Task
from tests.importing.ledgers import SCHEMA, Undecoded, ledger, load, task

pytestmark = pytest.mark.django_db
LIST = "/admin/kernel/importreject/"


@pytest.fixture
def ole(client: Client) -> Client:
    client.force_login(
        User.objects.create_superuser("ole"), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


@pytest.fixture
def orphan(tmp_path: Path) -> ImportReject:
    """A comment whose task is a reject itself, with every kind of value in it."""
    path = ledger(
        tmp_path / "mission-control.db",
        tasks=[task(1, status="zombie"), task(2)],
        task_comments=[
            {"id": 5, "task_id": 1, "author": Undecoded(b"\xff"), "body": "nul\0", "created_at": 9e99}
        ],
    )
    load(path)
    return ImportReject.objects.get(table="task_comments")


def test_a_retry_imports_the_row_as_it_was_kept(orphan: ImportReject, tmp_path: Path) -> None:
    load(ledger(tmp_path / "later.db", tasks=[task(1)]))
    assert importing.retry(ids=[orphan.pk]).created == 1
    orphan.refresh_from_db()
    assert orphan.state == "resolved"
    comment = Comment.objects.get()
    assert (comment.task_id, comment.body, comment.author) == (1, "nul␀", "\ufffd")
    assert comment.legacy["created_at"] == {"real": "9e+99"}


def test_a_retry_that_fails_keeps_the_reject_open(orphan: ImportReject) -> None:
    assert importing.retry(ids=[orphan.pk]).rejected == 1
    orphan.refresh_from_db()
    assert orphan.state == "open"


def test_a_retry_takes_tasks_before_their_comments(orphan: ImportReject) -> None:
    ImportReject.objects.filter(table="tasks").update(row={"id": 1, "title": "mended", "status": "open"})
    counts = importing.retry(ids=ImportReject.objects.values_list("pk", flat=True))
    assert (counts.created, counts.rejected) == (2, 0)
    assert Task.objects.get(pk=1).comments.count() == 1


def test_the_next_import_knows_a_row_that_was_retried(tmp_path: Path) -> None:
    path = ledger(
        tmp_path / "mission-control.db", SCHEMA, task_comments=[{"id": 1, "task_id": 1, "body": "x"}]
    )
    load(path)
    load(ledger(tmp_path / "tasks.db", tasks=[task(1)]))
    importing.retry(ids=ImportReject.objects.values_list("pk", flat=True))
    assert load(path).files["mission-control.db"]["task_comments"].unchanged == 1


def test_the_admin_lists_the_reasons(ole: Client, orphan: ImportReject) -> None:
    page = ole.get(LIST).content.decode()
    assert "Unknown status" in page
    assert "Orphan" in page
    assert "no row 1 of tasks was imported" in page


def test_the_admin_shows_the_whole_row(ole: Client, orphan: ImportReject) -> None:
    page = ole.get(f"{LIST}{orphan.pk}/change/").content.decode()
    for column in ("author", "body", "created_at", "task_id"):
        assert column in page
    assert "9e+99" in page
    assert "nul␀ (held NUL characters; base64 bnVsAA==)" in page


def test_the_admin_retries(ole: Client, orphan: ImportReject, tmp_path: Path) -> None:
    load(ledger(tmp_path / "later.db", tasks=[task(1)]))
    answer = ole.post(LIST, {"action": "try_again", "_selected_action": [orphan.pk]}, follow=True)
    assert "1 row imported." in answer.content.decode()
    assert Comment.objects.count() == 1


def test_nobody_edits_or_adds_rejects(ole: Client, orphan: ImportReject) -> None:
    assert ole.get(f"{LIST}add/").status_code == 403
    assert ole.post(f"{LIST}{orphan.pk}/change/", {"reason": "none"}).status_code == 403


def test_the_admin_shows_runs_and_kept_rows(ole: Client, tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", SCHEMA + "CREATE TABLE notes (text)", tasks=[task(1)])
    load(ledger(path, notes=[{"text": "kept"}]))
    run, row = ImportRun.objects.get(), LegacyRow.objects.get()
    assert "Complete" in ole.get("/admin/kernel/importrun/").content.decode()
    assert "task_comments" in ole.get(f"/admin/kernel/importrun/{run.pk}/change/").content.decode()
    assert "kept" in ole.get(f"/admin/kernel/legacyrow/{row.pk}/change/").content.decode()
    assert ole.get("/admin/kernel/legacyrow/").status_code == 200
