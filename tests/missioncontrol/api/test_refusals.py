"""What a careful client finds at the edges: a refusal that says what is wrong, or an answer that means what it says."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from missioncontrol import services
from missioncontrol.models import Status, Task, TaskEvent
from tests.cast import BASE, Caller, Cast, make_task

pytestmark = pytest.mark.django_db


# --- Reopening ---------------------------------------------------------------------------------------


def twins(cast: Cast, **fields: str) -> tuple[int, int]:
    """A done task, and an open one that has taken its dedup key since."""
    body = {"title": "Renew the certificate", "dedup_key": "cert", **fields}
    done = cast.john.post("/tasks", body).body["id"]
    assert cast.john.post(f"/tasks/{done}/done", {"evidence": ["renewed"]}).status == 200
    return done, cast.john.post("/tasks", body).body["id"]


def test_a_task_is_not_reopened_beside_the_open_one_with_its_dedup_key(cast: Cast) -> None:
    done, taken = twins(cast)
    reply = cast.john.patch(f"/tasks/{done}", {"status": "open", "title": "Again"})
    assert (reply.status, reply.body["code"], reply.body["task_id"]) == (409, "dedup_key_taken", taken)
    task = Task.objects.get(pk=done)
    assert (task.status, task.title) == ("done", "Renew the certificate")
    cast.john.post(f"/tasks/{taken}/done", {"evidence": ["renewed"]})
    assert cast.john.patch(f"/tasks/{done}", {"status": "open"}).status == 200


def test_another_teams_open_task_is_not_named(cast: Cast) -> None:
    done, taken = twins(cast, team="drop")
    Task.objects.filter(pk=taken).update(team="bilko")
    limited = issue_token(actor=Actor.objects.get(name="john"), scopes=["tasks:write"], teams=["drop"])[1]
    reply = Caller(limited).patch(f"/tasks/{done}", {"status": "open"})
    assert (reply.status, reply.body["code"], reply.body["task_id"]) == (409, "dedup_key_taken", None)
    assert str(taken) not in reply.body["detail"]


# --- Many at once ------------------------------------------------------------------------------------


def test_a_refused_item_of_many_stops_no_other(cast: Cast) -> None:
    done, taken = twins(cast)
    items = [
        {"op": "create", "title": "Before"},
        {"op": "update", "id": done, "status": "open"},
        {"op": "create", "title": "After", "dedup_key": "cert"},
    ]
    results = cast.john.post("/tasks/bulk", {"items": items}).body["results"]
    assert [result["status"] for result in results] == [201, 409, 200]
    assert [set(result) for result in results] == [
        {"status", "task"},
        {"status", "problem"},
        {"status", "task"},
    ]
    assert results[2]["task"]["id"] == taken
    assert [result["task"]["deduplicated"] for result in (results[0], results[2])] == [False, True]
    assert results[0]["task"]["due_at"] is None


def test_a_failure_that_nobody_foresaw_is_told_of_its_item_alone(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    create = services.create_task

    def fails(**fields: Any) -> Any:
        if fields["title"] == "bad":
            raise ZeroDivisionError("by the bad one")
        return create(**fields)

    monkeypatch.setattr(services, "create_task", fails)
    items = [{"op": "create", "title": title} for title in ("good", "bad", "fine")]
    results = cast.john.post("/tasks/bulk", {"items": items}).body["results"]
    assert [result["status"] for result in results] == [201, 500, 201]
    assert results[1]["problem"]["code"] == "internal_error"
    assert "by the bad one" not in str(results[1])
    assert "by the bad one" in caplog.text


# --- Words that say nothing --------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["*", '"', "!!!", "-", "()", "\\", "'", "​"])
def test_punctuation_finds_nothing(cast: Cast, words: str) -> None:
    for _ in range(3):
        make_task(pk=None)
    Task.objects.create(pk=5_000_000, title="Far away")
    assert cast.john.get(f"/tasks?q={words}").body["items"] == []


@pytest.mark.parametrize("body", [" ", "\n\t"])
def test_a_comment_of_blanks_is_refused(cast: Cast, body: str) -> None:
    reply = cast.john.post(f"/tasks/{make_task().pk}/comments", {"body": body})
    assert (reply.status, reply.body["errors"][0]["loc"]) == (422, ["body", "body"])


def test_an_empty_file_is_no_evidence(cast: Cast) -> None:
    task = make_task()
    upload = SimpleUploadedFile("empty.log", b"")
    reply = Client().post(
        f"{BASE}/tasks/{task.pk}/evidence",
        {"file": upload},
        headers={"Authorization": f"Bearer {cast.john.token}"},
    )
    assert reply.status_code == 422
    assert not task.evidence.exists()


# --- Shapes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks/{id}/claim", {"session": "s", "ttl_minutes": True}),
        ("/tasks", {"title": "x", "parent_id": True}),
        ("/tasks", {"title": "x", "depends_on": [True]}),
        ("/tasks", {"title": "x", "cost_usd": True}),
        ("/tasks/{id}/done", {"evidence": [True]}),
        ("/claims/sweep", {"auto_release": 1}),
        ("/claims/sweep", {"auto_release": "yes"}),
    ],
)
def test_true_is_no_number_and_a_number_is_not_true(cast: Cast, path: str, body: dict[str, Any]) -> None:
    task = make_task()
    assert cast.john.post(path.format(id=task.pk), body).status == 422


def test_errors_name_the_field_and_say_what_belongs_there(cast: Cast) -> None:
    task = make_task()
    null = cast.john.patch(f"/tasks/{task.pk}", {"title": None}).body["errors"]
    assert null == [{"loc": ["body", "title"], "msg": "cannot be null; leave it out to keep it"}]
    session = cast.john.post(f"/tasks/{task.pk}/claim", {"session": "a b"}).body["errors"]
    assert [one["loc"] for one in session] == [["body", "session"]]
    assert session[0]["msg"].startswith("a session is session_id or session_id/agent_id")
    either = cast.john.post(f"/tasks/{task.pk}/done", {"evidence": [{}]}).body["errors"]
    assert {tuple(one["loc"]) for one in either} == {("body", "evidence", 0)}


def test_what_other_programs_could_not_read_is_not_kept(cast: Cast) -> None:
    deep: Any = {}
    for _ in range(99):
        deep = {"in": deep}
    body = {"channel": "ops", "body": "x", "payload": deep}
    assert cast.ole.post("/hivemind/messages", {**body, "payload": deep["in"]}).status == 201
    reply = cast.ole.post("/hivemind/messages", body)
    assert (reply.status, "nested" in reply.body["detail"]) == (422, True)
    assert cast.ole.get("/hivemind/messages?channel=ops&after_id=0").status == 200
    refused = cast.ole.get("/hivemind/messages?after_id=nonsense").body
    assert refused["errors"][0]["loc"] == ["query", "after_id"]


def test_a_broken_form_is_invalid_input(cast: Cast) -> None:
    reply = Client().generic(
        "POST", f"{BASE}/tasks/{make_task().pk}/evidence", b"x", content_type="multipart/form-data",
        headers={"Authorization": f"Bearer {cast.john.token}"},
    )  # fmt: skip
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid")
    assert reply.json()["request_id"] == reply.headers["X-Request-ID"]


def test_every_refusal_carries_its_request_id(cast: Cast) -> None:
    for reply in (
        cast.john.get("/tasks/404"),
        cast.nobody.get("/tasks"),
        cast.john.post("/tasks", {"nonsense": 1}),
        cast.john.get("/nowhere"),
        cast.john.call("DELETE", "/tasks"),
    ):
        assert reply.body["request_id"] == reply.headers["X-Request-ID"], reply


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
def test_health_is_only_read(path: str) -> None:
    assert Client(enforce_csrf_checks=True).post(path).status_code == 405


# --- Leases ------------------------------------------------------------------------------------------


def test_a_fence_that_is_presented_counts_for_extend_and_release_too(cast: Cast) -> None:
    """The same session lost its lease and claimed anew: what still runs of its first life ends nothing."""
    task = make_task()
    cast.john.post(f"/tasks/{task.pk}/claim", {"session": "s"})
    cast.ole.post(f"/tasks/{task.pk}/claim-release", {"force": True, "reason": "stuck"})
    fence = str(cast.john.post(f"/tasks/{task.pk}/claim", {"session": "s"}).body["fencing_token"])
    for verb in ("claim-extend", "claim-release"):
        reply = cast.john.post(f"/tasks/{task.pk}/{verb}", {"session": "s"}, x_fencing_token="1")
        assert (reply.status, reply.body["code"]) == (409, "stale_fence"), verb
    assert (
        cast.john.post(f"/tasks/{task.pk}/claim-extend", {"session": "s"}, x_fencing_token=fence).status
        == 200
    )
    ended = cast.john.post(f"/tasks/{task.pk}/claim-release", {"session": "s"}, x_fencing_token=fence)
    assert ended.body["released"] is True


def test_the_event_of_an_override_names_who_lost_the_lease(cast: Cast) -> None:
    task = make_task()
    cast.john.post(f"/tasks/{task.pk}/claim", {"session": "s"})
    override = {"approval": "[CEO_APPROVED]", "reason": "customer waits"}
    cast.ada.post(f"/tasks/{task.pk}/claim", {"session": "z", "override": override})
    first, second = TaskEvent.objects.filter(task=task, kind="claimed").order_by("pk")
    assert "taken_from" not in first.data
    assert second.data["taken_from"] == "john:s"


def test_what_is_written_while_nothing_is_enforced_says_so(cast: Cast, settings: Settings) -> None:
    settings.MC_LEASE_ENFORCE = False
    task = make_task()
    cast.pi_orch.post(f"/tasks/{task.pk}/claim", {"session": "b"})
    assert cast.john.patch(f"/tasks/{task.pk}", {"status": "paused"}, x_fencing_token="7").status == 200
    assert TaskEvent.objects.get(task=task, kind=Status.PAUSED).data["unenforced"] is True


def test_next_takes_the_lists_filters_by_their_names(cast: Cast) -> None:
    parent = make_task(status="paused")
    make_task(tags=["web"])
    below = make_task(parent_id=parent.pk)
    tagged = make_task(tags=["seo", "web"])

    def next_of(**filters: Any) -> Any:
        return cast.john.post("/claims/next", {"session": "s", "filters": filters}).body["task_id"]

    assert next_of(tag="seo") == tagged.pk
    assert next_of(parent_id=parent.pk) == below.pk
