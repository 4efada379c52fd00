"""The board: every column's most pressing cards, narrowed like the list, moved by the verbs of the task page."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from missioncontrol import services
from missioncontrol.admin import board, verbs
from missioncontrol.models import Priority, Status, Task
from tests.admin.conftest import JOHN
from tests.cast import make_task

HOUR = timedelta(hours=1)


def columns(client: Client, query: str = "") -> dict[str, board.Column]:
    reply = client.get(f"{reverse('admin:missioncontrol_task_board')}?{query}")
    assert reply.status_code == 200
    return {str(column.status): column for column in reply.context["columns"]}


def cards(client: Client, query: str = "") -> dict[str, list[int]]:
    return {
        status: [card.task.pk for card in column.cards]
        for status, column in columns(client, query).items()
        if column.cards
    }


def shown(client: Client, query: str = "", **headers: str) -> str:
    url = f"{reverse('admin:missioncontrol_task_board')}?{query}"
    return client.get(url, headers=headers).content.decode()


def put(client: Client, task: Task, status: str, **data: Any) -> Any:
    """Move a card as the page's script does."""
    verb = verbs.moves()[task.status][status]
    url = reverse("admin:missioncontrol_task_act", args=[task.pk, verb])
    reply = client.post(url, data, headers={"Accept": "application/json"})
    task.refresh_from_db()
    return reply


def test_each_task_stands_in_the_column_of_its_status(ada: Client) -> None:
    made = {
        status: make_task(status=status).pk
        for status in ("open", "in_progress", "paused", "blocked", "ready")
    }
    recent = make_task(status="done", completed_at=timezone.now() - HOUR).pk
    make_task(status="done", completed_at=timezone.now() - 200 * HOUR)
    make_task(status="cancelled", completed_at=timezone.now())
    assert cards(ada) == {status: [pk] for status, pk in {**made, "done": recent}.items()}


def test_the_most_pressing_card_is_the_first(ada: Client) -> None:
    now = timezone.now()
    low = make_task(priority=Priority.LOW, due_at=now - HOUR)
    plain = make_task(priority=Priority.HIGH)
    later = make_task(priority=Priority.HIGH, due_at=now + HOUR)
    soon = make_task(priority=Priority.HIGH, due_at=now)
    assert cards(ada) == {"open": [soon.pk, later.pk, plain.pk, low.pk]}


def test_a_card_says_whose_it_is_who_holds_it_and_that_it_is_late(ada: Client) -> None:
    task = make_task(team="sales", owner="ole", priority=Priority.HIGH, due_at=timezone.now() - 5 * HOUR)
    services.claim_task(by=JOHN, task_id=task.pk, session="abc123", ttl=timedelta(minutes=10))
    page = shown(ada)
    for word in (
        f"#{task.pk}",
        "sales",
        "ole",
        "High",
        "overdue 5 h",
        "10 min left",
        'data-holder="john:abc123"',
    ):
        assert word in page
    assert "1 in progress, 1 held by a session; 1 overdue." in page


def test_a_lease_that_ran_out_is_no_holder(ada: Client) -> None:
    expired = timezone.now() - HOUR
    make_task(status="in_progress", lease_actor="john", lease_session="abc123", lease_until=expired)
    page = shown(ada)
    assert "ran out 60 min ago" in page
    assert "data-holder" not in page


def test_a_full_column_says_how_many_more_and_where(ada: Client) -> None:
    for _ in range(board.CARDS + 3):
        make_task(team="sales", status="blocked")
    make_task(team="ops", status="blocked")
    column = columns(ada, "team=sales&due=none")["blocked"]
    assert (len(column.cards), column.total, column.hidden) == (board.CARDS, board.CARDS + 3, 3)
    assert parse_qs(urlsplit(column.url).query) == {"status": ["blocked"], "team": ["sales"], "due": ["none"]}
    assert f"and {3} more" in shown(ada, "team=sales")
    assert ada.get(column.url).context["cl"].result_count == board.CARDS + 3


@pytest.mark.parametrize(
    ("query", "count"), [("", 60), ("team=sales", 29), ("team=-", 31), ("team=sales&tag=seo", 29)]
)
def test_a_column_is_counted_alike_by_tallies_and_one_by_one(query: str, count: int, ada: Client) -> None:
    now = timezone.now()
    for number in range(60):
        team = "" if number % 2 or number == 0 else "sales"
        make_task(team=team, tags=["seo"], due_at=now - HOUR)
        make_task(team=team, tags=["seo"], status="done", completed_at=now - number * HOUR)
    make_task(team="sales", tags=["seo"], status="done", completed_at=now - timedelta(days=8))
    shown_columns = columns(ada, query)
    assert (shown_columns["open"].total, shown_columns["done"].total) == (count, count)
    assert f"Nothing is in progress; {count} open; {count} overdue." in shown(ada, query)


def test_it_narrows_like_the_list_but_by_status(ada: Client) -> None:
    wanted = make_task(team="sales", owner="ole", tags=["seo"], priority=Priority.HIGH, status="ready")
    make_task(team="ops", owner="ole", tags=["seo"], priority=Priority.HIGH)
    assert cards(ada, "team=sales&owner=ole&tag=seo&priority=high&status=open&o=1") == {"ready": [wanted.pk]}
    assert cards(ada, "q=nothing+like+it") == {}


@pytest.mark.parametrize(
    "query", ["team=%00", "priority=x&x=y", "q=%22", "tag=" + "x" * 300, "o=9.9.9", "&&=&="]
)
def test_no_address_breaks_it(query: str, ada: Client) -> None:
    make_task()
    columns(ada, query)


def test_the_lists_filters_lead_to_the_board_and_back(ada: Client) -> None:
    make_task(team="sales")
    listed = ada.get(
        reverse("admin:missioncontrol_task_changelist") + "?team=sales&priority=medium"
    ).content.decode()
    assert f"{reverse('admin:missioncontrol_task_board')}?team=sales&amp;priority=medium" in listed
    assert f"{reverse('admin:missioncontrol_task_changelist')}?team=sales" in shown(ada, "team=sales")


def test_a_task_opened_from_the_board_leads_back_to_it(ada: Client) -> None:
    task = make_task(team="sales")
    card = columns(ada, "team=sales")["open"].cards[0]
    page = ada.get(card.url).content.decode()
    assert "← Board" in page
    assert f'href="{board.url("team=sales")}"' in page
    reply = ada.post(
        reverse("admin:missioncontrol_task_act", args=[task.pk, "start"]) + "?" + urlsplit(card.url).query
    )
    assert reply["Location"] == card.url


def test_its_own_refresh_gets_the_living_parts_alone(ada: Client) -> None:
    task = make_task()
    part = shown(ada, x_live="1")
    assert f'id="mc-card-{task.pk}"' in part
    assert "<html" not in part


# --- Moving -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (before, after)
        for before, ways in verbs.moves().items()
        for after in ways
        if after not in ("ready", "done")
    ],
)
def test_a_move_is_the_verb_that_leads_there(before: str, after: str, ada: Client) -> None:
    task = make_task(status=before, completed_at=timezone.now() if before in ("done", "cancelled") else None)
    reply = put(ada, task, after, reason="because")
    assert (reply.status_code, task.status) == (200, after)
    assert reply.json()["sentence"].startswith(f"#{task.pk}: ")
    assert task.events.get().actor == "ada"


def test_a_move_to_done_goes_through_the_gate(ada: Client) -> None:
    task = make_task()
    reply = put(ada, task, "done")
    assert (reply.status_code, reply.json()["code"], task.status) == (422, "evidence_required", "open")
    assert "at least one piece of evidence" in reply.json()["detail"]
    assert put(ada, task, "done", evidence="https://example.com/proof").status_code == 200
    assert task.status == "done"


def test_a_held_task_asks_for_a_reason(ada: Client) -> None:
    task = make_task()
    services.claim_task(by=JOHN, task_id=task.pk, session="abc123", ttl=timedelta(minutes=10))
    task.refresh_from_db()
    reply = put(ada, task, "paused")
    assert (reply.status_code, reply.json()["code"], task.status) == (422, "reason_required", "in_progress")
    assert "john:abc123" in reply.json()["detail"]
    assert put(ada, task, "paused", reason="The customer called.").status_code == 200
    assert (task.status, task.lease_actor) == ("paused", "")


def test_blocking_and_sending_back_say_why(ada: Client) -> None:
    for before, after in (("open", "blocked"), ("ready", "open")):
        task = make_task(status=before)
        reply = put(ada, task, after)
        assert (reply.status_code, reply.json()["code"], task.status) == (422, "reason_required", before)


def test_what_no_longer_fits_is_refused(ada: Client) -> None:
    """The card was looked at before somebody finished the task."""
    task = make_task(status="open")
    Task.objects.filter(pk=task.pk).update(status="done", completed_at=timezone.now())
    reply = put(ada, task, "in_progress")
    assert (reply.status_code, reply.json()["code"], task.status) == (409, "does_not_fit", "done")
    assert reply.json()["detail"] == f"Task {task.pk} is done by now: “Start” does not fit."


def test_who_may_only_look_moves_nothing(vera: Client, sten: Client) -> None:
    task = make_task()
    page = shown(vera)
    assert f"#{task.pk}" in page
    assert 'draggable="true"' not in page
    assert "data-move" not in page
    assert put(vera, task, "paused").status_code == 403
    assert sten.get(reverse("admin:missioncontrol_task_board")).status_code == 403


def test_titles_and_names_are_text(ada: Client) -> None:
    make_task(title="<script>alert(1)</script>" * 30, owner="<b>ole</b>", team="</script>")
    page = shown(ada, "owner=%3Cb%3Eole%3C%2Fb%3E")
    assert "<script>alert" not in page
    assert "<b>ole" not in page


def test_many_tasks_cost_no_more_queries_than_few(ada: Client) -> None:
    def count() -> int:
        shown(ada)
        with CaptureQueriesContext(connection) as queries:
            shown(ada)
        return len(queries)

    for status in Status.values:
        make_task(status=status)
    few = count()
    for status in Status.values * 40:
        make_task(status=status, completed_at=timezone.now() if status == "done" else None)
    assert count() <= few + len(board.COLUMNS)  # counting starts once there is more than is shown
    assert few <= 25
