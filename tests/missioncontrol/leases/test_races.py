"""Verbs that meet at one task, each on a connection of its own."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from alai.kernel.models import AuditEntry
from missioncontrol import leases, services
from missioncontrol.leases import Presented, Standing
from missioncontrol.models import Grant, Status, Task
from missioncontrol.services.claims import CEO_APPROVED, Override
from tests.cast import make_task
from tests.missioncontrol.leases.people import ADA, JOHN, PI_ORCH, TTL, kinds
from tests.missioncontrol.leases.together import in_background, locked_elsewhere, together, wait_for_expiry

pytestmark = pytest.mark.django_db(transaction=True)
SHORT = timedelta(milliseconds=400)


def claim(task: Task, session: str, ttl: timedelta = TTL) -> Standing:
    return services.claim_task(by=JOHN, task_id=task.pk, session=session, ttl=ttl)


def extend(task: Task, session: str) -> Standing:
    return services.extend_claim(by=JOHN, task_id=task.pk, session=session, ttl=TTL)


def finish(task: Task, fence: int) -> Task:
    presented = Presented(actor="john", session="s1", fence=fence)
    return services.finish_task(
        by=JOHN, task_id=task.pk, verb="done", items=["deployed"], presented=presented
    )


def pause(task: Task, fence: int) -> Task:
    return services.update_task(by=JOHN, task_id=task.pk, changes={"status": Status.PAUSED}, fence=fence)


def test_of_six_claimers_at_the_same_moment_one_wins() -> None:
    for _ in range(10):
        task = make_task()
        results = together(*(partial(claim, task, f"s{n}") for n in range(6)))
        winners = [result for result in results if isinstance(result, Standing)]
        assert len(winners) == 1
        assert [result for result in results if isinstance(result, str)] == ["lease_held"] * 5
        standing = leases.status(task.pk)
        assert standing is not None and standing.holder == winners[0].holder
        assert standing.fencing_token == winners[0].fencing_token == 1
        assert kinds(task.pk) == ["claimed"]


def test_the_losers_learn_the_winner_from_their_own_statement() -> None:
    task = make_task()

    def try_to_claim(session: str) -> Standing | None:
        return leases.claim(task.pk, actor="john", session=session, ttl=TTL)

    results = together(*(partial(try_to_claim, f"s{n}") for n in range(6)))
    standings = [result for result in results if isinstance(result, Standing)]
    assert sorted(standing.verdict for standing in standings) == ["lease_held"] * 5 + ["ok"]
    assert len({standing.holder for standing in standings}) == 1


@pytest.mark.parametrize("ending", ["commit", "rollback"])
@pytest.mark.parametrize("change", ["", "title = 'Send the tender'"])
def test_an_extend_that_waited_for_the_row_past_its_expiry_is_refused(ending: str, change: str) -> None:
    task = make_task()
    claim(task, "s1", SHORT)
    with (
        locked_elsewhere(task.pk, change=change) as other,
        in_background(partial(extend, task, "s1")) as waiting,
    ):
        wait_for_expiry(task.pk)
        getattr(other, ending)()
        assert waiting.result(5) == "lease_not_held"
    assert kinds(task.pk) == ["claimed"]


@pytest.mark.parametrize("ending", ["commit", "rollback"])
@pytest.mark.parametrize("write", [pause, finish])
def test_a_fenced_write_that_waited_past_its_lease_is_refused(
    ending: str, write: Callable[[Task, int], Task]
) -> None:
    task = make_task()
    fence = claim(task, "s1", SHORT).fencing_token
    with locked_elsewhere(task.pk) as other, in_background(partial(write, task, fence)) as waiting:
        wait_for_expiry(task.pk)
        getattr(other, ending)()
        assert waiting.result(5) == "stale_fence"
    task.refresh_from_db()
    assert task.status == "in_progress" and kinds(task.pk) == ["claimed"] and not task.evidence.exists()


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_claim_that_waited_until_the_lease_ran_out_is_granted_with_a_higher_fence(ending: str) -> None:
    task = make_task()
    claim(task, "s1", SHORT)
    with locked_elsewhere(task.pk) as other, in_background(partial(claim, task, "s2")) as waiting:
        wait_for_expiry(task.pk)
        getattr(other, ending)()
        granted = waiting.result(5)
    assert isinstance(granted, Standing) and granted.holder == "john:s2" and granted.fencing_token == 2
    assert granted.lease_until is not None and granted.lease_until - granted.moment == TTL


def test_a_claim_that_waited_behind_a_claim_sees_the_new_holder() -> None:
    task = make_task()
    taken = (
        "lease_actor = 'pi-orch', lease_session = 'p1', fencing_token = fencing_token + 1,"
        " lease_until = clock_timestamp() + interval '10 minutes'"
    )
    with (
        locked_elsewhere(task.pk, change=taken) as other,
        in_background(partial(claim, task, "s1")) as waiting,
    ):
        other.commit()
        assert waiting.result(5) == "lease_held"


def test_a_claim_that_waited_behind_a_reopening_is_granted() -> None:
    """PostgreSQL checks constraints on the row as the statement first saw it, before it looks again."""
    task = make_task(status=Status.DONE)
    reopened = "status = 'open'"
    with (
        locked_elsewhere(task.pk, change=reopened) as other,
        in_background(partial(claim, task, "s1")) as waiting,
    ):
        other.commit()
        granted = waiting.result(5)
    assert isinstance(granted, Standing) and granted.status == "in_progress"


def test_an_extend_that_waited_behind_its_own_claim_is_accepted() -> None:
    task = make_task()
    taken = (
        "lease_actor = 'john', lease_session = 's1', fencing_token = 1,"
        " lease_until = clock_timestamp() + interval '1 minute'"
    )
    with (
        locked_elsewhere(task.pk, change=taken) as other,
        in_background(partial(extend, task, "s1")) as waiting,
    ):
        other.commit()
        extended = waiting.result(5)
    assert isinstance(extended, Standing) and (extended.holder, extended.fencing_token) == ("john:s1", 1)


@pytest.mark.parametrize("write", [pause, finish])
def test_a_fenced_write_that_waited_behind_its_own_claim_is_accepted(
    write: Callable[[Task, int], Task],
) -> None:
    task = make_task(status=Status.DONE)
    taken = (
        "status = 'in_progress', lease_actor = 'john', lease_session = 's1', fencing_token = 1,"
        " lease_until = clock_timestamp() + interval '1 minute'"
    )
    with locked_elsewhere(task.pk, change=taken) as other, in_background(partial(write, task, 1)) as waiting:
        other.commit()
        assert isinstance(waiting.result(5), Task)


@pytest.mark.parametrize("status", ["done", "cancelled"])
def test_a_claim_that_waited_behind_the_closing_of_its_task_is_refused(status: str) -> None:
    task = make_task()
    closed = f"status = '{status}'"
    with (
        locked_elsewhere(task.pk, change=closed) as other,
        in_background(partial(claim, task, "s1")) as waiting,
    ):
        other.commit()
        assert waiting.result(5) == "task_closed"


def test_a_sweep_leaves_a_lease_alone_that_was_extended_in_time() -> None:
    task = make_task()
    claim(task, "s1", SHORT)
    prolonged = "lease_until = clock_timestamp() + interval '10 minutes'"
    with locked_elsewhere(task.pk, change=prolonged) as other:
        wait_for_expiry(task.pk)
        assert leases.sweep() == []
        other.commit()
    assert leases.sweep() == []
    assert kinds(task.pk) == ["claimed"]


def test_two_sweeps_end_a_lease_once() -> None:
    tasks = [make_task() for _ in range(5)]
    for task in tasks:
        claim(task, "s1", SHORT)
    wait_for_expiry(tasks[-1].pk)
    swept = together(leases.sweep, leases.sweep, leases.sweep)
    ids = sorted(standing.id for found in swept for standing in found if isinstance(standing, Standing))
    assert ids == [task.pk for task in tasks]
    assert all(kinds(task.pk) == ["claimed", "lease_expired"] for task in tasks)


def test_a_grant_is_used_once_even_by_two_at_the_same_moment() -> None:
    for _ in range(5):
        task = make_task()
        claim(task, "s1")
        grant = services.record_grant(by=ADA, task_id=task.pk, action="claim", reason="customer waits")
        override = Override(CEO_APPROVED, "customer waits", grant.pk)
        take = [
            partial(
                services.claim_task,
                by=by, task_id=task.pk, session="p1", ttl=TTL, override=override,
            )
            for by in (PI_ORCH, JOHN)
        ]  # fmt: skip
        results = together(*take)
        assert [type(result) for result in results].count(Standing) == 1
        assert results.count("override_not_allowed") == 1
        entries = AuditEntry.objects.filter(action="override-claim", target_id=str(task.pk))
        assert [entry.after for entry in entries] == [{"approval": CEO_APPROVED, "grant_id": grant.pk}]
        assert kinds(task.pk) == ["claimed", "claimed"]


def test_a_refused_override_leaves_its_grant_unused() -> None:
    task = make_task(status=Status.DONE)
    grant = services.record_grant(by=ADA, task_id=task.pk, action="claim", reason="customer waits")
    override = Override(CEO_APPROVED, "customer waits", grant.pk)
    take = partial(services.claim_task, by=JOHN, task_id=task.pk, session="s1", ttl=TTL, override=override)
    assert together(take) == ["task_closed"]
    assert Grant.objects.get().used_at is None


def test_a_comment_does_not_wait_for_a_lease_that_is_being_decided() -> None:
    """Its foreign key only needs that the task does not vanish."""
    task = make_task()

    def comment() -> str:
        return services.add_comment(by=PI_ORCH, task_id=task.pk, body="Any news?").body

    with transaction.atomic():
        claim(task, "s1")
        assert together(comment) == ["Any news?"]


def test_two_changes_of_the_dependency_graph_at_once_do_not_deadlock() -> None:
    first, second = make_task(), make_task()

    def wait_for(waiting: Task, other: Task) -> str:
        services.update_task(by=JOHN, task_id=waiting.pk, changes={"depends_on": [other.pk]})
        return "ok"

    for _ in range(10):
        results = together(partial(wait_for, first, second), partial(wait_for, second, first))
        assert sorted(results) == ["invalid", "ok"]
        for task in (first, second):
            services.update_task(by=JOHN, task_id=task.pk, changes={"depends_on": []})
