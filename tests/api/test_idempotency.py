"""`Idempotency-Key`: one effect and one answer for a repeated request."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from alai.kernel import idempotency
from alai.kernel.models import IdempotencyRecord, Token
from missioncontrol.models import Comment, Task
from tests.cast import Cast, make_task


@pytest.mark.django_db
def test_the_same_request_answers_the_first_result_again(cast: Cast) -> None:
    first = cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k")
    again = cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Task.objects.count() == 1


@pytest.mark.django_db
def test_another_body_is_a_conflict(cast: Cast) -> None:
    cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k")
    reply = cast.john.post("/tasks", {"title": "Twice"}, idempotency_key="k")
    assert (reply.status, reply.body["code"]) == (409, "idempotency_mismatch")


@pytest.mark.django_db
def test_a_key_belongs_to_its_token_and_path(cast: Cast) -> None:
    task = make_task()
    for caller in (cast.john, cast.pi_orch):
        assert caller.post(f"/tasks/{task.pk}/comments", {"body": "hi"}, idempotency_key="k").status == 201
    cast.john.post(f"/tasks/{make_task().pk}/comments", {"body": "hi"}, idempotency_key="k")
    assert Comment.objects.count() == 3


@pytest.mark.django_db
def test_refusals_that_may_pass_later_are_not_stored(cast: Cast) -> None:
    assert cast.john.post("/tasks", {}, idempotency_key="k").status == 422
    assert cast.charlie.post("/tasks", {"title": "x"}, idempotency_key="k").status == 403
    assert cast.nobody.post("/tasks", {"title": "x"}, idempotency_key="k").status == 401
    assert not IdempotencyRecord.objects.exists()
    assert cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k").status == 201


@pytest.mark.django_db
def test_a_revoked_token_gets_no_stored_answer(cast: Cast) -> None:
    cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k")
    Token.objects.filter(actor__name="john").update(revoked_at=Now())
    assert cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k").status == 401


@pytest.mark.django_db
def test_a_stored_404_stays(cast: Cast) -> None:
    for _ in range(2):
        assert cast.john.post("/tasks/404/comments", {"body": "hi"}, idempotency_key="k").status == 404
    assert IdempotencyRecord.objects.get().status == 404


@pytest.mark.django_db
def test_after_a_day_the_key_is_new_again(cast: Cast) -> None:
    cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kernel_idempotencyrecord SET created_at = created_at - interval '25 hours'")
    cast.john.post("/tasks", {"title": "Later"}, idempotency_key="k")
    assert Task.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ø"])
def test_a_malformed_key_is_422(cast: Cast, key: str) -> None:
    assert cast.john.post("/tasks", {"title": "x"}, idempotency_key=key).status == 422


@pytest.mark.django_db
def test_what_is_stored_holds_no_credentials(cast: Cast) -> None:
    cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k")
    record = IdempotencyRecord.objects.get()
    assert cast.john.token not in str(record.__dict__)


@pytest.mark.django_db(transaction=True)
def test_a_duplicate_while_the_first_is_under_way_is_a_conflict(cast: Cast) -> None:
    identity = _identity_of(cast.john.token, "/api/v1/tasks", "k")
    with transaction.atomic():
        idempotency._lock(identity)
        replies: list[Any] = []
        thread = threading.Thread(target=lambda: replies.append(_post_and_close(cast)))
        thread.start()
        thread.join(timeout=10)
    assert (replies[0].status, replies[0].body["code"]) == (409, "in_progress")


@pytest.mark.django_db(transaction=True)
def test_ten_duplicates_at_once_have_one_effect(cast: Cast) -> None:
    replies: list[Any] = []
    threads = [threading.Thread(target=lambda: replies.append(_post_and_close(cast))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert {reply.status for reply in replies} <= {201, 409}
    assert len({reply.body["id"] for reply in replies if reply.status == 201}) == 1
    assert Task.objects.count() == 1


def _post_and_close(cast: Cast) -> Any:
    try:
        return cast.john.post("/tasks", {"title": "Once"}, idempotency_key="k")
    finally:
        connection.close()


def _identity_of(token: str, path: str, key: str) -> dict[str, str]:
    from django.test import RequestFactory

    request = RequestFactory().post(path, headers={"Authorization": f"Bearer {token}"})
    return {"owner": idempotency._owner(request), "method": "POST", "path": path, "key": key}
