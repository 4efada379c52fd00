"""`claims/next`: the best task, to one caller."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from alai.kernel.principals import Principal
from missioncontrol import lease_sql, leases, services
from missioncontrol.leases import Standing
from missioncontrol.models import Dependency, Priority, Status, Task
from missioncontrol.services.claims import NextFilters
from tests.cast import make_task
from tests.missioncontrol.leases.people import JOHN, PI_ORCH, TTL, let_expire
from tests.missioncontrol.leases.together import locked_elsewhere, outcome, together

NOON = datetime(2026, 5, 8, 12, tzinfo=timezone.utc)  # noqa: UP017


EVERYTHING, SEVERAL = NextFilters(), NextFilters(teams=("web", "ops", "nobody"))
WHOEVER = pytest.mark.parametrize("filters", [EVERYTHING, SEVERAL], ids=["of all", "of several teams"])
GIVEN: dict[str, Any] = {
    "by": "john", "behalf": "", "why": "", "request": "", "context": "{}", "actor": "john", "session": "s1",
    "ttl": TTL, "enforced": True, "note": "{}", "override": False, "capabilities": [],
}  # fmt: skip


def take(by: Principal = JOHN, session: str = "s1", filters: NextFilters = EVERYTHING) -> Standing | None:
    return services.claim_next(by=by, session=session, ttl=TTL, filters=filters)


def change_soon(task_id: int, change: str) -> None:
    time.sleep(0.1)
    with locked_elsewhere(task_id, change=change):
        pass


def taken(by: Principal = JOHN, session: str = "s1", filters: NextFilters = EVERYTHING) -> list[int]:
    """The ids that `next` hands out until nothing is left."""
    ids = []
    while standing := take(by, session, filters):
        ids.append(standing.id)
    return ids


@WHOEVER
@pytest.mark.django_db(transaction=True)
def test_six_callers_empty_the_queue_and_no_task_goes_to_two(filters: NextFilters) -> None:
    tasks = [make_task(team="web" if number % 3 else "ops") for number in range(60)]

    shares = together(*(partial(taken, JOHN, f"s{n}", filters) for n in range(6)))
    ids = [task_id for share in shares if isinstance(share, list) for task_id in share]
    assert sorted(ids) == [task.pk for task in tasks]


@WHOEVER
@pytest.mark.django_db(transaction=True)
def test_a_task_that_somebody_has_locked_is_passed_over_without_waiting(filters: NextFilters) -> None:
    best, second = make_task(team="web", priority=Priority.HIGH), make_task(team="web")
    make_task(team="ops", priority=Priority.LOW)
    with locked_elsewhere(best.pk):
        standing = take(filters=filters)
    assert standing is not None and standing.id == second.pk


@pytest.mark.django_db(transaction=True)
def test_of_several_teams_only_the_task_that_is_taken_is_locked() -> None:
    best = make_task(team="web", priority=Priority.CRITICAL)
    others = [make_task(team=team) for team in ("web", "ops", "ops")]
    with transaction.atomic():
        standing = take(filters=SEVERAL)
        assert standing is not None and standing.id == best.pk
        for other in others:
            with locked_elsewhere(other.pk):
                pass


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("change", "granted"),
    [("team = 'sales'", 0), ("status = 'paused'", 0), ("requires = '{gpu}'", 0), ("owner = 'ada'", 1)],
)
def test_of_several_teams_a_task_that_changes_meanwhile_is_judged_as_it_is(change: str, granted: int) -> None:
    """`next` has read the task of an earlier snapshot, and locks it after the change."""
    task = make_task(team="web")
    with connection.cursor() as cursor, transaction.atomic():
        sql, parts = lease_sql.next_statement("AND t.team = ANY(%(teams)s)", SEVERAL.teams)
        # The look at whether the hands are full comes first: there the statement sleeps, its snapshot taken.
        slow = sql.replace(
            "WITH hands AS MATERIALIZED (",
            "WITH hands AS MATERIALIZED (SELECT NULL::bigint[] AS holds FROM pg_sleep(0.3) UNION ALL (",
            1,
        ).replace("), standing AS", ")), standing AS", 1)
        assert slow != sql
        with ThreadPoolExecutor(1) as pool:
            changed = pool.submit(change_soon, task.pk, change)
            cursor.execute(slow, {**GIVEN, **parts, "teams": list(SEVERAL.teams)})
            assert len(cursor.fetchall()) == granted
            changed.result()


@WHOEVER
@pytest.mark.django_db(transaction=True)
def test_claim_and_next_at_the_same_moment_never_grant_one_task_twice(filters: NextFilters) -> None:
    for _ in range(10):
        task = make_task(team="ops")
        claim = partial(services.claim_task, by=PI_ORCH, task_id=task.pk, session="p1", ttl=TTL)
        results = together(claim, partial(take, session="s1", filters=filters))
        assert len([result for result in results if isinstance(result, Standing)]) == 1
        standing = leases.status(task.pk)
        assert standing is not None and standing.fencing_token == 1


@pytest.mark.django_db
def test_the_order_is_priority_then_due_date_then_age() -> None:
    def task(priority: Priority, due: int | None, age: int) -> Task:
        due_at = NOON + timedelta(days=due) if due is not None else None
        return make_task(priority=priority, due_at=due_at, created_at=NOON - timedelta(days=age))

    expected = [
        task(Priority.CRITICAL, None, 1),
        task(Priority.HIGH, 1, 1),
        task(Priority.HIGH, 2, 9),
        task(Priority.HIGH, None, 8),
        task(Priority.HIGH, None, 7),
        task(Priority.LOW, 0, 99),
    ]
    assert taken() == [each.pk for each in expected]


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["open", "in_progress", "ready", "paused", "cancelled"])
def test_a_task_waits_until_all_it_depends_on_is_done(state: str) -> None:
    finished, pending, waiting = (
        make_task(status="done"),
        make_task(status=state),
        make_task(priority=Priority.HIGH),
    )
    for other in (finished, pending):
        Dependency.objects.create(task=waiting, depends_on=other)
    assert waiting.pk not in taken()
    Task.objects.filter(pk=pending.pk).update(
        status="done", lease_actor="", lease_session="", lease_until=None
    )
    assert taken() == [waiting.pk]


@pytest.mark.django_db
def test_only_open_tasks_and_abandoned_ones_in_progress_are_handed_out() -> None:
    tasks = {status: make_task(status=status) for status in Status}
    assert taken() == [tasks[Status.OPEN].pk, tasks[Status.IN_PROGRESS].pk]


@pytest.mark.django_db
def test_a_lease_that_ran_out_makes_its_task_available_with_a_higher_fence() -> None:
    task = make_task()
    first = take()
    assert first is not None and take(PI_ORCH) is None
    let_expire(task.pk)
    second = take(PI_ORCH, "p1")
    assert second is not None
    assert (second.id, second.holder, second.fencing_token) == (
        task.pk,
        "pi-orch:p1",
        first.fencing_token + 1,
    )


@pytest.mark.django_db
def test_filters_narrow_the_choice() -> None:
    make_task(priority=Priority.CRITICAL)
    wanted = make_task(
        team="web", owner="john", tags=["php", "urgent"], source="mail", priority=Priority.HIGH
    )
    make_task(team="web", owner="john", tags=["php"], source="mail", priority=Priority.HIGH)
    filters = NextFilters(
        teams=("web", "ops"),
        owners=("john",),
        tags=("php", "urgent"),
        sources=("mail",),
        priority_at_least=Priority.HIGH,
    )
    assert taken(filters=filters) == [wanted.pk]


@pytest.mark.django_db
def test_one_team_and_several_are_handed_out_in_the_same_order() -> None:
    made = [
        make_task(team=team, priority=priority)
        for team in ("web", "ops", "")
        for priority in (Priority.LOW, Priority.CRITICAL)
    ]
    web_low, web_critical, ops_low, ops_critical, *_ = [task.pk for task in made]
    assert NextFilters(teams=("web",)).sql()[1] == {"team": "web"}
    assert taken(filters=NextFilters(teams=("web", "ops"))) == [web_critical, ops_critical, web_low, ops_low]
    Task.objects.update(lease_actor="", lease_session="", lease_until=None)
    assert taken(filters=NextFilters(teams=("web",))) == [web_critical, web_low]
    assert taken(filters=NextFilters(teams=("nobody",))) == []
    Task.objects.update(lease_actor="", lease_session="", lease_until=None)
    assert len(taken()) == 6


@pytest.mark.django_db
def test_a_token_that_is_limited_to_teams_gets_their_tasks_alone() -> None:
    make_task(team="sales", priority=Priority.HIGH)
    mine = make_task(team="web")
    limited = Principal(actor="john", scopes=frozenset({"tasks:write"}), teams=("web",))
    assert outcome(partial(take, limited, filters=NextFilters(teams=("sales",)))) == "team_not_allowed"
    assert taken(limited) == [mine.pk]
