"""Home: what needs me, first in words, with the action beside it; the same few queries however much there is."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from lxml import html
from pytest_django import Settings

from alai.kernel import health, needs
from alai.kernel.models import ImportReject, Notification
from alai.kernel.needs import Found, Need
from alai.kernel.valkey import valkey
from missioncontrol import services
from missioncontrol.models import Priority, Task
from tests.admin.conftest import JOHN
from tests.cast import make_task

HOUR = timedelta(hours=1)
LEASE = {"lease_actor": "john", "lease_session": "s", "status": "in_progress"}


@pytest.fixture(autouse=True)
def _everything_lives(db: None) -> None:
    for part in ("worker", "beat"):
        health._stamped.pop(part, None)
        health.stamp(part)


def home(client: Client) -> str:
    reply = client.get(reverse("admin:index"))
    assert reply.status_code == 200
    return reply.content.decode()


def test_an_empty_installation_is_told_how_to_begin(ada: Client) -> None:
    shown = home(ada)
    assert "Nothing needs you." in shown
    for command in ("import_sqlite", "create_token", "claims/next"):
        assert command in shown


@pytest.mark.parametrize(
    ("pressing", "others", "told"),
    [
        (
            {"priority": Priority.HIGH, "due_at": timezone.now() - HOUR},
            [
                {"priority": Priority.LOW, "due_at": timezone.now() - HOUR},
                {"priority": Priority.HIGH, "due_at": timezone.now() - HOUR, "status": "done"},
                {"priority": Priority.HIGH, "due_at": timezone.now() + HOUR},
            ],
            "and 2 more high or critical and overdue",
        ),
        (
            {"priority": Priority.CRITICAL, "status": "blocked", "updated_at": timezone.now() - 200 * HOUR},
            [
                {"priority": Priority.LOW, "status": "blocked", "updated_at": timezone.now() - 200 * HOUR},
                {"priority": Priority.HIGH, "status": "blocked", "updated_at": timezone.now() - HOUR},
            ],
            "and 2 more high or critical and blocked for a week",
        ),
        (
            LEASE | {"lease_until": timezone.now() - HOUR},
            [
                LEASE | {"lease_until": timezone.now() + HOUR},
                {"status": "in_progress"},
            ],
            "and 2 more leases that ran out",
        ),
        ({"status": "ready"}, [{"status": "open"}], "and 2 more ready tasks"),
    ],
)
def test_the_rest_of_a_kind_is_one_link_away_and_nothing_else(
    pressing: dict[str, object], others: list[dict[str, object]], told: str, ada: Client
) -> None:
    wanted = {make_task(**pressing).pk for _ in range(4)}
    for other in others:
        make_task(**other)
    (link,) = (a for a in html.fromstring(home(ada)).iter("a") if (a.text or "") == told)
    _, _, query = link.get("href", "").partition("?")
    listed = ada.get(f"{reverse('admin:missioncontrol_task_changelist')}?{query}")
    assert {task.pk for task in listed.context["cl"].result_list} == wanted


def test_one_ready_task_is_one_thing_with_its_action(ada: Client) -> None:
    task = make_task(status="ready", title="Write the tender")
    shown = home(ada)
    assert "Ada. One thing needs you." in shown
    assert "waits for acceptance" in shown
    assert reverse("admin:missioncontrol_task_act", args=[task.pk, "accept"]) in shown


def test_many_of_a_kind_are_capped_and_counted(ada: Client) -> None:
    for _ in range(5):
        make_task(status="ready")
    shown = home(ada)
    assert "Five things need you." in shown
    assert "and 3 more ready tasks" in shown


def test_pressing_overdue_and_long_blocked_tasks_need_somebody(ada: Client) -> None:
    make_task(priority=Priority.CRITICAL, due_at=timezone.now() - 5 * HOUR)
    make_task(priority=Priority.LOW, due_at=timezone.now() - 5 * HOUR)
    make_task(status="blocked", priority=Priority.HIGH, updated_at=timezone.now() - 200 * HOUR)
    shown = home(ada)
    assert "Two things need you." in shown
    assert "is critical and 5 h overdue" in shown
    assert "has been blocked for 8 days" in shown


def test_a_lease_that_nobody_sweeps_can_be_released_there(ada: Client, vera: Client) -> None:
    expired = timezone.now() - HOUR
    make_task(status="in_progress", lease_actor="john", lease_session="abc123", lease_until=expired)
    assert "which ran out 60 min ago" in home(ada)
    assert "Why do you end it?" in home(ada)
    assert "Why do you end it?" not in home(vera)


def test_failed_notifications_need_somebody(ada: Client) -> None:
    Notification.objects.create(
        event="incident:1", recipient="#ops", channel="#ops", text="down", state="failed"
    )
    assert "could not be told to #ops" in home(ada)


def test_rejected_rows_of_an_import_are_one_thing(ada: Client) -> None:
    for key in ("1", "2"):
        ImportReject.objects.create(
            source="old", table="tasks", key=key, reason="conflict", detail="changed on both sides", row={},
            source_hash=b"",
        )  # fmt: skip
    shown = home(ada)
    assert "One thing needs you." in shown
    assert "2 rows" in shown


def test_a_silent_worker_is_said(ada: Client) -> None:
    valkey().delete(health._stamp_key("worker"))
    assert "The worker" in home(ada)
    assert "Look here" in home(ada)


def test_what_cannot_be_told_to_anybody_is_not_well(ada: Client, settings: Settings) -> None:
    settings.SLACK_BOT_TOKEN = ""
    assert "All well" in home(ada)
    Notification.objects.create(event="mention:1", recipient="#ops", channel="#ops", text="you are asked")
    shown = home(ada)
    assert "set SLACK_BOT_TOKEN" in shown
    assert "All well" not in shown and "Look here" in shown


def test_unenforced_leases_are_said_on_every_page(ada: Client, settings: Settings) -> None:
    settings.MC_LEASE_ENFORCE = False
    assert "not enforced" in home(ada)
    assert "Leases not enforced" in ada.get(reverse("admin:kernel_actor_changelist")).content.decode()


def test_staff_without_permission_learn_nothing(sten: Client) -> None:
    make_task(status="ready", title="Secret tender")
    assert "Secret tender" not in home(sten)


def test_since_you_last_looked_counts_from_the_visit_before(ada: Client) -> None:
    make_task()
    assert "In the last 24 hours" in home(ada)
    session = ada.session
    session["home"] = {"before": None, "seen": (timezone.now() - 3 * HOUR).isoformat()}
    session.save()
    make_task(status="done", completed_at=timezone.now())
    assert "Since you last looked" in home(ada)
    assert "1 task done" in home(ada)


def test_the_pages_own_refresh_is_no_visit(ada: Client) -> None:
    make_task()
    home(ada)
    before = ada.session["home"]
    ada.get(reverse("admin:index"), headers={"X-Live": "1"})
    assert ada.session["home"] == before


def test_what_happens_is_told_in_words_and_escaped(ada: Client) -> None:
    task = make_task(title="<b>bold</b>")
    services.claim_task(by=JOHN, task_id=task.pk, session="abc123", ttl=timedelta(minutes=10))
    shown = home(ada)
    assert "claimed" in shown
    assert "<b>bold</b>" not in shown


def test_a_provider_of_another_app_is_heard(ada: Client) -> None:
    needs.register("drill", lambda request: Found([Need("Drill", "info", "is due")], 1), weight=1)
    try:
        assert "is due" in home(ada)
    finally:
        needs.unregister("drill")


def test_a_provider_that_fails_stops_no_other(ada: Client) -> None:
    def fails(request: object) -> Found:
        raise OperationalError("the statement took too long")

    needs.register("broken", fails)
    try:
        make_task(status="ready")
        shown = home(ada)
    finally:
        needs.unregister("broken")
    assert "could not be found out what broken needs" in shown
    assert "waits for acceptance" in shown


@pytest.mark.parametrize("url", ["admin:index", "admin:missioncontrol_task_changelist"])
def test_two_hundred_tasks_cost_no_more_queries_than_two(url: str, ada: Client) -> None:
    def count() -> int:
        ada.get(reverse(url))
        with CaptureQueriesContext(connection) as queries:
            assert ada.get(reverse(url)).status_code == 200
        return len(queries)

    _fill(3)
    few = count()
    _fill(200)
    many = count()
    assert many <= few + 3  # counting starts once there is more than is shown
    assert many <= 45  # each room asks for what needs somebody


def test_a_task_page_costs_a_bounded_number_of_queries(ada: Client, task: Task) -> None:
    for number in range(40):
        services.add_comment(by=JOHN, task_id=task.pk, body=f"Step {number}")
        make_task(parent=task)
    with CaptureQueriesContext(connection) as queries:
        assert ada.get(reverse("admin:missioncontrol_task_change", args=[task.pk])).status_code == 200
    assert len(queries) <= 20


def _fill(count: int) -> None:
    until = timezone.now() + HOUR
    Task.objects.bulk_create(
        Task(title=f"Task {n}", status=status, priority=3, due_at=timezone.now() - HOUR, **lease)
        for n in range(count // 3 + 1)
        for status, lease in (
            ("ready", {}),
            ("open", {}),
            ("in_progress", {"lease_actor": "john", "lease_session": f"s{n}", "lease_until": until}),
        )
    )
