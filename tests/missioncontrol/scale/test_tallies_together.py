"""Writers, folders, readers and checkers at the same time: no figure is ever wrong, and nobody waits for another."""

from collections.abc import Callable
from functools import partial
from itertools import count

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import Count

from missioncontrol import services, tally
from missioncontrol.leases import Standing
from missioncontrol.models import Task
from missioncontrol.services import upkeep
from tests.cast import make_task
from tests.missioncontrol.leases.people import JOHN, TTL
from tests.missioncontrol.leases.together import _address, together
from tests.missioncontrol.scale.counting import counted, rows, tallied

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, ROUNDS = 3, 25  # with the others as many as the pool has connections
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def test_writers_folders_checkers_and_readers_at_once() -> None:
    tasks = [make_task(team=f"t{number % 3}") for number in range(WRITERS * 2)]
    seen: list[bool] = []
    numbers = count()

    def write(writer: int) -> str:
        for _ in range(ROUNDS):
            task = tasks[writer * 2 + next(numbers) % 2]
            services.claim_task(by=JOHN, task_id=task.pk, session=f"s{writer}", ttl=TTL)
            services.release_claim(by=JOHN, task_id=task.pk, session=f"s{writer}")
            make_task(team=f"t{writer}", due_at=task.created_at)
        return "written"

    def fold() -> str:
        for _ in range(ROUNDS):
            upkeep.fold_tallies()
        return "folded"

    def check() -> str:
        for _ in range(ROUNDS):
            assert upkeep.check_tallies() == 0
        return "checked"

    def read() -> str:
        for _ in range(ROUNDS):
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(SNAPSHOT)
                plain = Task.objects.order_by().values_list("team", "status").annotate(n=Count("pk"))
                seen.append(tally.by_team_and_status() == {(team, status): n for team, status, n in plain})
        return "read"

    calls: list[Callable[[], str]] = [
        *(partial(write, writer) for writer in range(WRITERS)),
        fold,
        fold,
        check,
        read,
    ]
    assert together(*calls) == ["written"] * WRITERS + ["folded", "folded", "checked", "read"]
    assert seen == [True] * ROUNDS
    assert tallied() == counted()
    upkeep.fold_tallies()
    assert tallied() == counted()
    known = counted()
    assert rows() == len(known["tasks"]) + len(_buckets()) + len(known["teams"])


def test_a_claim_waits_for_no_other_writer_of_the_same_team_and_status() -> None:
    """With one row for a figure, the second would wait until the first commits."""
    first, second = make_task(team="web"), make_task(team="web")
    with psycopg.connect(**_address()) as other:
        other.execute("UPDATE missioncontrol_task SET status = 'in_progress' WHERE id = %s", [first.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '500ms'")
        claim = partial(services.claim_task, by=JOHN, task_id=second.pk, session="s1", ttl=TTL)
        assert isinstance(claim(), Standing)
        upkeep.fold_tallies()
        assert tally.by_team_and_status() == {("web", "open"): 1, ("web", "in_progress"): 1}
        other.commit()
    assert tally.by_team_and_status() == {("web", "in_progress"): 2}
    upkeep.fold_tallies()
    assert tallied() == counted()


def _buckets() -> set[tuple[str, object]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT moment.what, moment.at FROM missioncontrol_task t,"
            " missioncontrol_moments(t.status, t.created_at, t.completed_at, t.due_at) moment"
        )
        return set(cursor.fetchall())
