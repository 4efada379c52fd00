"""What a task has cost: entries that only grow in number, and sums of them."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from alai.kernel.principals import Principal
from missioncontrol import costs, services
from missioncontrol.models import CostEntry, Task
from tests.cast import Caller, Cast, make_task
from tests.importing.ledgers import change, ledger, load, task
from tests.missioncontrol.leases.people import JOHN
from tests.missioncontrol.leases.together import outcome, together

pytestmark = pytest.mark.django_db
MARCH = dt.datetime(2026, 3, 6, 12, tzinfo=dt.UTC)


def spend(one: Task, amount: str, at: dt.datetime | None = None, **more: Any) -> CostEntry:
    return services.record_cost(by=JOHN, task_id=one.pk, amount_usd=Decimal(amount), at=at, **more)


def entries(one: Task | int) -> list[tuple[str, str]]:
    rows = CostEntry.objects.filter(task=one).order_by("id")
    return [(str(row.amount_usd.normalize()), row.kind) for row in rows]


def total(one: Task) -> Decimal | None:
    one.refresh_from_db()
    return one.cost_usd


class TestRecording:
    def test_an_entry_adds_to_the_tasks_total_and_leaves_an_event(self, cast: Cast) -> None:
        one = make_task()
        body = {"amount_usd": 1.25, "kind": "tokens", "note": "two tries", "at": "2026-03-06T12:00:00Z"}
        reply = cast.john.post(f"/tasks/{one.pk}/costs", body)
        assert reply.status == 201
        assert reply.body == {
            **body, "id": reply.body["id"], "task_id": one.pk, "actor": "john", "cost_usd": 1.25
        }  # fmt: skip
        assert cast.john.post(f"/tasks/{one.pk}/costs", {"amount_usd": 0.5}).body["cost_usd"] == 1.75
        assert cast.john.get(f"/tasks/{one.pk}").body["cost_usd"] == 1.75
        assert entries(one) == [("1.25", "tokens"), ("0.5", "manual")]
        event = one.events.order_by("id")[0]
        assert (event.kind, event.actor) == ("cost_recorded", "john")
        assert event.data == {
            "amount_usd": "1.25", "cost_kind": "tokens", "note": "two tries", "total_usd": "1.25"
        }  # fmt: skip

    def test_a_negative_amount_corrects_but_not_below_nothing(self, cast: Cast) -> None:
        one = make_task()
        spend(one, "2")
        assert cast.john.post(f"/tasks/{one.pk}/costs", {"amount_usd": -0.5}).body["cost_usd"] == 1.5
        reply = cast.john.post(f"/tasks/{one.pk}/costs", {"amount_usd": -1.5001})
        assert (reply.status, reply.body["errors"][0]["loc"]) == (422, ["body", "amount_usd"])
        assert "has cost 1.5" in reply.body["detail"]
        assert total(one) == Decimal("1.5")

    def test_a_total_that_cannot_be_held_is_422(self, cast: Cast) -> None:
        one = make_task()
        spend(one, "99999999")
        assert cast.john.post(f"/tasks/{one.pk}/costs", {"amount_usd": 1}).status == 422
        assert total(one) == 99_999_999

    @pytest.mark.parametrize(
        "body",
        [
            {}, {"amount_usd": 0}, {"amount_usd": "much"}, {"amount_usd": 1e12}, {"amount_usd": 0.00001},
            {"amount_usd": None}, {"amount_usd": 1, "kind": " "}, {"amount_usd": 1, "kind": "k" * 51},
            {"amount_usd": 1, "note": "n" * 501}, {"amount_usd": 1, "at": "yesterday"}, {"amount_usd": 1, "at": 5},
            {"amount_usd": 1, "at": "0001-01-01T00:00:00Z"}, {"amount_usd": 1, "euro": 1},
        ],
    )  # fmt: skip
    def test_a_bad_entry_is_422_and_leaves_nothing(self, cast: Cast, body: dict[str, Any]) -> None:
        assert cast.john.post(f"/tasks/{make_task().pk}/costs", body).status == 422
        assert not CostEntry.objects.exists()

    def test_a_task_that_is_not_there_or_not_the_callers(self, cast: Cast) -> None:
        assert cast.john.post("/tasks/404/costs", {"nonsense": 1}).status == 404
        limited = Caller(
            issue_token(actor=Actor.objects.get(name="john"), scopes=["tasks:write"], teams=["web"])[1]
        )
        one = make_task(team="sales")
        for reply in (
            limited.post(f"/tasks/{one.pk}/costs", {"amount_usd": 1}),
            limited.get(f"/tasks/{one.pk}/costs"),
        ):
            assert (reply.status, reply.body["code"]) == (403, "team_not_allowed")

    def test_it_needs_no_lease(self, cast: Cast) -> None:
        one = make_task()
        cast.pi_orch.post(f"/tasks/{one.pk}/claim", {"session": "s"})
        assert cast.john.post(f"/tasks/{one.pk}/costs", {"amount_usd": 1}).status == 201

    def test_a_repeated_request_counts_once(self, cast: Cast) -> None:
        one = make_task()
        for _ in range(2):
            cast.john.post(f"/tasks/{one.pk}/costs", {"amount_usd": 1}, idempotency_key="k")
        assert total(one) == 1

    def test_entries_are_listed_the_last_first_page_by_page(self, cast: Cast) -> None:
        one = make_task()
        for amount in ("1", "2", "3"):
            spend(one, amount)
        first = cast.john.get(f"/tasks/{one.pk}/costs?limit=2").body
        rest = cast.john.get(f"/tasks/{one.pk}/costs?limit=2&cursor={first['next_cursor']}").body
        assert [item["amount_usd"] for page in (first, rest) for item in page["items"]] == [3, 2, 1]
        assert rest["next_cursor"] is None

    def test_entries_are_history(self) -> None:
        spend(make_task(), "1")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            CostEntry.objects.update(amount_usd=2)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            CostEntry.objects.all().delete()

    def test_a_total_that_is_set_leaves_the_entry_that_makes_it_so(self, cast: Cast) -> None:
        made = cast.john.post("/tasks", {"title": "Find a name", "cost_usd": 2}).body["id"]
        cast.john.post(f"/tasks/{made}/costs", {"amount_usd": 1, "kind": "tokens"})
        cast.john.patch(f"/tasks/{made}", {"cost_usd": 2.5})
        cast.john.patch(f"/tasks/{made}", {"cost_usd": 2.5, "title": "Find the name"})
        cast.john.patch(f"/tasks/{made}", {"cost_usd": None})
        assert entries(made) == [("2", "manual"), ("1", "tokens"), ("-0.5", "manual"), ("-2.5", "manual")]


@pytest.mark.django_db(transaction=True)
def test_six_entries_at_the_same_moment_are_all_in_the_total() -> None:
    one = make_task()
    together(*(partial(spend, one, "0.1") for _ in range(6)))
    assert (total(one), len(entries(one))) == (Decimal("0.6"), 6)


AMOUNTS = st.decimals(-50, 100, places=4, allow_nan=False, allow_infinity=False).filter(bool)
STEPS = st.lists(st.tuples(st.sampled_from(["spend", "set", "clear"]), AMOUNTS), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_entries_always_add_up_to_the_total(db: None, steps: list[tuple[str, Decimal]]) -> None:
    one = make_task()
    for verb, amount in steps:
        if verb == "spend":
            outcome(partial(services.record_cost, by=JOHN, task_id=one.pk, amount_usd=amount))
        else:
            new = abs(amount) if verb == "set" else None
            services.update_task(by=JOHN, task_id=one.pk, changes={"cost_usd": new})
    summed = CostEntry.objects.filter(task=one).aggregate(sum=Sum("amount_usd"))["sum"] or 0
    assert summed == (total(one) or 0)


@pytest.fixture
def spent(cast: Cast) -> dict[str, Task]:
    """Two teams, three months; an hour before and after midnight in Oslo."""
    web = make_task(team="web", owner="john", title="Write the tender")
    sales = make_task(team="sales", owner="ada")
    loose = make_task()
    spend(web, "1", MARCH)
    spend(web, "2", dt.datetime(2026, 3, 31, 21, 59, tzinfo=dt.UTC))  # 23:59 in Oslo
    spend(web, "4", dt.datetime(2026, 3, 31, 22, 0, tzinfo=dt.UTC))  # midnight there: April
    spend(sales, "8", dt.datetime(2026, 4, 15, tzinfo=dt.UTC))
    spend(loose, "16", dt.datetime(2026, 5, 1, tzinfo=dt.UTC))
    spend(loose, "-0.5", dt.datetime(2026, 5, 2, tzinfo=dt.UTC))
    return {"web": web, "sales": sales, "loose": loose}


class TestSums:
    def sums(self, caller: Caller, query: str) -> list[tuple[str | None, float, int]]:
        reply = caller.get(f"/stats/costs?{query}")
        assert reply.status == 200, reply.body
        assert reply.body["time_zone"] == "Europe/Oslo"
        items = reply.body["items"]
        return [(item["key"], item["amount_usd"], item["entries"]) for item in items]

    def test_by_month_in_order(self, cast: Cast, spent: dict[str, Task]) -> None:
        months = [("2026-03", 3, 2), ("2026-04", 12, 2), ("2026-05", 15.5, 2)]
        assert self.sums(cast.john, "by=month") == months
        assert self.sums(cast.john, "") == months

    def test_by_team_and_owner_the_dearest_first(self, cast: Cast, spent: dict[str, Task]) -> None:
        assert self.sums(cast.john, "by=team") == [(None, 15.5, 2), ("sales", 8, 1), ("web", 7, 3)]
        assert self.sums(cast.john, "by=owner") == [(None, 15.5, 2), ("ada", 8, 1), ("john", 7, 3)]

    def test_by_task_with_its_title(self, cast: Cast, spent: dict[str, Task]) -> None:
        body = cast.john.get("/stats/costs?by=task&limit=2").body
        assert [(item["key"], item["title"]) for item in body["items"]] == [
            (str(spent["loose"].pk), "Write the tender"),
            (str(spent["sales"].pk), "Write the tender"),
        ]
        assert (body["total_usd"], body["more"]) == (30.5, True)

    def test_days_are_included_at_both_ends(self, cast: Cast, spent: dict[str, Task]) -> None:
        assert self.sums(cast.john, "from=2026-03-31&to=2026-04-15") == [
            ("2026-03", 2, 1),
            ("2026-04", 12, 2),
        ]
        assert self.sums(cast.john, "to=2026-03-30") == [("2026-03", 1, 1)]
        assert self.sums(cast.john, "from=2026-05-02") == [("2026-05", -0.5, 1)]
        assert self.sums(cast.john, "from=2030-01-01") == []

    def test_by_task_of_all_time_and_of_its_days_is_the_same(
        self, cast: Cast, spent: dict[str, Task]
    ) -> None:
        every = self.sums(cast.john, "by=task&from=2026-01-01&limit=3")
        assert self.sums(cast.john, "by=task&limit=3") == every
        assert self.sums(cast.john, "by=task&limit=2") == every[:2]

    def test_a_task_that_changes_hands_takes_its_costs_along(
        self, cast: Cast, spent: dict[str, Task]
    ) -> None:
        cast.john.patch(f"/tasks/{spent['web'].pk}", {"team": "sales"})
        assert self.sums(cast.john, "by=team") == [(None, 15.5, 2), ("sales", 15, 4)]

    def test_a_token_that_is_limited_to_teams_sees_their_costs_alone(
        self, cast: Cast, spent: dict[str, Task]
    ) -> None:
        actor = Actor.objects.get(name="john")
        limited = Caller(issue_token(actor=actor, scopes=["tasks:read"], teams=["web"])[1])
        assert self.sums(limited, "by=team") == [("web", 7, 3)]
        assert limited.get("/stats/costs").body["total_usd"] == 7

    @pytest.mark.parametrize(
        "query",
        [
            "by=year", "by=", "from=yesterday", "from=2026-13-01", "to=9999-12-31", "from=0001-01-01",
            "from=2026-05-02&to=2026-05-01", "limit=0", "limit=501",
        ],
    )  # fmt: skip
    def test_a_bad_question_is_422(self, cast: Cast, query: str) -> None:
        assert cast.john.get(f"/stats/costs?{query}").status == 422

    def test_nothing_spent_is_nothing(self, cast: Cast) -> None:
        body = cast.john.get("/stats/costs").body
        assert (body["total_usd"], body["items"], body["more"]) == (0, [], False)


MINUTES = st.integers(-3000, 3000).map(lambda minutes: dt.timedelta(minutes=minutes))
DAYS = st.none() | st.dates(dt.date(2026, 2, 25), dt.date(2026, 5, 5))


class AroundMonths(TestCase):
    """Where months begin, wherever one lives."""

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(3, 5), MINUTES, st.booleans()), max_size=12),
        DAYS, DAYS, st.sampled_from(["Europe/Oslo", "America/Los_Angeles", "Asia/Kathmandu"]),
    )  # fmt: skip
    def test_sums_of_the_tally_are_those_of_the_entries(
        self, made: list[tuple[int, dt.timedelta, bool]], one: dt.date | None, two: dt.date | None, zone: str
    ) -> None:
        first, last = (min(one, two), max(one, two)) if one and two else (one, two)
        months, teams = Counter[str](), Counter[str]()
        for number, (month, off, of_web) in enumerate(made, start=1):
            at = (dt.datetime(2026, month, 1, tzinfo=ZoneInfo(zone)) + off).astimezone(dt.UTC)
            team, day = "web" if of_web else "", at.astimezone(ZoneInfo(zone)).date()
            spend(make_task(team=team), str(number), at)
            if (first is None or day >= first) and (last is None or day <= last):
                months[f"{day:%Y-%m}"] += number
                teams[team] += number
        anyone = Principal(actor="ada", scopes=frozenset({"admin"}))
        with timezone.override(zone):
            by_month, by_team, by_task = (
                costs.grouped(anyone, by, first=first, last=last, limit=50)
                for by in ("month", "team", "task")
            )
        assert {one.key: one.amount_usd for one in by_month.items} == months
        assert [one.key for one in by_month.items] == sorted(months)
        assert {one.key: one.amount_usd for one in by_team.items} == teams
        assert sum(one.amount_usd for one in by_task.items) == by_month.total_usd == by_team.total_usd
        assert by_month.total_usd == months.total()


class TestImported:
    def test_costs_count_when_the_task_was_done_else_touched_else_made(self, tmp_path: Path) -> None:
        rows = [
            task(1, cost_usd=0.3072, status="done", completed_at="2026-05-06T18:32:00.000Z"),
            task(2, cost_usd=1.5, updated_at="2026-04-02 10:00:00"),
            task(3, cost_usd=2, updated_at=None, created_at="2026-03-06T03:09:00.000Z"),
            task(4, cost_usd=None), task(5, cost_usd=0), task(6, cost_usd="much"),
        ]  # fmt: skip
        load(ledger(tmp_path / "mission-control.db", tasks=rows))
        anyone = Principal(actor="ada", scopes=frozenset({"admin"}))
        found = costs.grouped(anyone, "month", first=None, last=None, limit=50)
        assert [(one.key, one.amount_usd, one.entries) for one in found.items] == [
            ("2026-03", Decimal(2), 1),
            ("2026-04", Decimal("1.5"), 1),
            ("2026-05", Decimal("0.3072"), 1),
        ]
        assert set(CostEntry.objects.values_list("kind", "actor")) == {("imported", "import")}

    def test_importing_again_adds_nothing_and_later_what_was_added_there(self, tmp_path: Path) -> None:
        path = ledger(tmp_path / "mission-control.db", tasks=[task(1, cost_usd=1), task(2)])
        load(path)
        load(path)
        assert entries(1) == [("1", "imported")]
        change(path, "UPDATE tasks SET cost_usd = 1.75, title = 'Longer'")
        load(path)
        assert entries(1) == [("1", "imported"), ("0.75", "imported")]
        assert entries(2) == [("1.75", "imported")]
        for number in (1, 2):
            assert Task.objects.get(pk=number).cost_usd == Decimal("1.75")

    def test_what_was_spent_here_too_is_a_conflict_and_stays(self, tmp_path: Path) -> None:
        path = ledger(tmp_path / "mission-control.db", tasks=[task(1, cost_usd=1)])
        load(path)
        services.record_cost(by=JOHN, task_id=1, amount_usd=Decimal(2), kind="tokens")
        change(path, "UPDATE tasks SET cost_usd = 5")
        report = load(path)
        assert report.files["mission-control.db"]["tasks"].rejected == 1
        assert entries(1) == [("1", "imported"), ("2", "tokens")]
        assert Task.objects.get(pk=1).cost_usd == 3
