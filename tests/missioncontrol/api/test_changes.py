"""`updated_since`: nothing that was committed is missed, whatever the order of commits."""

import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from alai.kernel.context import acting
from alai.kernel.pagination import encode
from missioncontrol.models import Task
from missioncontrol.services.common import record_event
from tests.cast import Cast, make_task


def ids(body: dict[str, list[dict[str, int]]]) -> list[int]:
    return [item["id"] for item in body["items"]]


@pytest.mark.django_db(transaction=True)
def test_a_time_begins_and_the_position_goes_on(cast: Cast) -> None:
    before = timezone.now().isoformat().replace("+", "%2B")
    first = cast.john.post("/tasks", {"title": "one"}).body["id"]
    start = cast.john.get(f"/tasks?updated_since={before}")
    assert ids(start.body) == [first]
    assert start.body["next_cursor"] is None
    position = start.body["position"]
    assert cast.john.get(f"/tasks?updated_since={position}").body["items"] == []
    second = cast.john.post("/tasks", {"title": "two"}).body["id"]
    cast.john.patch(f"/tasks/{first}", {"title": "changed"})
    assert ids(cast.john.get(f"/tasks?updated_since={position}").body) == [second, first]


@pytest.mark.django_db(transaction=True)
def test_pages_follow_each_other_to_the_end(cast: Cast) -> None:
    made = [cast.john.post("/tasks", {"title": str(number)}).body["id"] for number in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = cast.john.get(
            f"/tasks?updated_since=2020-01-01&limit=2{'&cursor=' + cursor if cursor else ''}"
        ).body
        seen += ids(page)
        cursor = page["next_cursor"]
    assert seen == made


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_commits_late_is_not_passed_over(cast: Cast) -> None:
    """Its event has a lower id and transaction number than one that is already visible."""
    late = make_task(title="late")
    wrote, go_on = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with acting(actor="john"), transaction.atomic():
            record_event(late, "edited")
            wrote.set()
            go_on.wait(10)
        connection.close()

    thread = threading.Thread(target=write_slowly)
    thread.start()
    assert wrote.wait(10)
    quick = cast.john.post("/tasks", {"title": "quick"}).body["id"]
    page = cast.john.get("/tasks?updated_since=2020-01-01").body
    assert quick not in ids(page)  # held back until nothing earlier can appear any more
    go_on.set()
    thread.join(10)
    assert ids(cast.john.get(f"/tasks?updated_since={page['position']}").body) == [late.pk, quick]


@pytest.mark.django_db
@pytest.mark.parametrize("since", ["yesterday", "WzFd", "2026-13-01", "0001-01-01T00:00:00%2B14:00"])
def test_neither_a_time_nor_a_position_is_422(cast: Cast, since: str) -> None:
    refused = cast.john.get(f"/tasks?updated_since={since}")
    assert refused.status == 422
    assert refused.body["errors"][0]["loc"] == ["query", "updated_since"]
    assert "updated_since" in refused.body["detail"]
    assert not Task.objects.exists()


@pytest.mark.django_db
def test_a_position_of_another_server_is_refused_rather_than_silent(cast: Cast) -> None:
    reply = cast.john.get(f"/tasks?updated_since={encode(10**15, 1)}")
    assert (reply.status, reply.body["code"]) == (422, "position_unknown")
