"""Acting on many tasks at once: each is judged by itself, and refusals are told."""

from datetime import timedelta
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from missioncontrol import services
from missioncontrol.leases import Presented
from missioncontrol.models import Priority, Task
from tests.admin.conftest import JOHN
from tests.cast import make_task

LIST = "admin:missioncontrol_task_changelist"


def run(client: Client, action: str, tasks: list[Task], **data: Any) -> list[str]:
    chosen = {"action": action, "_selected_action": [task.pk for task in tasks], "confirmed": "1", **data}
    client.cookies.pop("messages", None)
    reply = client.post(reverse(LIST) + "?status=all", chosen)
    assert reply.status_code == 302
    assert reply["Location"].endswith("?status=all")
    for task in tasks:
        task.refresh_from_db()
    return [str(message) for message in get_messages(reply.wsgi_request)]


def test_it_asks_before_it_acts(ada: Client) -> None:
    task = make_task()
    reply = ada.post(reverse(LIST), {"action": "bulk_cancel", "_selected_action": [task.pk]})
    assert reply.status_code == 200
    assert "Cancel: 1 task" in reply.content.decode()
    task.refresh_from_db()
    assert task.status == "open"


def test_priority_and_team_change_with_their_events(ada: Client) -> None:
    tasks = [make_task(), make_task()]
    assert run(ada, "bulk_priority", tasks, priority="3") == ["2 tasks changed."]
    run(ada, "bulk_team", tasks, team="sales")
    assert {(task.priority, task.team) for task in tasks} == {(Priority.CRITICAL, "sales")}
    assert [event.kind for event in tasks[0].events.all()] == ["edited", "edited"]


def test_acceptance_without_evidence_is_refused_for_that_task_alone(ada: Client) -> None:
    proven, unproven = make_task(status="ready"), make_task(status="ready")
    presented = Presented(actor="john", person=True)
    with_words = {
        "by": JOHN,
        "task_id": proven.pk,
        "verb": "ready",
        "items": ["seen"],
        "presented": presented,
    }
    services.finish_task(**with_words)  # type: ignore[arg-type]
    messages = run(ada, "bulk_accept", [proven, unproven])
    assert (proven.status, unproven.status) == ("done", "ready")
    assert messages[0] == "1 task accepted."
    assert f"Task {unproven.pk} cannot be done yet" in messages[1]


def test_cancelling_ends_leases_with_the_reason(ada: Client) -> None:
    task = make_task()
    services.claim_task(by=JOHN, task_id=task.pk, session="abc123", ttl=timedelta(minutes=10))
    run(ada, "bulk_cancel", [task], reason="The customer left.")
    assert (task.status, task.lease_actor) == ("cancelled", "")


def test_viewers_are_offered_no_action(vera: Client) -> None:
    make_task()
    assert "bulk_cancel" not in vera.get(reverse(LIST)).content.decode()
