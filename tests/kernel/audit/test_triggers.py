"""Every write leaves an audit entry, however it is made."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from alai.kernel import audit, context
from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, AuditEntry, Token
from missioncontrol.models import Comment, GatePolicy, Task, TaskEvent
from tests.cast import Cast, make_task

pytestmark = pytest.mark.django_db


def newest(table: str) -> AuditEntry:
    return AuditEntry.objects.filter(target_type=table).latest("id")


def test_an_insert_tells_who_what_for_which_request_and_why() -> None:
    with context.acting(actor="ada", on_behalf_of="ole", request_id="req-1", why="a new colleague"):
        actor = Actor.objects.create(name="new")
    entry = newest("kernel_actor")
    assert (entry.actor, entry.on_behalf_of, entry.request_id, entry.why) == (
        "ada",
        "ole",
        "req-1",
        "a new colleague",
    )
    assert (entry.action, entry.target_id, entry.before) == ("insert", str(actor.pk), None)
    assert entry.after is not None
    assert entry.after["name"] == "new"


def test_an_update_holds_before_and_after_of_what_changed_alone() -> None:
    actor = Actor.objects.create(name="old")
    Actor.objects.filter(pk=actor.pk).update(name="new")
    entry = newest("kernel_actor")
    assert (entry.action, entry.before, entry.after) == ("update", {"name": "old"}, {"name": "new"})


def test_an_update_that_changes_nothing_leaves_nothing() -> None:
    actor = Actor.objects.create(name="same")
    count = AuditEntry.objects.count()
    Actor.objects.filter(pk=actor.pk).update(name="same")
    assert AuditEntry.objects.count() == count


def test_a_delete_holds_what_is_gone() -> None:
    actor = Actor.objects.create(name="gone")
    actor.delete()
    entry = newest("kernel_actor")
    assert entry.action == "delete"
    assert entry.before is not None
    assert entry.before["name"] == "gone"


def test_a_bulk_update_leaves_an_entry_a_row() -> None:
    Actor.objects.bulk_create([Actor(name=f"a{number}") for number in range(5)])
    Actor.objects.update(is_active=False)
    assert AuditEntry.objects.filter(target_type="kernel_actor", action="insert").count() == 5
    assert AuditEntry.objects.filter(target_type="kernel_actor", action="update").count() == 5


def test_raw_sql_is_recorded_with_the_database_user() -> None:
    task = make_task()
    connection.ensure_connection()
    connection.connection.execute("SELECT set_config('alai.context', '', false)")
    connection.connection.execute("UPDATE missioncontrol_task SET title = 'raw' WHERE id = %s", [task.pk])
    entry = newest("missioncontrol_task")
    assert (entry.actor, entry.before, entry.after) == ("", {"title": "Write the tender"}, {"title": "raw"})
    assert entry.db_user


def test_a_write_of_a_past_request_does_not_name_the_next_one() -> None:
    with context.acting(actor="ada"):
        Actor.objects.create(name="first")
    Actor.objects.create(name="second")
    assert newest("kernel_actor").actor == ""


def test_secrets_are_named_but_never_shown() -> None:
    actor = Actor.objects.create(name="agent")
    token, text = issue_token(actor=actor, scopes=["tasks:read"])
    user = User.objects.create_user("ada", password="a-long-password-of-ada")
    user.set_password("another-long-password")
    user.save()
    everything = str(list(AuditEntry.objects.values_list("before", "after")))
    for secret in (text, token.digest, user.password, "pbkdf2"):
        assert secret not in everything
    assert newest("auth_user").after == {"password": "[omitted]"}


def test_using_a_token_or_signing_in_is_no_change_worth_an_entry(cast: Cast) -> None:
    count = AuditEntry.objects.count()
    assert cast.john.get("/tasks").status == 200
    assert Token.objects.get(actor__name="john").last_used_at is not None
    assert AuditEntry.objects.count() == count


def test_histories_can_be_neither_changed_nor_deleted() -> None:
    task = make_task()
    TaskEvent.objects.create(task=task, kind="created", actor="john")
    Actor.objects.create(name="x")
    for model in (TaskEvent, AuditEntry):
        rows = model._default_manager.all()
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rows.update(actor="nobody")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rows.delete()


def test_every_table_is_audited_or_says_why_not() -> None:
    tables = [
        model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed
    ]
    lost = audit.unaccounted(tables)
    assert not lost, f"say audit.register, append_only or exempt for {lost} in the app's wiring.py"


def test_a_service_writes_its_event_instead_of_a_second_entry(cast: Cast) -> None:
    task = make_task()
    count = AuditEntry.objects.filter(target_type="missioncontrol_task").count()
    cast.john.post(f"/tasks/{task.pk}/claim", {"session": "s"})
    cast.john.patch(f"/tasks/{task.pk}", {"title": "Other", "status": "paused"}, x_fencing_token="1")
    assert AuditEntry.objects.filter(target_type="missioncontrol_task").count() == count
    assert set(TaskEvent.objects.filter(task=task).values_list("kind", flat=True)) == {
        "claimed",
        "edited",
        "paused",
    }


def test_after_a_service_the_ledger_is_audited_again(cast: Cast) -> None:
    task = make_task()
    cast.john.post(f"/tasks/{task.pk}/claim", {"session": "s"})
    Task.objects.filter(pk=task.pk).update(title="behind the services' back")
    assert newest("missioncontrol_task").after == {"title": "behind the services' back"}


def test_what_people_do_with_their_session_bears_their_name_and_needs_the_csrf_token() -> None:
    ada = User.objects.create_superuser("ada", password="a-long-password-of-ada")
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    path, body = f"/api/v1/tasks/{make_task().pk}/comments", {"body": "hi"}
    refused = client.post(path, body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    client.get("/api/v1/docs")
    headers = {"X-CSRFToken": client.cookies["csrftoken"].value}
    assert client.post(path, body, content_type="application/json", headers=headers).status_code == 201
    assert Comment.objects.get().author == "ada"
    assert newest("missioncontrol_comment").actor == "ada"


@pytest.mark.parametrize("table", ["kernel_auditentry", "missioncontrol_taskevent", "missioncontrol_task"])
def test_history_is_not_emptied_by_truncating_it_or_what_it_hangs_on(table: str) -> None:
    make_task()
    count = AuditEntry.objects.count()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE {table} CASCADE")
    assert AuditEntry.objects.count() == count


def test_emptying_a_table_leaves_an_entry() -> None:
    GatePolicy.objects.create(team="sales", why="first")
    with context.acting(actor="ada", why="a new beginning"), connection.cursor() as cursor:
        cursor.execute("TRUNCATE missioncontrol_gatepolicy")
    entry = newest("missioncontrol_gatepolicy")
    assert (entry.action, entry.actor, entry.why) == ("truncate", "ada", "a new beginning")


def test_flush_says_why_it_does_nothing() -> None:
    task = make_task()
    connection.check_constraints()
    with pytest.raises(CommandError, match="Nothing was removed"), transaction.atomic():
        call_command("flush", interactive=False, verbosity=0)
    assert Task.objects.filter(pk=task.pk).exists()
