"""In a ledger of some size no page and no call reads more of the large tables than it needs: every query that it
sends is explained, and what the plan says it really read is counted."""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from alai.kernel import pagination
from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from missioncontrol import lease_sql
from missioncontrol.models import Task
from missioncontrol.services.claims import NextFilters
from tests.cast import Caller
from tests.emptying import history_may_go

pytestmark = pytest.mark.django_db
TASKS, EVENTS, MEMORIES = 30_000, 60_000, 5_000
LARGE = {
    "missioncontrol_task",
    "missioncontrol_tasksearch",
    "missioncontrol_taskevent",
    "missioncontrol_costentry",
    "missioncontrol_memory",
}
MOST = 2_600  # rows of a large table that one query may look at, a tenth of it and less
LIST = "/admin/missioncontrol/task/"
PAGES = [
    "/admin/",
    LIST,
    *(
        f"{LIST}?status={status}"
        for status in ("ready", "blocked", "open", "in_progress", "done", "cancelled", "all")
    ),
    f"{LIST}?claimed=yes",
    f"{LIST}?claimed=no",
    f"{LIST}?due=overdue",
    f"{LIST}?due=week",
    f"{LIST}?due=none",
    f"{LIST}?team=legal",
    f"{LIST}?team=legal&status=done",
    f"{LIST}?owner=agent-20",
    f"{LIST}?source=hook",
    f"{LIST}?tag=topic-20&status=all",
    f"{LIST}?priority=critical",
    f"{LIST}?p=2",
    f"{LIST}?p=b{{middle}}",
    f"{LIST}?q=contract",
    f"{LIST}?q=%23{{middle}}",
    f"{LIST}?q=INV0000007",
    f"{LIST}?q=contract+-the&status=open",
    f"{LIST}{{middle}}/change/",
    f"{LIST}{{middle}}/edit/",
    f"{LIST}add/",
    "/admin/search/?s=contr",
    "/admin/search/?s=a",
    "/admin/missioncontrol/taskevent/",
    "/admin/missioncontrol/taskevent/?kind=reassigned",
    "/admin/missioncontrol/taskevent/?kind=claimed",
    "/admin/missioncontrol/taskevent/?q={middle}",
    "/admin/missioncontrol/comment/",
    "/admin/missioncontrol/evidence/",
    "/admin/missioncontrol/dependency/",
    "/admin/missioncontrol/costentry/",
    "/admin/missioncontrol/gatepolicy/",
    f"{LIST}board/",
    f"{LIST}board/?team=legal",
    f"{LIST}board/?team=-",
    f"{LIST}flow/?days=30",
    f"{LIST}flow/?days=365&team=legal",
    f"{LIST}flow/?days=365&team=nobody",
    f"{LIST}costs/",
    f"{LIST}costs/?months=24",
    f"{LIST}costs/?months=3",
    f"{LIST}costs/?team=legal",
    f"{LIST}costs/?team=nobody",
    "/admin/missioncontrol/memory/",
    "/admin/missioncontrol/memory/?q=contract",
    "/admin/kernel/auditentry/",
]
CALLS = [
    "/tasks",
    "/tasks?cursor={cursor}",
    "/tasks?limit=500",
    *(f"/tasks?status={status}" for status in ("open", "in_progress", "ready", "cancelled", "done")),
    "/tasks?status=open&status=blocked&priority=high",
    "/tasks?team=legal",
    "/tasks?owner=john&team=legal",
    "/tasks?tag=topic-20",
    "/tasks?source=hook",
    "/tasks?claimed=true",
    "/tasks?claimed=false",
    "/tasks?overdue=true",
    "/tasks?parent_id={middle}",
    "/tasks?q=contract",
    "/tasks?q=INV0000007",
    "/tasks?q=contract&status=open",
    "/tasks/{middle}",
    "/tasks/{middle}/events",
    "/tasks/{middle}/comments",
    "/tasks/{middle}/claim-status",
    "/stats",
    "/stats/costs",
    "/stats/costs?by=month&from=2020-01-15&to=2099-12-31",
    "/stats/costs?by=team",
    "/stats/costs?by=team&from=2020-01-15",
    "/stats/costs?by=task",
    "/hivemind/memories",
    "/hivemind/memories?q=contract",
    "/hivemind/messages",
]


@dataclass(frozen=True)
class Large:
    """The ledger's callers, and a task of its middle."""

    ada: Client
    token: str
    limited: str  # a token of two teams
    middle: int

    def filled_in(self, path: str) -> str:
        return path.format(middle=self.middle, cursor=pagination.encode(self.middle))


@pytest.fixture(scope="module")
def large(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Large]:
    with django_db_blocker.unblock():
        call_command("generate_sample", tasks=TASKS, events=EVENTS, memories=MEMORIES, stdout=io.StringIO())
        user = User.objects.create_superuser("ada", password="a long enough password")
        user.groups.add(Group.objects.get_or_create(name="ceo")[0])
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        john = Actor.objects.create(name="john")
        token = issue_token(actor=john, scopes=["admin"])[1]
        limited = issue_token(actor=john, scopes=["admin"], teams=["legal", "nobody"])[1]
        newest = Task.objects.order_by("-pk").values_list("pk", flat=True)[0]
        try:
            yield Large(client, token, limited, newest - TASKS // 2)
        finally:
            with history_may_go():
                call_command("flush", interactive=False, verbosity=0)
            cache.clear()


def reads(plan: dict[str, Any]) -> Iterator[tuple[str, str, float]]:
    """For each scan in a plan: how, of what, and how many rows it looked at in all."""
    if "Scan" in plan["Node Type"] and plan["Node Type"] != "Bitmap Index Scan":
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        rows = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
        yield plan["Node Type"], plan.get("Relation Name", ""), rows
    for part in plan.get("Plans", []):
        yield from reads(part)


def explained(sql: str) -> dict[str, Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + sql)
        plan = (cursor.fetchone() or ("",))[0]
        transaction.set_rollback(True)
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]  # type: ignore[no-any-return]


def too_much(queries: list[str]) -> list[str]:
    """What is wrong with these queries, in words."""
    found = []
    for sql in queries:
        if not re.match(r"\s*(SELECT|WITH)\b", sql):
            continue
        for how, table, rows in reads(explained(sql)):
            if table in LARGE and rows > MOST:
                found.append(f"{how} of {table} looks at {rows:,.0f} rows: {sql[:600]}")
            # A few rows off the top, whichever they are, need no index.
            elif table in LARGE and how == "Seq Scan" and rows > 1:
                found.append(f"{how} of {table}: {sql[:600]}")
    return found


def most(sql: str) -> float:
    """The most rows of a large table that one of its scans looks at."""
    return max(rows for _, table, rows in reads(explained(sql)) if table in LARGE)


def sent(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        act()
    assert captured.captured_queries
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_reads_what_it_shows(path: str, large: Large) -> None:
    def act() -> None:
        assert large.ada.get(large.filled_in(path)).status_code == 200

    assert too_much(sent(act)) == []


@pytest.mark.parametrize("path", CALLS)
def test_a_call_reads_what_it_answers(path: str, large: Large) -> None:
    def act() -> None:
        assert Caller(large.token).get(large.filled_in(path)).status == 200

    assert too_much(sent(act)) == []


@pytest.mark.parametrize(
    "path",
    [
        "/tasks",
        "/tasks?status=open",
        "/stats",
        "/stats/costs",
        "/stats/costs?by=team",
        "/stats/costs?by=task",
    ],
)
def test_a_call_reads_no_more_for_a_token_of_few_teams(path: str, large: Large) -> None:
    def act() -> None:
        assert Caller(large.limited).get(path).status == 200

    assert too_much(sent(act)) == []


@pytest.mark.parametrize(
    "filters",
    [
        NextFilters(),
        *(
            NextFilters(teams=teams)
            for teams in (("legal",), ("nobody",), ("legal", "web"), ("nobody", "none"))
        ),
        NextFilters(teams=("hosting", "nobody", *(f"team-{number}" for number in range(8)))),
    ],
    ids=str,
)
def test_the_next_claim_looks_at_few_tasks(filters: NextFilters) -> None:
    text, params = filters.sql()
    statement, parts = lease_sql.next_statement(text, filters.teams)
    given = {
        "by": "john", "behalf": "", "why": "", "request": "", "context": "{}", "actor": "john", "session": "s1",
        "ttl": "10 minutes", "enforced": True, "note": "{}", "override": False, "capabilities": None, **params, **parts,
    }  # fmt: skip
    with connection.cursor() as cursor:
        sql = cursor.mogrify(statement, given)
    assert too_much([sql]) == []
    assert most(sql) <= 60


def test_a_full_count_would_be_found() -> None:
    assert too_much(['SELECT count(*) FROM "missioncontrol_task"']) != []
    assert too_much(["SELECT count(*) FROM missioncontrol_taskevent WHERE kind <> 'claimed'"]) != []
    assert too_much(["SELECT id FROM missioncontrol_task WHERE description = 'x'"]) != []
    assert too_much(["SELECT id FROM missioncontrol_task ORDER BY id LIMIT 5"]) == []
