"""What a person does on a task's page goes through the services and leaves its event."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from alai.kernel.models import Actor
from missioncontrol import services
from missioncontrol.models import Priority, Task
from tests.admin.conftest import JOHN
from tests.cast import make_task


def act(client: Client, task: Task, verb: str, **data: Any) -> list[str]:
    """Press a button; answers the messages."""
    client.cookies.pop("messages", None)
    reply = client.post(reverse("admin:missioncontrol_task_act", args=[task.pk, verb]), data)
    assert reply.status_code == 302
    task.refresh_from_db()
    return [str(message) for message in get_messages(reply.wsgi_request)]


def kinds(task: Task) -> list[str]:
    return [event.kind for event in task.events.all()]


def page(client: Client, task: Task) -> str:
    return client.get(reverse("admin:missioncontrol_task_change", args=[task.pk])).content.decode()


def hold(task: Task) -> None:
    services.claim_task(by=JOHN, task_id=task.pk, session="abc123", ttl=timedelta(minutes=10))


def test_the_page_says_how_the_task_stands(ada: Client, task: Task) -> None:
    hold(task)
    shown = page(ada, task)
    assert "john:abc123" in shown
    assert "for another 10 min" in shown
    assert "Waits for nothing." in shown


def test_done_with_words_as_evidence(ada: Client, task: Task) -> None:
    act(ada, task, "done", evidence="https://example.com/proof")
    assert task.status == "done"
    assert kinds(task) == ["evidence_added", "done"]
    assert task.events.get(kind="done").actor == "ada"


def test_done_without_evidence_is_refused_in_words(ada: Client, task: Task) -> None:
    (message,) = act(ada, task, "done")
    assert task.status == "open"
    assert "evidence" in message


def test_taking_over_needs_a_reason_and_raises_the_fence(ada: Client, task: Task) -> None:
    hold(task)
    (message,) = act(ada, task, "cancel")
    assert "give a reason" in message
    (message,) = act(ada, task, "reassign", owner="ole")
    assert "john:abc123" in message
    task.refresh_from_db()
    fence = task.fencing_token
    act(ada, task, "cancel", reason="The customer left.")
    assert (task.status, task.lease_actor, task.fencing_token) == ("cancelled", "", fence + 1)
    assert task.events.get(kind="cancelled").why == "The customer left."


def test_releasing_a_stuck_lease(ada: Client, task: Task) -> None:
    hold(task)
    act(ada, task, "release", reason="Its machine is gone.")
    assert (task.status, task.lease_actor) == ("open", "")
    assert kinds(task)[-1] == "lease_revoked"


@pytest.mark.parametrize(
    ("before", "verb", "after"),
    [
        ("open", "start", "in_progress"), ("open", "block", "blocked"), ("open", "pause", "paused"),
        ("blocked", "unblock", "open"), ("ready", "return", "open"), ("done", "reopen", "open"),
    ],
)  # fmt: skip
def test_moving_it_on(before: str, verb: str, after: str, ada: Client) -> None:
    task = make_task(status=before)
    act(ada, task, verb, reason="because")
    assert task.status == after
    assert len(kinds(task)) == 1


def test_accepting_from_home_leads_back_home(ada: Client) -> None:
    task = make_task(status="ready")
    services.add_comment(by=JOHN, task_id=task.pk, body="Ready.")
    reply = ada.post(
        reverse("admin:missioncontrol_task_act", args=[task.pk, "accept"]),
        {"evidence": "seen", "back": "home"},
    )
    assert reply["Location"] == reverse("admin:index")
    task.refresh_from_db()
    assert task.status == "done"


def test_who_is_named_but_unknown_is_said(ada: Client, task: Task) -> None:
    Actor.objects.create(name="john")
    (told,) = act(ada, task, "comment", body="@john and @ghost, `@code`: look")
    assert told.endswith("Nobody here is called @ghost: nobody was told.")
    (told,) = act(ada, task, "comment", body="@John: look")
    assert told.endswith("Your comment stands in the history.")
    (told,) = act(ada, task, "reassign", owner="ghost")
    assert told.endswith("ghost owns it now. No actor of that name is known here.")
    (told,) = act(ada, task, "reassign", owner="john")
    assert told.endswith("john owns it now.")


def test_a_comment_stands_in_the_timeline_once_and_as_text(ada: Client, task: Task) -> None:
    act(ada, task, "comment", body="<script>alert(1)</script> looks fine")
    shown = page(ada, task)
    assert shown.count("looks fine") == 1
    assert "<script>alert(1)" not in shown


def test_editing_changes_only_what_was_changed(ada: Client, task: Task) -> None:
    other = make_task(title="Ask the customer")
    url = reverse("admin:missioncontrol_task_edit", args=[task.pk])
    fields = ada.get(url).context["form"].initial
    data = dict.fromkeys(fields, "") | {
        "title": task.title,
        "priority": "3",
        "team": "sales",
        "tags": "tender",
    }
    ada.post(url, {**data, "depends_on": f"#{other.pk}"})
    task.refresh_from_db()
    assert task.priority == Priority.CRITICAL
    assert task.events.get().data["changes"].keys() == {"priority", "depends_on"}


def test_editing_refuses_a_circle_beside_the_form(ada: Client, task: Task) -> None:
    url = reverse("admin:missioncontrol_task_edit", args=[task.pk])
    reply = ada.post(url, {"title": "x", "priority": "1", "depends_on": f"#{task.pk}"})
    assert reply.status_code == 200
    assert "would wait for itself" in reply.content.decode()


@pytest.mark.parametrize("due", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_a_year_beyond_reach_is_refused_beside_the_form(due: str, ada: Client, task: Task) -> None:
    url = reverse("admin:missioncontrol_task_edit", args=[task.pk])
    reply = ada.post(url, {"title": "x", "priority": "1", "due_at": due})
    assert reply.status_code == 200
    assert "The year must lie between 1970 and 9000." in reply.content.decode()


def test_a_new_task_comes_from_the_service(ada: Client) -> None:
    ada.post(
        reverse("admin:missioncontrol_task_add"),
        {"title": "Call the customer", "priority": "2", "status": "open", "tags": "phone, today"},
    )
    task = Task.objects.get(title="Call the customer")
    assert task.tags == ["phone", "today"]
    assert kinds(task) == ["created"]


def test_looking_is_not_acting(vera: Client, task: Task) -> None:
    shown = page(vera, task)
    assert "What happened" in shown
    assert "popovertarget" not in shown
    for verb in ("done", "cancel", "release", "comment"):
        url = reverse("admin:missioncontrol_task_act", args=[task.pk, verb])
        assert vera.post(url, {"reason": "x"}).status_code == 403
    assert vera.get(reverse("admin:missioncontrol_task_edit", args=[task.pk])).status_code == 403


def test_unknown_tasks_and_verbs_are_no_failures(ada: Client, task: Task) -> None:
    for number in ("0", "99999999999999999999999", "nonsense"):
        assert ada.get(f"/admin/missioncontrol/task/{number}/change/").status_code == 302
    assert ada.post(reverse("admin:missioncontrol_task_act", args=[task.pk, "explode"])).status_code == 404
    assert ada.post(reverse("admin:missioncontrol_task_act", args=[10**18, "done"])).status_code == 404
    assert ada.get(reverse("admin:missioncontrol_task_act", args=[task.pk, "done"])).status_code == 405


@pytest.mark.parametrize(
    ("name", "content", "kind", "inline"),
    [
        ("shot.png", b"\x89PNG\r\n\x1a\n0000", "image/png", True),
        ("page.html", b"<script>alert(1)</script>", "application/octet-stream", False),
        ("fake.png", b"<svg onload=alert(1)>", "application/octet-stream", False),
    ],
)
def test_stored_evidence_cannot_run_in_the_admin(
    name: str, content: bytes, kind: str, inline: bool, ada: Client, sten: Client, task: Task
) -> None:
    act(ada, task, "attach", file=SimpleUploadedFile(name, content))
    evidence = task.evidence.get()
    assert evidence.verified
    url = reverse("admin:missioncontrol_evidence_file", args=[evidence.pk])
    reply = ada.get(url)
    assert b"".join(reply.streaming_content) == content  # type: ignore[attr-defined]
    assert reply["Content-Type"] == kind
    assert reply["Content-Disposition"].startswith("inline" if inline else "attachment")
    assert "sandbox" in reply["Content-Security-Policy"]
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert sten.get(url).status_code == 403
