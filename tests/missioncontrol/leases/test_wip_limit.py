"""How many tasks an actor may hold at once: whatever verb grants them, however many ask at the same moment."""

from contextlib import ExitStack
from functools import partial

import pytest
from django.db import connection, transaction

from alai.kernel.models import Actor
from alai.kernel.principals import Principal
from missioncontrol import leases, services
from missioncontrol.leases import Standing
from missioncontrol.models import Task
from missioncontrol.services.claims import CEO_APPROVED, NextFilters, Override
from tests.cast import Cast, make_task
from tests.missioncontrol.leases.people import ADA, JOHN, OLE, PI_ORCH, TTL, kinds, let_expire
from tests.missioncontrol.leases.together import in_background, outcome, together


def limited(to: int, name: str = "john") -> Actor:
    return Actor.objects.update_or_create(name=name, defaults={"wip_limit": to})[0]


def claim(task: Task, session: str = "s1", by: Principal = JOHN) -> Standing:
    return services.claim_task(by=by, task_id=task.pk, session=session, ttl=TTL)


def take(session: str = "s1", by: Principal = JOHN) -> Standing | None:
    return services.claim_next(by=by, session=session, ttl=TTL, filters=NextFilters())


def held(name: str = "john") -> int:
    return Task.objects.claimed().filter(lease_actor=name).count()


@pytest.mark.django_db
def test_without_a_limit_an_actor_holds_any_number() -> None:
    Actor.objects.create(name="john")
    for _ in range(20):
        claim(make_task())
    assert held() == 20


@pytest.mark.django_db
def test_one_more_than_the_limit_is_refused_and_leaves_nothing() -> None:
    limited(2)
    for _ in range(2):
        claim(make_task())
    third = make_task()
    assert outcome(partial(claim, third)) == "wip_limit"
    assert outcome(take) == "wip_limit"
    third.refresh_from_db()
    assert (third.status, third.fencing_token, kinds(third.pk)) == ("open", 0, [])


@pytest.mark.django_db
def test_the_refusal_names_the_tasks_and_what_to_do(cast: Cast) -> None:
    limited(2)
    mine = [make_task().pk for _ in range(2)]
    for number in mine:
        cast.john.post(f"/tasks/{number}/claim", {"session": "s1"})
    for path in (f"/tasks/{make_task().pk}/claim", "/claims/next"):
        reply = cast.john.post(path, {"session": "s2"})
        assert (reply.status, reply.body["code"], reply.body["holds"]) == (409, "wip_limit", mine)
        assert reply.body["detail"] == (
            f"You hold as many tasks as you may, 2: #{mine[0]}, #{mine[1]}. "
            "Finish or release one of them before you claim another."
        )


@pytest.mark.django_db
def test_sessions_of_an_actor_share_its_limit_and_others_have_their_own() -> None:
    limited(1)
    claim(make_task(), "s1")
    assert outcome(partial(claim, make_task(), "s2")) == "wip_limit"
    assert claim(make_task(), "p1", by=PI_ORCH).changed


@pytest.mark.django_db
def test_an_own_lease_is_refreshed_and_extended_at_the_limit() -> None:
    limited(1)
    task = make_task()
    claim(task)
    assert claim(task).changed
    assert services.extend_claim(by=JOHN, task_id=task.pk, session="s1", ttl=TTL).changed
    assert kinds(task.pk) == ["claimed", "lease_refreshed", "lease_extended"]


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["release", "finish", "expiry"])
def test_what_is_let_go_makes_room(ending: str) -> None:
    limited(1)
    task = make_task()
    fence = claim(task).fencing_token
    if ending == "release":
        services.release_claim(by=JOHN, task_id=task.pk, session="s1")
    elif ending == "finish":
        presented = leases.Presented(actor="john", session="s1", fence=fence)
        services.finish_task(by=JOHN, task_id=task.pk, verb="ready", items=["seen"], presented=presented)
    else:
        let_expire(task.pk)
    assert claim(make_task()).changed


@pytest.mark.django_db
def test_a_lower_limit_takes_nothing_away_but_grants_no_more() -> None:
    for _ in range(3):
        claim(make_task())
    limited(1)
    assert held() == 3
    assert outcome(take) == "wip_limit"


@pytest.mark.django_db
def test_others_are_refused_as_before_at_the_limit() -> None:
    limited(1)
    claim(make_task())
    taken, closed = make_task(), make_task(status="done")
    claim(taken, "p1", by=PI_ORCH)
    assert outcome(partial(claim, taken)) == "lease_held"
    assert outcome(partial(claim, closed)) == "task_closed"


@pytest.mark.django_db
def test_the_limit_is_that_of_the_actor_who_shall_hold_it() -> None:
    """An admin claims on behalf of john: john's hands count."""
    limited(1)
    claim(make_task())
    limited(1, "ole")
    behalf = partial(services.claim_task, by=OLE, task_id=make_task().pk, session="s9", ttl=TTL, actor="john")
    assert outcome(behalf) == "wip_limit"
    assert claim(make_task(), "s9", by=OLE).changed


@pytest.mark.django_db
def test_an_override_and_unenforced_leases_know_no_limit(settings: object) -> None:
    limited(1, "ada")
    claim(make_task(), "a1", by=ADA)
    approved = Override(CEO_APPROVED, "customer waits")
    assert services.claim_task(
        by=ADA, task_id=make_task().pk, session="a1", ttl=TTL, override=approved
    ).changed
    settings.MC_LEASE_ENFORCE = False  # type: ignore[attr-defined]
    assert claim(make_task(), "a1", by=ADA).changed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", [1, 3])
def test_claims_at_the_same_moment_never_exceed_the_limit(limit: int) -> None:
    limited(limit)
    for _ in range(10):
        tasks = [make_task() for _ in range(6)]
        results = together(*(partial(claim, task, f"s{n}") for n, task in enumerate(tasks)))
        assert len([one for one in results if isinstance(one, Standing)]) == limit
        assert results.count("wip_limit") == 6 - limit
        assert held() == limit
        Task.objects.all().update(lease_actor="", lease_session="", lease_until=None)


@pytest.mark.django_db(transaction=True)
def test_claim_and_next_at_the_same_moment_never_exceed_it_either() -> None:
    limited(2)
    for _ in range(10):
        tasks = [make_task() for _ in range(6)]
        calls = [partial(take, "n1"), partial(take, "n2"), partial(take, "n3")]
        results = together(*calls, *(partial(claim, task, "c1") for task in tasks[:3]))
        refused = [one for one in results if isinstance(one, str)]
        assert held() == 2
        assert set(refused) <= {"wip_limit", "lease_held"}
        Task.objects.all().update(lease_actor="", lease_session="", lease_until=None)


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_waits_for_another_of_its_actor_sees_what_that_one_took() -> None:
    """The second claim's snapshot is older than the first's commit; its count is not."""
    limited(1)
    first, second = make_task(), make_task()
    with ExitStack() as stack:
        with transaction.atomic():
            claim(first)
            waiting = stack.enter_context(in_background(partial(claim, second, "s2")))
        assert waiting.result(5) == "wip_limit"


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_waits_for_one_that_is_undone_is_granted() -> None:
    limited(1)
    first, second = make_task(), make_task()
    with ExitStack() as stack:
        with transaction.atomic():
            claim(first)
            waiting = stack.enter_context(in_background(partial(claim, second, "s2")))
            transaction.set_rollback(True)
        granted = waiting.result(5)
    assert isinstance(granted, Standing) and granted.id == second.pk


@pytest.mark.django_db(transaction=True)
def test_who_has_no_limit_waits_for_no_other_claim_of_its_actor() -> None:
    Actor.objects.create(name="john")
    first, second = make_task(), make_task()
    with transaction.atomic():
        claim(first)
        assert [isinstance(one, Standing) for one in together(partial(claim, second, "s2"))] == [True]


@pytest.mark.django_db(transaction=True)
def test_a_refused_next_locks_no_task_that_somebody_else_could_have() -> None:
    limited(1)
    claim(make_task())
    only = make_task()
    with transaction.atomic():
        assert outcome(take) == "wip_limit"
        (other,) = together(partial(take, "p1", PI_ORCH))
    assert isinstance(other, Standing) and other.id == only.pk


@pytest.mark.django_db
def test_an_actor_without_a_limit_is_not_counted() -> None:
    """The function that locks and counts is called for limited actors alone."""
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION missioncontrol_full_hands(text, integer) CASCADE")
        cursor.execute(
            "CREATE FUNCTION missioncontrol_full_hands(text, integer) RETURNS bigint[] LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'counted'; END $$"
        )
    Actor.objects.create(name="john")
    assert claim(make_task()).changed
    make_task()
    assert take() is not None
