"""`claims/next` hands nobody a task that requires what it cannot do."""

import re
from functools import partial
from typing import Any

import pytest
from django.db import connection

from alai.kernel.models import Actor
from missioncontrol import lease_sql, services
from missioncontrol.models import Priority, Task
from missioncontrol.services.claims import NextFilters
from tests.cast import Cast, make_task
from tests.missioncontrol.leases.people import JOHN, OLE, TTL
from tests.missioncontrol.leases.together import together

pytestmark = pytest.mark.django_db


def able(*capabilities: str, name: str = "john") -> None:
    Actor.objects.update_or_create(name=name, defaults={"capabilities": list(capabilities)})


def taken(*capabilities: str, filters: NextFilters | None = None) -> list[int]:
    """The ids that `next` hands john until nothing is left; what he says he can do, if he says anything."""
    chosen = filters or NextFilters(capabilities=capabilities or None)
    ids = []
    while standing := services.claim_next(by=JOHN, session="s1", ttl=TTL, filters=chosen):
        ids.append(standing.id)
    return ids


def test_a_task_goes_only_to_who_can_do_all_that_it_requires() -> None:
    plain = make_task()
    gpu = make_task(requires=["gpu"], priority=Priority.HIGH)
    make_task(requires=["gpu", "norwegian"], priority=Priority.CRITICAL)
    able("gpu", "browser")
    assert taken() == [gpu.pk, plain.pk]


def test_who_has_nothing_recorded_and_who_is_unknown_get_what_requires_nothing() -> None:
    make_task(requires=["gpu"], priority=Priority.HIGH)
    plain = make_task()
    assert taken() == [plain.pk]  # there is no actor john yet
    able()
    assert taken() == []


def test_what_the_caller_says_it_can_do_counts_instead_of_what_is_recorded() -> None:
    gpu, browser = make_task(requires=["gpu"]), make_task(requires=["browser"])
    able("gpu")
    assert taken("browser") == [browser.pk]
    assert taken(filters=NextFilters(capabilities=())) == []
    assert taken() == [gpu.pk]


def test_it_narrows_together_with_the_other_filters() -> None:
    able("gpu")
    make_task(requires=["gpu"], team="sales")
    make_task(requires=["norwegian"], team="web", priority=Priority.CRITICAL)
    wanted = make_task(requires=["gpu"], team="web", tags=["render"], owner="john", source="mail")
    filters = NextFilters(teams=("web",), tags=("render",), owners=("john",), sources=("mail",))
    assert taken(filters=filters) == [wanted.pk]


def test_an_admin_that_takes_a_task_for_somebody_uses_what_that_one_can_do() -> None:
    make_task(requires=["gpu"])
    able("gpu", name="john")
    able(name="ole")
    filters = NextFilters()
    assert services.claim_next(by=OLE, session="s", ttl=TTL, filters=filters) is None
    assert services.claim_next(by=OLE, session="s", ttl=TTL, filters=filters, actor="john") is not None


def test_a_claim_of_that_very_task_is_the_claimers_own_decision() -> None:
    task = make_task(requires=["gpu"])
    assert services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL).changed


@pytest.mark.django_db(transaction=True)
def test_callers_with_different_abilities_at_the_same_moment_get_each_their_own() -> None:
    gpu = {make_task(requires=["gpu"]).pk for _ in range(10)}
    plain = {make_task(requires=[]).pk for _ in range(10)}
    shares = together(
        *(partial(taken, "gpu") for _ in range(3)), *(partial(taken, "browser") for _ in range(3))
    )
    ids = [number for share in shares if isinstance(share, list) for number in share]
    assert sorted(ids) == sorted(gpu | plain)
    assert not gpu & {number for share in shares[3:] if isinstance(share, list) for number in share}


class TestOverHttp:
    def test_requirements_are_set_shown_and_changed_in_small_letters(self, cast: Cast) -> None:
        made = cast.john.post("/tasks", {"title": "Render", "requires": ["GPU", " gpu ", "Norwegian"]})
        assert (made.status, made.body["requires"]) == (201, ["gpu", "norwegian"])
        changed = cast.john.patch(f"/tasks/{made.body['id']}", {"requires": ["browser"]})
        assert changed.body["requires"] == ["browser"]
        event = Task.objects.get().events.get(kind="edited")
        assert event.data["changes"] == {"requires": [["gpu", "norwegian"], ["browser"]]}

    def test_next_takes_capabilities_and_defaults_to_the_recorded_ones(self, cast: Cast) -> None:
        first, second = make_task(requires=["gpu"]), make_task(requires=["gpu"])
        assert cast.john.post("/claims/next", {"session": "s"}).status == 204
        body = {"session": "s", "filters": {"capabilities": ["GPU"]}}
        assert cast.john.post("/claims/next", body).body["task_id"] == first.pk
        able("gpu")
        reply = cast.john.post("/claims/next", {"session": "s"})
        assert (reply.body["task_id"], reply.body["task"]["requires"]) == (second.pk, ["gpu"])

    @pytest.mark.parametrize("bad", ["gpu", [""], ["x" * 101], [1], [f"a{n}" for n in range(51)]])
    def test_what_is_no_list_of_words_is_422(self, cast: Cast, bad: object) -> None:
        assert (
            cast.john.post("/claims/next", {"session": "s", "filters": {"capabilities": bad}}).status == 422
        )
        assert cast.john.post("/tasks", {"title": "x", "requires": bad}).status == 422

    def test_null_requirements_are_422_in_a_change(self, cast: Cast) -> None:
        assert cast.john.patch(f"/tasks/{make_task().pk}", {"requires": None}).status == 422


def test_next_still_walks_its_index(cast: Cast) -> None:
    """Not one task is sorted, and no more are read than are passed over."""
    able("gpu")
    Task.objects.bulk_create(
        Task(title=f"task {n}", priority=n % 4, requires=["gpu"] if n % 5 == 0 else []) for n in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE missioncontrol_task")
        cursor.execute("ANALYZE kernel_actor")
        params: dict[str, Any] = {
            "actor": "john", "session": "s1", "ttl": TTL, "enforced": True, "note": "{}", "override": False,
            "capabilities": None, "by": "john", "behalf": "", "why": "", "request": "", "context": "{}",
        }  # fmt: skip
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {lease_sql.next_statement()[0]}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    walk = next(line for line in plan.splitlines() if "task_next" in line)
    assert re.search(r"Index Scan .*actual rows=1(\.00)? ", walk), plan
    assert "Sort" not in plan
