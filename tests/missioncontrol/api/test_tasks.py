"""Creating, reading, changing and finding tasks over HTTP."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from missioncontrol.models import Dependency, Evidence, Status, Task, TaskEvent
from tests.cast import Cast, make_task

pytestmark = pytest.mark.django_db
FIELDS = {
    "id", "title", "description", "status", "priority", "owner", "team", "parent_id", "tags", "source", "depends_on",
    "blocked_by", "due_at", "created_at", "updated_at", "completed_at", "evidence", "cost_usd", "lease", "legacy",
    "requires",
}  # fmt: skip


def test_a_created_task_has_every_field_and_a_native_id(cast: Cast) -> None:
    other = make_task()
    body = {
        "title": "Find a name", "description": "žalbeni rok", "priority": "critical", "owner": "john", "team": "drop",
        "tags": ["seo", "seo", "email"], "source": "manual", "depends_on": [other.pk], "parent_id": other.pk,
        "due_at": "2026-12-01T10:00:00+01:00", "cost_usd": 1.25,
    }  # fmt: skip
    reply = cast.john.post("/tasks", body)
    assert reply.status == 201
    assert reply.body.keys() == FIELDS | {"deduplicated"}
    assert reply.body["id"] >= 1_000_000
    assert reply.body["tags"] == ["seo", "email"]
    assert reply.body["due_at"] == "2026-12-01T09:00:00Z"
    assert reply.body["blocked_by"] == [other.pk]
    assert reply.body["cost_usd"] == 1.25
    assert reply.body["status"] == "open"
    assert cast.john.get(f"/tasks/{reply.body['id']}").body == {
        name: value for name, value in reply.body.items() if name != "deduplicated"
    }


def test_creating_leaves_an_event_that_names_the_agent(cast: Cast) -> None:
    reply = cast.john.post("/tasks", {"title": "Find a name"}, x_request_id="req-1")
    event = TaskEvent.objects.get(task_id=reply.body["id"])
    assert (event.kind, event.actor, event.request_id) == ("created", "john", "req-1")


def test_a_dedup_key_answers_the_open_task_until_it_is_closed(cast: Cast) -> None:
    first = cast.john.post("/tasks", {"title": "A mail", "dedup_key": "mail:1"})
    again = cast.pi_orch.post("/tasks", {"title": "The same mail", "dedup_key": "mail:1"})
    assert (again.status, again.body["id"], again.body["deduplicated"]) == (200, first.body["id"], True)
    cast.john.post(f"/tasks/{first.body['id']}/done", {"evidence": ["answered"]})
    assert cast.john.post("/tasks", {"title": "A mail", "dedup_key": "mail:1"}).status == 201


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "title"),
        ({"title": " "}, "title"),
        ({"title": "x", "priority": "urgent"}, "priority"),
        ({"title": "x", "status": "done"}, "status"),
        ({"title": "x", "parent_id": 404}, "parent_id"),
        ({"title": "x", "parent_id": 10**30}, "parent_id"),
        ({"title": "x", "depends_on": [404]}, "depends_on"),
        ({"title": "x", "due_at": "soon"}, "due_at"),
        ({"title": "x", "due_at": "0001-01-01T00:00:00+14:00"}, "due_at"),
        ({"title": "x", "cost_usd": -1}, "cost_usd"),
        ({"title": "x", "cost_usd": 1e300}, "cost_usd"),
        ({"title": "x", "ownr": "john"}, "ownr"),
    ],
)
def test_invalid_input_is_422_and_names_the_place(cast: Cast, body: dict[str, object], place: str) -> None:
    reply = cast.john.post("/tasks", body)
    assert (reply.status, reply.body["code"]) == (422, "invalid")
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert any(place in error["loc"] for error in reply.body["errors"])
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    "body", ['{"title": "a\\u0000b"}', '{"title": "\\ud800"}', '{"title"', "[]", "", '{"title":NaN}', b"\xff"]
)
def test_a_body_that_cannot_be_stored_is_422(cast: Cast, body: str | bytes) -> None:
    assert cast.john.call("POST", "/tasks", body).status == 422


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"title": "a\\u0000b"}', ["body", "title"]),
        ('{"title": "x", "tags": ["fine", "\\ud800"]}', ["body", "tags", 1]),
        ('{"title": "x", "a\\u0000b": 1}', ["body", "a\\0b"]),
        ('{"title": "x", "\\ud800": 1}', ["body", "\\ud800"]),
    ],
)
def test_text_that_cannot_be_stored_is_named_by_its_place(
    cast: Cast, body: str, place: list[str | int]
) -> None:
    reply = cast.john.call("POST", "/tasks", body)
    assert (reply.status, [error["loc"] for error in reply.body["errors"]]) == (422, [place])
    reply = cast.john.get("/tasks?team=a%00b")
    assert (reply.status, [error["loc"] for error in reply.body["errors"]]) == (422, [["query", "team"]])


def test_a_patch_changes_only_what_it_names_and_keeps_before_and_after(cast: Cast) -> None:
    task = make_task(team="drop", priority=1)
    reply = cast.john.patch(f"/tasks/{task.pk}", {"priority": "high", "due_at": "2027-01-01"})
    assert (reply.status, reply.body["priority"], reply.body["team"]) == (200, "high", "drop")
    event = TaskEvent.objects.get(task=task)
    assert event.kind == "edited"
    assert event.data["changes"]["priority"] == ["medium", "high"]
    assert event.data["changes"]["due_at"] == [None, "2027-01-01T00:00:00Z"]
    assert cast.john.patch(f"/tasks/{task.pk}", {"due_at": None}).body["due_at"] is None


def test_a_null_title_is_refused(cast: Cast) -> None:
    assert cast.john.patch(f"/tasks/{make_task().pk}", {"title": None}).status == 422


def test_dependencies_cannot_form_a_cycle(cast: Cast) -> None:
    first, second, third = make_task(), make_task(), make_task()
    Dependency.objects.create(task=first, depends_on=second)
    Dependency.objects.create(task=second, depends_on=third)
    reply = cast.john.patch(f"/tasks/{third.pk}", {"depends_on": [first.pk]})
    assert (reply.status, reply.body["errors"][0]["loc"]) == (422, ["body", "depends_on"])
    assert cast.john.patch(f"/tasks/{first.pk}", {"depends_on": [first.pk]}).status == 422
    assert cast.john.patch(f"/tasks/{third.pk}", {"depends_on": []}).status == 200


def test_a_task_cannot_stand_below_itself(cast: Cast) -> None:
    parent = make_task()
    child = make_task(parent=parent)
    assert cast.john.patch(f"/tasks/{parent.pk}", {"parent_id": child.pk}).status == 422
    assert cast.john.patch(f"/tasks/{parent.pk}", {"parent_id": parent.pk}).status == 422


def test_done_without_evidence_is_refused_and_nothing_is_kept(cast: Cast) -> None:
    task = make_task()
    reply = cast.john.post(f"/tasks/{task.pk}/done")
    assert (reply.status, reply.body["code"]) == (422, "evidence_required")
    assert reply.body["missing"]
    task.refresh_from_db()
    assert task.status == Status.OPEN
    assert not TaskEvent.objects.filter(task=task).exists()


def test_a_patch_to_done_needs_evidence_too(cast: Cast) -> None:
    task = make_task()
    assert cast.john.patch(f"/tasks/{task.pk}", {"status": "done"}).body["code"] == "evidence_required"
    Evidence.objects.create(task=task, form=Evidence.Kind.REFERENCE, name="seen", created_by="john")
    reply = cast.john.patch(f"/tasks/{task.pk}", {"status": "done"})
    assert reply.body["status"] == "done"
    assert reply.body["completed_at"] is not None


def test_ready_and_done_take_ids_and_texts(cast: Cast) -> None:
    task = make_task()
    registered = cast.john.post(
        f"/tasks/{task.pk}/evidence",
        {
            "path": "/tmp/evidence-1/a.png",
            "sha256": "AB" * 32,
            "size": 3,
            "mtime": "2026-05-08T12:30:00Z",
            "host": "anvil",
        },
    )
    assert registered.status == 201
    assert registered.body == {
        "id": registered.body["id"], "name": "/tmp/evidence-1/a.png", "kind": "image", "sha256": "ab" * 32, "size": 3,
        "verified": False,
    }  # fmt: skip
    reply = cast.john.post(f"/tasks/{task.pk}/ready", {"evidence": [registered.body["id"], "see the log"]})
    assert (reply.status, reply.body["status"], len(reply.body["evidence"])) == (200, "ready", 2)
    done = cast.john.post(f"/tasks/{task.pk}/done", {"evidence": ["see the log"]})
    assert (done.body["status"], len(done.body["evidence"])) == ("done", 2)


def test_evidence_of_another_task_does_not_count(cast: Cast) -> None:
    task, other = make_task(), make_task()
    foreign = Evidence.objects.create(task=other, form=Evidence.Kind.REFERENCE, name="x", created_by="john")
    assert (
        cast.john.post(f"/tasks/{task.pk}/done", {"evidence": [foreign.pk]}).body["code"]
        == "unknown_evidence"
    )


def test_an_uploaded_file_is_hashed_by_the_server(cast: Cast, settings: object, tmp_path: object) -> None:
    task = make_task()
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    boundary = "b0undary"
    content = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="../../trace.zip"\r\n'
        f"Content-Type: application/zip\r\n\r\nabc\r\n--{boundary}--\r\n"
    )
    response = Client().post(
        f"/api/v1/tasks/{task.pk}/evidence", content, content_type=f"multipart/form-data; boundary={boundary}",
        headers={"Authorization": f"Bearer {cast.john.token}"},
    )  # fmt: skip
    body = response.json()
    assert response.status_code == 201
    assert (body["name"], body["kind"], body["size"], body["verified"]) == ("trace.zip", "trace", 3, True)
    assert body["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_second_file_or_a_claimed_hash_is_not_dropped_in_silence(cast: Cast) -> None:
    path, headers = f"/api/v1/tasks/{make_task().pk}/evidence", {"Authorization": f"Bearer {cast.john.token}"}
    file = SimpleUploadedFile("a.log", b"abc")
    for extra in (
        {"file": [file, SimpleUploadedFile("b.log", b"d")]},
        {"file": file, "sha256": "0" * 64},
        {},
    ):
        assert Client().post(path, extra, headers=headers).status_code == 422
    assert not Evidence.objects.exists()


def test_finishing_twice_changes_nothing_and_a_closed_task_is_not_made_ready(cast: Cast) -> None:
    task = make_task()
    cast.john.post(f"/tasks/{task.pk}/done", {"evidence": ["x"]})
    events = TaskEvent.objects.count()
    assert cast.john.post(f"/tasks/{task.pk}/done", {"evidence": ["x"]}).status == 200
    assert TaskEvent.objects.count() == events
    assert cast.john.post(f"/tasks/{task.pk}/ready", {"evidence": ["x"]}).body["code"] == "task_closed"


def test_a_comment_carries_its_author(cast: Cast) -> None:
    task = make_task()
    reply = cast.john.post(f"/tasks/{task.pk}/comments", {"body": "Looks good"})
    assert (reply.status, reply.body["author"], reply.body["body"]) == (201, "john", "Looks good")
    assert cast.john.get(f"/tasks/{task.pk}/comments").body["items"][0]["body"] == "Looks good"


def test_lists_page_by_cursor_and_stay_stable_under_inserts(cast: Cast) -> None:
    made = [make_task().pk for _ in range(5)]
    first = cast.john.get("/tasks?limit=2")
    make_task()
    second = cast.john.get(f"/tasks?limit=2&cursor={first.body['next_cursor']}")
    third = cast.john.get(f"/tasks?limit=2&cursor={second.body['next_cursor']}")
    seen = [item["id"] for reply in (first, second, third) for item in reply.body["items"]]
    assert seen == sorted(made, reverse=True)
    assert third.body["next_cursor"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "cursor=nonsense", "cursor=WzFd%00", "status=odd", "parent_id=x"]
)
def test_a_bad_query_is_422(cast: Cast, query: str) -> None:
    assert cast.john.get(f"/tasks?{query}").status == 422


def test_each_filter_finds_its_tasks(cast: Cast) -> None:
    parent = make_task(title="Parent")
    wanted = make_task(
        title="Žalbeni rok", team="drop", owner="john", priority=3, tags=["seo"], source="board", status="paused",
        parent=parent, due_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    )  # fmt: skip
    for query in (
        "team=drop", "owner=john", "priority=critical", "tag=seo", "source=board", "status=paused", "overdue=true",
        f"parent_id={parent.pk}", "q=zalbeni", 'q="zalbeni rok"',
    ):  # fmt: skip
        assert [item["id"] for item in cast.john.get(f"/tasks?{query}").body["items"]] == [wanted.pk], query
    assert len(cast.john.get("/tasks?status=paused&status=open").body["items"]) == 2


def test_claimed_follows_the_lease(cast: Cast) -> None:
    held, free = make_task(), make_task()
    cast.john.post(f"/tasks/{held.pk}/claim", {"session": "s"})
    assert [item["id"] for item in cast.john.get("/tasks?claimed=true").body["items"]] == [held.pk]
    assert [item["id"] for item in cast.john.get("/tasks?claimed=false").body["items"]] == [free.pk]


def test_bulk_items_succeed_and_fail_by_themselves(cast: Cast) -> None:
    task = make_task()
    held = make_task()
    cast.pi_orch.post(f"/tasks/{held.pk}/claim", {"session": "s"})
    reply = cast.john.post(
        "/tasks/bulk",
        {
            "items": [
                {"op": "create", "title": "New"},
                {"op": "create"},
                {"op": "update", "id": task.pk, "priority": "low"},
                {"op": "update", "id": 404, "priority": "low"},
                {"op": "update", "id": held.pk, "status": "paused"},
                {"op": "explode"},
            ]
        },
    )
    assert [result["status"] for result in reply.body["results"]] == [201, 422, 200, 404, 409, 422]
    assert reply.body["results"][0]["task"]["title"] == "New"
    assert reply.body["results"][4]["problem"]["code"] == "lease_held"


def test_one_item_that_cannot_be_stored_spoils_no_other(cast: Cast) -> None:
    body = (
        '{"items": [{"op": "create", "title": "fine"}, {"op": "create", "title": "a\\u0000b"}, "text", null]}'
    )
    reply = cast.john.call("POST", "/tasks/bulk", body)
    assert [result["status"] for result in reply.body["results"]] == [201, 422, 422, 422]


def test_stats_count_by_status_and_team(cast: Cast) -> None:
    make_task(team="drop")
    make_task(team="drop", status="paused", due_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    held = make_task(team="bilko")
    cast.john.post(f"/tasks/{held.pk}/claim", {"session": "s"})
    body = cast.john.get("/stats").body
    assert (body["total"], body["claimed"], body["overdue"], body["created_24h"]) == (3, 1, 1, 3)
    assert body["by_status"] == {
        "open": 1, "in_progress": 1, "paused": 1, "blocked": 0, "ready": 0, "done": 0, "cancelled": 0
    }  # fmt: skip
    assert body["by_team"] == {"drop": 2, "bilko": 1}


def test_what_is_missing_is_404_before_the_body_is_looked_at(cast: Cast) -> None:
    for path in ("/tasks/404/claim", "/tasks/404/done", "/tasks/404/comments", "/tasks/404/evidence"):
        assert cast.john.post(path, {"nonsense": 1}).status == 404, path
    assert cast.john.patch("/tasks/404", {"nonsense": 1}).status == 404
    assert cast.john.get(f"/tasks/{10**25}").status == 404
    assert cast.john.get("/tasks/abc").status == 404
