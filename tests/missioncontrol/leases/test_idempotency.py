"""A claim that is sent again with its `Idempotency-Key`."""

from functools import partial

import pytest

from tests.cast import Cast, Reply, make_task
from tests.missioncontrol.leases.people import kinds, let_expire
from tests.missioncontrol.leases.together import in_background, locked_elsewhere, together

pytestmark = pytest.mark.django_db(transaction=True)


def claim(cast: Cast, task_id: int, key: str = "k1", session: str = "s1") -> Reply:
    body = {"actor": "john", "session": session}
    return cast.john.post(f"/tasks/{task_id}/claim", body, idempotency_key=key)


def next_task(cast: Cast, key: str, session: str = "s1") -> Reply:
    return cast.john.post("/claims/next", {"actor": "john", "session": session}, idempotency_key=key)


def test_a_repeated_claim_answers_the_same_grant_while_it_lives(cast: Cast) -> None:
    task = make_task()
    first, second = claim(cast, task.pk), claim(cast, task.pk)
    assert (first.status, second.status) == (200, 200) and first.body == second.body
    assert kinds(task.pk) == ["claimed"]


def test_a_repeated_claim_after_expiry_is_a_new_grant(cast: Cast) -> None:
    task = make_task()
    first = claim(cast, task.pk)
    let_expire(task.pk)
    second = claim(cast, task.pk)
    assert second.status == 200
    assert second.body["fencing_token"] == first.body["fencing_token"] + 1
    assert kinds(task.pk) == ["claimed", "claimed"]


def test_a_refused_claim_may_be_tried_again_with_its_key(cast: Cast) -> None:
    task = make_task()
    claim(cast, task.pk, key="other", session="s9")
    assert claim(cast, task.pk).body["code"] == "lease_held"
    let_expire(task.pk)
    assert claim(cast, task.pk).status == 200


def test_a_claim_does_not_hand_out_a_grant_that_passed_on(cast: Cast) -> None:
    task = make_task()
    claim(cast, task.pk)
    let_expire(task.pk)
    claim(cast, task.pk, key="other", session="s9")
    assert claim(cast, task.pk).body["code"] == "lease_held"


def test_the_same_key_twice_at_once_claims_once(cast: Cast) -> None:
    for number in range(5):
        task = make_task()
        replies = together(*[partial(claim, cast, task.pk, f"k{number}")] * 4)
        statuses = [reply.status for reply in replies if isinstance(reply, Reply)]
        assert set(statuses) <= {200, 409} and 200 in statuses
        assert {r.body["code"] for r in replies if isinstance(r, Reply) and r.status == 409} <= {
            "in_progress"
        }
        assert kinds(task.pk) == ["claimed"]


def test_a_repetition_while_the_first_waits_for_the_row_is_told_so(cast: Cast) -> None:
    task = make_task()
    with locked_elsewhere(task.pk) as other, in_background(partial(claim, cast, task.pk)) as waiting:
        again = claim(cast, task.pk)
        other.rollback()
        first = waiting.result(5)
    assert (again.status, again.body["code"]) == (409, "in_progress")
    assert isinstance(first, Reply) and first.status == 200
    assert claim(cast, task.pk).body == first.body


def test_next_answers_the_same_grant_to_the_same_key_and_another_to_another(cast: Cast) -> None:
    make_task(), make_task()
    first, again, other = next_task(cast, "k1"), next_task(cast, "k1"), next_task(cast, "k2")
    assert first.body == again.body
    assert other.status == 200 and other.body["task_id"] != first.body["task_id"]


def test_next_found_nothing_and_is_asked_again_with_its_key(cast: Cast) -> None:
    assert next_task(cast, "k1").status == 204
    task = make_task()
    assert next_task(cast, "k1").body["task_id"] == task.pk
