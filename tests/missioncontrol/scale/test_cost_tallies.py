"""The tally of costs equals the sum of all entries after every kind of write; and the page reads it to the cent."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from missioncontrol import services
from missioncontrol.admin import costs
from missioncontrol.models import CostEntry, CostTally, Task
from missioncontrol.services import upkeep
from tests.cast import make_task
from tests.missioncontrol.leases.people import JOHN, OLE
from tests.missioncontrol.leases.together import in_background, locked_elsewhere
from tests.missioncontrol.scale.counting import counted, tallied

pytestmark = pytest.mark.django_db
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NEW_TASK = """
INSERT INTO missioncontrol_task (id, title, description, status, priority, owner, team, tags, source, legacy,
    lease_actor, lease_session, lease_enforced, fencing_token)
VALUES (999, 'x', '', 'open', 1, '', 'late', '{}', '', '{}', '', '', true, 0)
"""
ENTRIES = """
INSERT INTO missioncontrol_costentry (task_id, at, amount_usd, kind, note, actor)
SELECT 999, now() - n * interval '7 hours', n, 'manual', '', 'john' FROM generate_series(1, 9) n
"""


def raw(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def spend(task: Task, amount: Any, at: dt.datetime | None = None) -> None:
    services.record_cost(by=JOHN, task_id=task.pk, amount_usd=Decimal(amount), at=at)


@pytest.fixture
def task() -> Task:
    """Of team web, with costs of three days; beside another one's."""
    task, other = make_task(team="web"), make_task()
    for back in range(3):
        spend(task, "1.25", timezone.now() - back * DAY)
        spend(other, back + 1, timezone.now() - back * 30 * HOUR)
    return task


WRITES: dict[str, Callable[[Task], object]] = {
    "a correction": lambda task: spend(task, "-0.75"),
    "a total that is set": lambda task: services.update_task(
        by=OLE, task_id=task.pk, changes={"cost_usd": Decimal(9)}
    ),
    "a total that is cleared": lambda task: services.update_task(
        by=OLE, task_id=task.pk, changes={"cost_usd": None}
    ),
    "another team": lambda task: services.update_task(by=OLE, task_id=task.pk, changes={"team": "sales"}),
    "no team": lambda task: services.update_task(by=OLE, task_id=task.pk, changes={"team": ""}),
    "all teams at once": lambda task: Task.objects.update(team="one"),
    "deleted entries": lambda task: raw(
        "SET LOCAL alai.retention = 'on'; DELETE FROM missioncontrol_costentry WHERE amount_usd > 1.5"
    ),
    "a deleted task, its entries first": lambda task: raw(
        f"SET LOCAL alai.retention = 'on'; DELETE FROM missioncontrol_costentry WHERE task_id = {task.pk};"
        f"DELETE FROM missioncontrol_tasksearch; DELETE FROM missioncontrol_taskevent;"
        f"DELETE FROM missioncontrol_task WHERE id = {task.pk}"
    ),
    "a deleted task, its entries last": lambda task: raw(
        f"SET LOCAL alai.retention = 'on'; SET CONSTRAINTS ALL DEFERRED;"
        f"DELETE FROM missioncontrol_task WHERE id = {task.pk};"
        f"DELETE FROM missioncontrol_tasksearch; DELETE FROM missioncontrol_taskevent;"
        f"DELETE FROM missioncontrol_costentry WHERE task_id = {task.pk}"
    ),
    "a task and then its entries": lambda task: raw(f"{NEW_TASK};{ENTRIES}"),
    "entries before their task, as a backup brings them": lambda task: raw(
        f"SET CONSTRAINTS ALL DEFERRED; {ENTRIES}; {NEW_TASK}"
    ),
    "truncated entries": lambda task: raw(
        "SET LOCAL alai.retention = 'on'; TRUNCATE missioncontrol_costentry"
    ),
    "truncated tasks": lambda task: raw(
        "SET LOCAL alai.retention = 'on'; TRUNCATE missioncontrol_task CASCADE"
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_it_is_the_sum_of_the_entries_whatever_is_written(
    write: Callable[[Task], object], task: Task
) -> None:
    raw("SET CONSTRAINTS ALL IMMEDIATE")
    before = tallied()
    write(task)
    assert tallied() == counted()
    assert tallied()["costs"] != before["costs"]


def test_what_is_rolled_back_was_never_counted(task: Task) -> None:
    before = tallied()
    with transaction.atomic():
        spend(task, 5)
        Task.objects.update(team="sales")
        transaction.set_rollback(True)
    assert tallied() == before == counted()


def test_folding_changes_no_sum_and_leaves_a_row_for_each(task: Task) -> None:
    for number in range(12):
        spend(task, number + 1)
        Task.objects.filter(pk=task.pk).update(team=f"t{number % 3}")
    before, many = tallied(), CostTally.objects.count()
    upkeep.fold_tallies()
    assert tallied() == before == counted()
    assert CostTally.objects.count() == len(before["costs"]) < many


def test_the_daily_check_corrects_what_was_written_with_the_triggers_off(task: Task) -> None:
    raw("SET CONSTRAINTS ALL IMMEDIATE")
    raw("ALTER TABLE missioncontrol_costentry DISABLE TRIGGER USER")
    raw(f"UPDATE missioncontrol_costentry SET amount_usd = 7 WHERE task_id = {task.pk}")
    raw("ALTER TABLE missioncontrol_costentry ENABLE TRIGGER USER")
    assert tallied() != counted()
    assert upkeep.check_tallies() == 3
    assert tallied() == counted()
    assert upkeep.check_tallies() == 0


class TestTogether:
    """With real connections."""

    pytestmark = pytest.mark.django_db(transaction=True)

    def test_an_entry_and_a_change_of_team_at_once(self) -> None:
        """The entry waits for the team's change and counts for the new one."""
        task = make_task(team="web")
        spend(task, 1)
        entries = partial(raw, ENTRIES.replace("999", str(task.pk)))
        with locked_elsewhere(task.pk, change="team = 'sales'") as other, in_background(entries):
            other.commit()
        assert CostEntry.objects.count() == 10
        assert tallied() == counted()
        assert {team for team, _ in tallied()["costs"]} == {"sales"}


# --- What the page reads of it ----------------------------------------------------------------------------

ZONES = [
    "UTC",
    "Europe/Oslo",
    "Asia/Kathmandu",
    "America/Los_Angeles",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
]


def around_a_month(back: int, half_hours: int) -> dt.datetime:
    """So many half hours from where a month begins in UTC; where it begins elsewhere is not far."""
    number = timezone.now().year * 12 + timezone.now().month - 1 - back
    first = dt.datetime(number // 12, number % 12 + 1, 1, tzinfo=dt.UTC)
    return first + half_hours * HOUR / 2


ANY_TIME = st.integers(0, 24 * 100).map(lambda number: timezone.now() - number * HOUR)
MOMENTS = ANY_TIME | st.builds(around_a_month, st.integers(0, 3), st.integers(-30, 30))


@pytest.fixture(params=[costs.FEW, 0], ids=["few", "many"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of finding the dearest; the second a few tasks at a time."""
    monkeypatch.setattr(costs, "FEW", request.param)
    monkeypatch.setattr(costs, "BATCH", 3)
    monkeypatch.setattr(costs, "DEAREST", 4)


@pytest.mark.usefixtures("_way")
def test_the_dearest_are_found_by_what_they_cost_in_the_period() -> None:
    now = timezone.now()
    long_ago = now - 800 * DAY
    made = {name: make_task(title=name, team="web" if name in "adh" else "") for name in "abcdefghi"}
    for name, amount, at in (
        ("a", 100, long_ago), ("a", 1, now), ("b", 90, long_ago), ("c", 80, long_ago), ("d", 70, long_ago),
        ("d", 8, now), ("e", 9, now), ("f", 7, now), ("g", 3, now), ("g", 3, now), ("h", 2, now), ("i", 5, now),
        ("i", -5, now),
    ):  # fmt: skip
        spend(made[name], amount, at)
    assert [task.title for task in costs.read(12).dearest] == ["e", "d", "f", "g"]
    assert [task.title for task in costs.read(12, "web").dearest] == ["d", "h", "a"]
    assert costs.read(12, "nobody").dearest == []
    assert [task.cost for task in costs.read(12).dearest] == [9, 8, 7, 6]


class TestMonths(TestCase):
    @given(
        st.sampled_from(ZONES),
        st.lists(
            st.tuples(MOMENTS, st.decimals("0.01", "9.99", places=2), st.sampled_from(["", "web", "ops"])),
            max_size=25,
        ),
    )
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_months_add_up_to_the_cent_wherever_one_lives(
        self, zone: str, entries: list[tuple[dt.datetime, Decimal, str]]
    ) -> None:
        tasks = {team: make_task(team=team) for team in ("", "web", "ops")}
        CostEntry.objects.bulk_create(
            CostEntry(task=tasks[team], at=at, amount_usd=amount, kind="tokens", actor="john")
            for at, amount, team in entries
        )
        with timezone.override(ZoneInfo(zone)):
            read = costs.read(3)
        found = {(row.month, row.team): (row.cost, row.entries) for row in read.rows}
        expected: dict[tuple[dt.date, str], tuple[Decimal, int]] = {}
        for at, amount, team in entries:
            month = at.astimezone(ZoneInfo(zone)).date().replace(day=1)
            if month >= read.months[0]:
                cost, number = expected.get((month, team), (Decimal(0), 0))
                expected[month, team] = (cost + amount, number + 1)
        assert found == expected
        total = CostEntry.objects.aggregate(total=Sum("amount_usd"))["total"] or 0
        assert sum(row.cost for row in read.rows) <= total
