"""`manage.py generate_sample`: an empty ledger becomes one to try things on."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from alai.kernel.models import AuditEntry
from missioncontrol.models import Dependency, Evidence, Memory, Status, Task, TaskEvent, TaskSearch
from tests.cast import make_task
from tests.missioncontrol.scale.counting import counted, tallied

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = "SELECT md5(string_agg(concat_ws('|', title, status, priority, owner, team, tags), '/' ORDER BY id)) FROM "


def generate(**options: Any) -> str:
    output = io.StringIO()
    call_command("generate_sample", stdout=output, **options)
    return output.getvalue()


def indexes() -> set[str]:
    """And foreign keys: whatever was taken away meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename LIKE 'missioncontrol%'"
            " UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'missioncontrol%' AND convalidated"
        )
        return {row[0] for row in cursor.fetchall()}


def content() -> str:
    with connection.cursor() as cursor:
        cursor.execute(CONTENT + "missioncontrol_task")
        return str((cursor.fetchone() or ("",))[0])


def test_it_makes_what_was_asked_for_with_all_that_belongs_to_it() -> None:
    before = indexes()
    assert "Made 1,500 tasks, 4,000 events and 300 memories" in generate(
        tasks=1500, events=4000, memories=300
    )
    assert (Task.objects.count(), TaskEvent.objects.count(), Memory.objects.count()) == (1500, 4000, 300)
    assert TaskSearch.objects.count() == 1500
    assert indexes() == before
    assert tallied()["tasks"] == counted()["tasks"]
    assert set(Task.objects.values_list("status", flat=True)) == set(Status.values)
    assert Dependency.objects.exists() and Evidence.objects.exists()
    assert Task.objects.claimed().exists()
    assert TaskEvent.objects.filter(kind="created").values("task").distinct().count() == 1500
    assert Memory.objects.filter(vector=None).count() == 0
    assert list(Task.objects.matching("contract"))
    entries = AuditEntry.objects.filter(action="bulk-insert", target_type="missioncontrol_task")
    assert [entry.actor for entry in entries] == ["system"]
    fresh = make_task()
    assert fresh.pk > max(Task.objects.exclude(pk=fresh.pk).values_list("pk", flat=True))


def test_the_same_seed_makes_the_same_ledger_and_another_one_another() -> None:
    made = []
    for seed in (1, 1, 2):
        generate(tasks=300, seed=seed)
        made.append(content())
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL alai.retention = 'on'; TRUNCATE missioncontrol_task CASCADE")
    assert made[0] == made[1] != made[2]


def test_a_ledger_that_holds_something_is_left_alone() -> None:
    make_task()
    with pytest.raises(CommandError, match="DATA_DIR of its own"):
        generate(tasks=10)
    assert Task.objects.count() == 1


@pytest.mark.parametrize("options", [{"tasks": 0}, {"tasks": 10, "events": -1}, {"tasks": 10, "seed": -1}])
def test_nonsense_is_refused_in_words(options: dict[str, int]) -> None:
    with pytest.raises(CommandError, match="must"):
        generate(**options)
