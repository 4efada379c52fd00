"""The tallies equal a count of all tasks after every kind of write, whoever makes it and however it ends."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from alai.kernel.importing import run as import_files
from alai.kernel.models import AuditEntry
from missioncontrol import services, tally
from missioncontrol.leases import Presented
from missioncontrol.models import Priority, Status, Task, TaskPace, TaskTally, TeamPace
from missioncontrol.services import upkeep
from missioncontrol.services.claims import NextFilters
from missioncontrol.tasks import check_tallies, fold_tallies
from tests.cast import Cast, make_task
from tests.importing.ledgers import SCHEMA
from tests.importing.ledgers import ledger as write_ledger
from tests.missioncontrol.leases.people import JOHN, OLE, TTL
from tests.missioncontrol.scale.counting import counted, rows, tallied

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def raw(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_an_empty_ledger_has_none() -> None:
    assert tallied() == counted() == {"tasks": {}, "overdue": 0, "days": {}, "teams": {}, "costs": {}}


def test_the_life_of_a_task_by_the_services() -> None:
    late = timezone.now() - HOUR
    task, _ = services.create_task(by=JOHN, title="Write the tender", team="sales", due_at=late)
    assert tallied() == counted()
    assert tally.overdue() == 1
    standing = services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    assert tally.by_team_and_status() == {("sales", "in_progress"): 1}
    services.extend_claim(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    services.release_claim(by=JOHN, task_id=task.pk, session="s1")
    assert tally.by_team_and_status() == {("sales", "open"): 1}
    services.update_task(by=OLE, task_id=task.pk, changes={"team": "web", "due_at": late + 5 * DAY})
    assert tallied() == counted()
    assert tally.overdue() == 0
    standing = services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    presented = Presented(actor="john", session="s1", fence=standing.fencing_token)
    services.finish_task(by=JOHN, task_id=task.pk, verb="done", items=["sent"], presented=presented)
    assert tally.created_and_done(timezone.now() - HOUR) == (1, 1)
    assert tallied() == counted()
    services.update_task(by=OLE, task_id=task.pk, changes={"status": Status.OPEN})
    assert tally.created_and_done(timezone.now() - HOUR) == (1, 0)
    assert tallied() == counted()


def test_claims_of_the_best_task_and_the_sweep_of_those_that_ran_out() -> None:
    for team in ("web", "sales"):
        make_task(team=team)
    services.claim_next(by=JOHN, session="s1", ttl=TTL, filters=NextFilters())
    assert tallied() == counted()
    Task.objects.exclude(lease_actor="").update(lease_until=timezone.now() - HOUR)
    services.sweep_claims(by=OLE, auto_release=True)
    assert tallied() == counted()
    assert tally.by_status()["open"] == 2


def test_many_at_once_over_the_api(cast: Cast) -> None:
    task = make_task()
    create = [
        {"op": "create", "title": f"Task {n}", "team": "web", "due_at": "2020-02-02T00:00:00Z"}
        for n in range(3)
    ]
    update = {"op": "update", "id": task.pk, "status": "blocked", "team": "web"}
    assert cast.ole.post("/tasks/bulk", {"items": [*create, update, {"op": "create"}]}).status == 200
    assert tallied() == counted()
    assert tally.by_team_and_status() == {("web", "open"): 3, ("web", "blocked"): 1}


CHANGES: dict[str, dict[str, Any]] = {
    "done": {"status": "done", "completed_at": timezone.now()},
    "cancelled": {"status": "cancelled", "completed_at": timezone.now() - DAY},
    "closed, nobody knows when": {"status": "done"},
    "another due date": {"due_at": timezone.now() + 3 * DAY},
    "no due date": {"due_at": None},
    "another team": {"team": "sales"},
    "older": {"created_at": timezone.now() - 9 * DAY},
    "all of it": {"status": "done", "completed_at": timezone.now(), "team": "sales", "due_at": None},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_counts_and_its_undoing_leaves_all_figures_as_they_were(changes: dict[str, Any]) -> None:
    task = make_task(team="web", due_at=timezone.now() - HOUR)
    before = tallied()
    was = Task.objects.filter(pk=task.pk).values(*changes).get()
    Task.objects.filter(pk=task.pk).update(**changes)
    assert tallied() == counted() != before
    Task.objects.filter(pk=task.pk).update(**was)
    assert tallied() == before == counted()


def test_done_and_then_cancelled_is_counted_as_cancelled_alone() -> None:
    task = make_task(status="done", completed_at=timezone.now())
    Task.objects.filter(pk=task.pk).update(status="cancelled")
    days = tallied()["days"]
    assert tallied() == counted()
    assert {what for _, what in days} == {"created", "cancelled"}


def test_a_claim_writes_of_its_statuses_alone() -> None:
    task = make_task(team="web", due_at=timezone.now() - HOUR)
    upkeep.fold_tallies()
    moments, of_teams = TaskPace.objects.count(), TeamPace.objects.count()
    services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    services.extend_claim(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    assert (TaskPace.objects.count(), TaskTally.objects.count()) == (moments, 3)
    assert TeamPace.objects.count() == of_teams


RAW: dict[str, Callable[[], object]] = {
    "bulk_create": lambda: Task.objects.bulk_create(Task(title="x", team=f"t{n % 3}") for n in range(10)),
    "update": lambda: Task.objects.update(team="other", status="cancelled", completed_at=timezone.now()),
    "delete": lambda: Task.objects.filter(status="open").delete(),
    "raw insert": lambda: raw(
        "INSERT INTO missioncontrol_task (title, description, status, priority, owner, team, tags, source, legacy,"
        " lease_actor, lease_session, lease_enforced, fencing_token, due_at, completed_at)"
        " SELECT 'x', '', CASE WHEN n % 2 = 0 THEN 'done' ELSE 'open' END, 1, '', 't' || n % 4, '{}', '', '{}', '', '',"
        " true, 0, now() - n * interval '7 hours', now() - n * interval '5 hours' FROM generate_series(1, 40) n"
    ),
    "raw update of dates": lambda: raw(
        "UPDATE missioncontrol_task SET created_at = created_at - interval '40 days',"
        " due_at = now() - interval '2 days'"
    ),
    "upsert": lambda: raw(
        "INSERT INTO missioncontrol_task SELECT * FROM missioncontrol_task"
        " ON CONFLICT (id) DO UPDATE SET team = 'upserted'"
    ),
    "merge": lambda: raw(
        "DELETE FROM missioncontrol_tasksearch;"
        "MERGE INTO missioncontrol_task t USING (SELECT id, row_number() OVER () AS n FROM missioncontrol_task) s"
        " ON s.id = t.id WHEN MATCHED AND n % 3 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET status = 'paused'"
    ),
    "update that changes nothing": lambda: raw("UPDATE missioncontrol_task SET status = status, due_at = due_at"),
    "truncate": lambda: raw("SET LOCAL alai.retention = 'on'; TRUNCATE missioncontrol_task CASCADE"),
}  # fmt: skip


@pytest.mark.parametrize("write", RAW.values(), ids=RAW.keys())
def test_writes_past_the_services(write: Callable[[], object]) -> None:
    make_task(team="web", due_at=timezone.now() - HOUR)
    make_task(team="web", status="done", completed_at=timezone.now())
    make_task(status="ready", due_at=timezone.now() + 3 * DAY)
    raw("SET CONSTRAINTS ALL IMMEDIATE")
    write()
    assert tallied() == counted()


def test_rows_that_come_by_copy() -> None:
    with connection.cursor() as cursor:
        columns = "title, description, status, priority, owner, team, tags, source, legacy, lease_actor, lease_session,"
        columns += " lease_enforced, fencing_token"
        with cursor.copy(f"COPY missioncontrol_task ({columns}) FROM STDIN") as stream:
            for number in range(50):
                stream.write_row(("x", "", "open", 1, "", f"t{number % 3}", "{}", "", "{}", "", "", True, 0))
    assert tallied() == counted()
    assert sum(tally.by_status().values()) == 50


def test_an_import_and_what_changed_at_the_source_since(tmp_path: Path) -> None:
    def bring(status: str) -> None:
        path = write_ledger(
            tmp_path / "mc.db",
            SCHEMA,
            tasks=[
                {"id": n, "title": f"Old {n}", "status": status if n % 2 else "open", "team": "web",
                 "completed_at": "2026-03-01 10:00:00" if status == "done" and n % 2 else None}
                for n in range(1, 30)
            ],
        )  # fmt: skip
        assert import_files([path]).agrees
        path.unlink()

    bring("blocked")
    assert tallied() == counted()
    bring("done")
    assert tallied() == counted()
    assert tally.by_status()["done"] == 15


def test_what_is_rolled_back_was_never_counted() -> None:
    make_task()
    with transaction.atomic():
        make_task(team="web")
        Task.objects.update(status="cancelled")
        transaction.set_rollback(True)
    assert tally.by_team_and_status() == {("", "open"): 1}
    with transaction.atomic():
        point = transaction.savepoint()
        Task.objects.all().delete()
        transaction.savepoint_rollback(point)
        make_task(team="sales")
    assert tallied() == counted()


def test_folding_changes_no_figure_and_leaves_a_row_for_each() -> None:
    for number in range(20):
        task = make_task(team=f"t{number % 2}", due_at=timezone.now() - DAY)
        if number % 3 == 0:
            Task.objects.filter(pk=task.pk).update(status="done", completed_at=timezone.now())
    before, many = tallied(), rows()
    assert "added up" in fold_tallies()
    assert tallied() == before == counted()
    assert rows() < many / 3
    assert fold_tallies() == "nothing to add up"


def test_what_cancels_out_leaves_no_row() -> None:
    make_task(due_at=timezone.now()).delete()
    upkeep.fold_tallies()
    assert rows() == 0


def test_the_daily_check_says_that_they_are_right_and_writes_nothing() -> None:
    make_task()
    before = rows()
    assert check_tallies() == "the tallies are right"
    assert rows() == before


def test_the_daily_check_corrects_what_was_written_with_the_triggers_off_and_says_so() -> None:
    make_task(team="web")
    raw("SET CONSTRAINTS ALL IMMEDIATE")
    raw("ALTER TABLE missioncontrol_task DISABLE TRIGGER USER")
    make_task(team="ghosts", due_at=timezone.now() - DAY)
    Task.objects.filter(team="web").update(status="blocked")
    raw("SET CONSTRAINTS ALL IMMEDIATE")
    raw("ALTER TABLE missioncontrol_task ENABLE TRIGGER USER")
    assert tallied() != counted()
    assert check_tallies() == "7 figures of the tallies corrected"
    assert tallied() == counted()
    entry = AuditEntry.objects.filter(action="tally-corrected", target_type="missioncontrol_task").earliest(
        "id"
    )
    assert entry.actor == "system"
    assert entry.after is not None
    assert ["ghosts", "open", "1"] in entry.after["by"]


def test_a_caller_of_one_team_sees_its_figures_alone(cast: Cast) -> None:
    make_task(team="web", due_at=timezone.now() - HOUR)
    make_task(team="sales", status="done", completed_at=timezone.now())
    stats = cast.ole.get("/stats").body
    assert stats["total"] == sum(stats["by_status"].values()) == 2
    assert stats["by_team"] == {"sales": 1, "web": 1}
    assert (stats["overdue"], stats["created_24h"], stats["done_24h"]) == (1, 2, 1)


# --- Anything, in any order -------------------------------------------------------------------------

MOMENTS = st.integers(-100, 100).map(lambda hours: timezone.now() + hours * HOUR)
FIELDS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(Status.values),
        "team": st.sampled_from(["", "web", "sales"]),
        "priority": st.sampled_from(Priority.values),
        "created_at": MOMENTS,
        "due_at": st.none() | MOMENTS,
        "completed_at": st.none() | MOMENTS,
    }
)
VERBS = st.sampled_from(["insert", "update", "delete", "fold"])
STEPS = st.lists(st.tuples(VERBS, st.integers(0, 5), FIELDS), max_size=15)


class TestAnything(TestCase):
    @given(STEPS)
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_any_writes_in_any_order(self, steps: list[tuple[str, int, dict[str, object]]]) -> None:
        for verb, number, fields in steps:
            some = Task.objects.order_by("pk").values("pk")[number : number + 2]
            match verb:
                case "insert":
                    Task.objects.bulk_create(Task(title="x", **fields) for _ in range(number + 1))
                case "update":
                    Task.objects.filter(pk__in=list(some.values_list("pk", flat=True))).update(**fields)
                case "delete":
                    Task.objects.filter(pk__in=list(some.values_list("pk", flat=True))).delete()
                case "fold":
                    upkeep.fold_tallies()
        assert tallied() == counted()
        since = timezone.now() - 30 * HOUR
        done = Task.objects.filter(status="done", completed_at__gte=since).count()
        assert tally.created_and_done(since) == (Task.objects.filter(created_at__gte=since).count(), done)
        theirs = Task.objects.filter(team__in=["web", ""])
        finished = theirs.filter(status="done", completed_at__gte=since).count()
        figures = (theirs.filter(created_at__gte=since).count(), finished)
        assert tally.created_and_done(since, ["web", ""]) == figures
        assert tally.overdue(["web", ""]) == theirs.overdue().count()
