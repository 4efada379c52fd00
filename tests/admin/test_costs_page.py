"""Costs by team and month, and the dearest tasks; read through the one function that knows where costs are kept."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alai.kernel.principals import Principal
from missioncontrol import services
from missioncontrol.admin import costs, costs_words
from missioncontrol.models import Task
from tests.cast import make_task

URL = reverse("admin:missioncontrol_task_costs")
OLE = Principal(actor="ole", scopes=frozenset({"admin"}))


def month(back: int) -> date:
    """The first of the month so many months ago."""
    number = timezone.localdate().year * 12 + timezone.localdate().month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def spent(cost: str, back: int, at: datetime | None = None, **fields: object) -> Task:
    """A task with one cost, of the month so many months ago."""
    task = make_task(**{"status": "done", **fields})
    moment = at or midnight(month(back))
    services.record_cost(by=OLE, task_id=task.pk, amount_usd=Decimal(cost), kind="tokens", at=moment)
    return task


def page(client: Client, query: str = "") -> str:
    reply = client.get(f"{URL}?{query}")
    assert reply.status_code == 200
    return reply.content.decode()


def test_without_costs_it_says_so(ada: Client) -> None:
    make_task(cost_usd=None)
    make_task(cost_usd=Decimal(0))
    assert "No task of the last 12 months says what it cost." in page(ada)


def test_a_cost_counts_in_the_month_in_which_it_was_spent(db: None) -> None:
    spent("1.50", 2, team="sales")
    spent("2.25", 2, team="sales")
    spent("4", 1, team="ops")
    spent("8", 0, team="ops", status="open")
    spent("16", 12)  # before the period
    read = costs.read(12)
    assert {(row.month, row.team): (row.cost, row.entries) for row in read.rows} == {
        (month(2), "sales"): (Decimal("3.75"), 2),
        (month(1), "ops"): (Decimal(4), 1),
        (month(0), "ops"): (Decimal(8), 1),
    }
    assert [row.cost for row in read.dearest] == [Decimal(8), Decimal(4), Decimal("2.25"), Decimal("1.50")]


def test_months_begin_at_local_midnight(db: None) -> None:
    spent("1", 0)
    spent("2", 0, at=midnight(month(0)) - timedelta(seconds=1))
    assert [row.month for row in costs.read(3).rows] == [month(1), month(0)]


def test_the_answer_is_a_sentence(ada: Client) -> None:
    spent("120", 1, team="sales")
    spent("4.12", 0, team="ops")
    said = page(ada)
    assert f"$124 in 12 months, $4.12 of it this month; {month(1):%B %Y} cost most ($120)" in said
    assert "and of all teams sales ($120)." in said


def test_the_table_adds_up_and_names_work_without_a_team(ada: Client) -> None:
    spent("10", 1)
    spent("5", 0, team="ops")
    read = costs.read(3)
    table = costs_words.table(read)
    assert [(row.team, int(row.total), [int(one) for one in row.by_month]) for row in table] == [
        ("", 10, [0, 10, 0]), ("ops", 5, [0, 0, 5]),
    ]  # fmt: skip
    assert costs_words.by_month(read) == [0, 10, 5]
    assert "no team" in page(ada, "months=3")


def test_it_narrows_to_a_team(ada: Client) -> None:
    dear = spent("10", 1, team="sales")
    spent("99", 1, team="ops", title="Not this one")
    shown = page(ada, "team=sales&months=6")
    assert "$10.00 in 6 months" in shown
    assert f"#{dear.pk}</a>" in shown
    assert "Not this one" not in shown


@pytest.mark.parametrize("query", ["months=x", "months=-3", "team=%00", "team=" + "x" * 5000])
def test_no_address_breaks_it(query: str, ada: Client) -> None:
    spent("1", 0)
    page(ada, query)


def test_staff_without_permission_see_nothing(sten: Client) -> None:
    assert sten.get(URL).status_code == 403
