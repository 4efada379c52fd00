"""MC_LEASE_ENFORCE=0: leases are recorded and stop nobody."""

import pytest
from pytest_django.fixtures import Settings

from missioncontrol import leases, services
from missioncontrol.models import Status, Task, TaskEvent
from missioncontrol.services.claims import NextFilters
from tests.cast import make_task
from tests.missioncontrol.leases.people import JOHN, PI_ORCH, TTL
from tests.missioncontrol.leases.together import outcome

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _not_enforced(settings: Settings) -> None:
    settings.MC_LEASE_ENFORCE = False


def test_a_claim_over_a_live_lease_is_granted_and_recorded_as_unenforced() -> None:
    task = make_task()
    services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    second = services.claim_task(by=PI_ORCH, task_id=task.pk, session="p1", ttl=TTL)
    assert (second.holder, second.fencing_token) == ("pi-orch:p1", 2)
    task.refresh_from_db()
    assert not task.lease_enforced
    assert [event.data["unenforced"] for event in TaskEvent.objects.filter(task=task)] == [True, True]


def test_a_write_needs_no_lease() -> None:
    task = make_task()
    services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    services.update_task(by=PI_ORCH, task_id=task.pk, changes={"status": Status.PAUSED}, fence=0)
    assert Task.objects.get(pk=task.pk).status == Status.PAUSED


def test_a_closed_task_is_closed_all_the_same() -> None:
    task = make_task(status=Status.DONE)
    assert (
        outcome(lambda: services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)) == "task_closed"
    )


def test_extend_and_release_still_ask_for_the_holder() -> None:
    task = make_task()
    services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    refused = outcome(lambda: services.extend_claim(by=PI_ORCH, task_id=task.pk, session="p1", ttl=TTL))
    assert refused == "lease_not_held"
    assert outcome(lambda: services.release_claim(by=PI_ORCH, task_id=task.pk, session="p1")) == "lease_held"


def test_next_still_gives_a_task_to_one_caller() -> None:
    make_task()
    assert services.claim_next(by=JOHN, session="s1", ttl=TTL, filters=NextFilters()) is not None
    assert services.claim_next(by=PI_ORCH, session="p1", ttl=TTL, filters=NextFilters()) is None


def test_enforcing_again_makes_the_newest_holder_the_only_one(settings: Settings) -> None:
    task = make_task()
    services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)
    services.claim_task(by=PI_ORCH, task_id=task.pk, session="p1", ttl=TTL)
    settings.MC_LEASE_ENFORCE = True
    assert (
        outcome(lambda: services.claim_task(by=JOHN, task_id=task.pk, session="s1", ttl=TTL)) == "lease_held"
    )
    standing = leases.status(task.pk)
    assert standing is not None and standing.holder == "pi-orch:p1"
