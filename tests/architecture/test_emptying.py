"""What the tests themselves stand on: nothing of one is left for the next."""

import pytest
from django_celery_beat.models import PeriodicTask

from missioncontrol.models import Task
from tests.cast import make_task
from tests.emptying import Seeds, history_may_go

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_a_test_filled_is_emptied_and_the_seeds_stay() -> None:
    seeds, schedules = Seeds(), PeriodicTask.objects.count()
    make_task()
    with history_may_go():
        assert seeds.empty()
    assert not Task.objects.exists()
    assert PeriodicTask.objects.count() == schedules > 0


def test_changed_seeds_are_left_to_django() -> None:
    seeds = Seeds()
    make_task()
    PeriodicTask.objects.update(enabled=False)
    assert not seeds.empty()
    assert Task.objects.exists()
