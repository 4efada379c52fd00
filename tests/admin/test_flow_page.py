"""The flow of work: what came and got done, how long it took, what lies about; in figures that add up."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from missioncontrol.admin import flow, flow_words
from missioncontrol.models import Task, TaskEvent
from tests.cast import make_task

DAY = timedelta(days=1)
URL = reverse("admin:missioncontrol_task_flow")


def ago(days: float) -> datetime:
    return timezone.now() - days * DAY


def done(opened: float, closed: float, begun: float | None = None, **fields: Any) -> Task:
    """A task opened, perhaps begun, and done so many days ago."""
    task = make_task(status="done", created_at=ago(opened), completed_at=ago(closed), **fields)
    if begun is not None:
        TaskEvent.objects.create(task=task, kind="claimed", actor="john", at=ago(begun))
    return task


def page(client: Client, query: str = "") -> str:
    reply = client.get(f"{URL}?{query}")
    assert reply.status_code == 200
    return reply.content.decode()


def test_nothing_at_all_is_said_in_words(ada: Client) -> None:
    shown = page(ada)
    assert "Nothing came and nothing was done in these 90 days; nothing is open." in shown
    assert "No task was done in these 90 days." in shown
    assert "No task is begun and unfinished." in shown


def test_scope_and_done_are_counted_from_the_beginning(db: None) -> None:
    make_task(created_at=ago(200))  # was there
    done(opened=200, closed=10)  # was there, got done
    make_task(created_at=ago(5))
    done(opened=4, closed=1)
    make_task(status="cancelled", created_at=ago(8), completed_at=ago(2))
    done(opened=300, closed=250)  # long over
    read = flow.read(30)
    assert (read.standing, read.left) == (2, 2)
    assert sum(day.opened for day in read.days) == 3
    assert sum(day.done for day in read.days) == 2
    assert sum(day.cancelled for day in read.days) == 1
    assert read.days[-1].left == read.left
    assert (
        flow_words.burn_up_sentence(read)
        == "3 tasks came, 2 were done, 1 cancelled: 2 are left, as many as 30 days ago."
    )


def test_the_pace_says_when_it_ends(db: None) -> None:
    for number in range(8):
        done(opened=60, closed=number + 1)
    make_task(created_at=ago(60))
    assert "1 is left, at this pace for about 1 more week" in flow_words.burn_up_sentence(flow.read(30))


def test_days_begin_at_local_midnight(db: None) -> None:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    make_task(created_at=midnight)
    make_task(created_at=midnight - timedelta(seconds=1))
    assert [day.opened for day in flow.read(30).days][-2:] == [1, 1]


def test_cycle_time_runs_from_the_first_claim_and_lead_time_from_opening(db: None) -> None:
    for days in (1, 2, 3, 4):
        task = done(opened=20, closed=10, begun=10 + days)
        TaskEvent.objects.create(task=task, kind="claimed", actor="john", at=ago(10.5))  # claimed once more
        TaskEvent.objects.create(
            task=task, kind="in_progress", actor="john", at=ago(1)
        )  # reopened: not before done
    done(opened=30, closed=10)
    took = flow.read(30).took
    assert (took.tasks, took.known) == (5, 4)
    assert took.cycle is not None and took.lead is not None
    assert abs(took.cycle[0] - 2.5 * DAY) < timedelta(minutes=1)
    assert abs(took.cycle[1] - 3.55 * DAY) < timedelta(minutes=1)
    assert abs(took.lead[0] - 10 * DAY) < timedelta(minutes=1)


def test_the_measure_is_lead_time_while_nobody_knows_when_work_began(ada: Client) -> None:
    done(opened=12, closed=10)
    assert "from being opened to done" in page(ada)
    assert "When work began is known of none of them." in page(ada)
    done(opened=12, closed=10, begun=11)
    assert "the 1 of 2 tasks whose beginning is known" in page(ada)
    assert "from being opened to done" in page(ada, "measure=lead")


def test_weeks_add_up_and_partial_ones_are_marked(db: None) -> None:
    for days in (1, 8, 15, 22, 29):
        done(opened=40, closed=days)
    read = flow.read(30)
    assert sum(week.done for week in read.weeks) == 5
    assert [week.whole for week in read.weeks[1:-1]] == [True] * (len(read.weeks) - 2)
    assert all(week.monday.weekday() == 0 for week in read.weeks)


def test_what_lies_about_is_the_oldest_first_and_red_beyond_the_usual(ada: Client) -> None:
    for number in range(10):
        done(opened=6, closed=4, begun=5 + number / 100)
    old = make_task(status="blocked", created_at=ago(90))
    TaskEvent.objects.create(task=old, kind="in_progress", actor="john", at=ago(50))
    make_task(status="ready", created_at=ago(0.1))
    make_task(status="open", created_at=ago(300))  # nobody has begun it
    read = flow.read(30)
    assert read.lying[0].task_id == old.pk
    chart = flow_words.age_chart(read, "cycle")
    assert [dot.tone for dot in chart.dots] == ["danger", "info"]
    assert chart.levels == ["Ready", "Blocked"]
    assert f"#{old.pk} has been under way for 50 days" in chart.sentence
    assert f"#{old.pk}</a>" in page(ada)


def test_of_a_team_what_lies_about_is_its_own(db: None) -> None:
    own = [
        make_task(status=status, team="sales", created_at=ago(5)) for status in ("ready", "paused", "open")
    ]
    make_task(status="ready", team="ops", created_at=ago(50))
    done(opened=6, closed=4, team="sales")
    assert [one.task_id for one in flow.read(30, "sales").lying] == [task.pk for task in own[:2]]
    assert flow.read(30, "nobody").lying == []
    assert len(flow.read(30).lying) == 3


def test_of_many_weeks_fewer_tasks_each_are_measured(ada: Client) -> None:
    done(opened=3, closed=2)
    assert "of each week at most the last 100 done" in page(ada, "days=90")
    assert "of each week at most the last 37 done" in page(ada, "days=365")


def test_it_looks_at_one_team_and_at_a_period(ada: Client) -> None:
    done(opened=100, closed=100, team="sales")
    make_task(team="ops", created_at=ago(2))
    assert "1 task came, 0 were done" in page(ada, "days=30&team=ops")
    assert "look at 180 days" in page(ada, "days=90&team=sales")
    assert "1 task came, 1 was done: nothing is left." in page(ada, "days=180&team=sales")


@pytest.mark.parametrize(
    "query", ["days=x", "days=-1", "days=99999", "team=%00", "measure=x", "team=" + "x" * 5000]
)
def test_no_address_breaks_it(query: str, ada: Client) -> None:
    done(opened=3, closed=2)
    page(ada, query)


def test_titles_are_text(ada: Client) -> None:
    make_task(status="blocked", title="</title><script>alert(1)</script>")
    assert "<script>alert" not in page(ada)


def test_staff_without_permission_see_nothing(sten: Client) -> None:
    assert sten.get(URL).status_code == 403


@pytest.mark.parametrize(("team", "index"), [("", "task_completed"), (flow.TEAM, "task_completed_of_team")])
def test_what_was_done_in_a_period_can_be_read_from_an_index_alone(team: str, index: str, db: None) -> None:
    """A million tasks are fast because no row of theirs is touched. The planner may know a better way; here it has
    no other index to choose.
    """
    params: dict[str, Any] = {
        "team": "sales", "starts": [ago(30)], "stops": [ago(0)], "sample": flow.SAMPLE,
    }  # fmt: skip
    others = "SELECT indexname FROM pg_indexes WHERE tablename = 'missioncontrol_task' AND indexname NOT IN (%s, %s)"
    with connection.cursor() as cursor:
        cursor.execute(others, [index, "missioncontrol_task_pkey"])
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP INDEX "{name}"')
        for setting in ("enable_seqscan", "enable_bitmapscan"):
            cursor.execute(f"SET LOCAL {setting} = off")
        cursor.execute("EXPLAIN " + flow.DURATIONS.format(team=team), params)
        plan = [line for (line,) in cursor.fetchall()]
    scans = [line for line in plan if re.search(r" on missioncontrol_task\b", line)]
    assert scans
    assert all("Index Only Scan" in scan and f"using {index} " in scan for scan in scans), plan


class Sums(TestCase):
    """However tasks came and went, what was there and what came is what got done and what is left."""

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(st.floats(0, 50), st.floats(0, 1), st.sampled_from(["open", "done", "cancelled"])),
            max_size=30,
        )
    )
    def test_the_lines_always_meet_what_is_left(self, tasks: list[tuple[float, float, str]]) -> None:
        for opened, share, status in tasks:
            closed = None if status == "open" else ago(opened * share)
            make_task(status=status, created_at=ago(opened), completed_at=closed)
        read = flow.read(30)
        assert read.days[-1].left == read.left == sum(status == "open" for _, _, status in tasks)
        assert all(day.left >= 0 for day in read.days)
        long_ago = sum(opened > 31 for opened, _, _ in tasks)
        assert read.standing <= len(tasks) and sum(day.opened for day in read.days) <= len(tasks) - long_ago
