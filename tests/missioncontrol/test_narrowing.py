"""What an address or a saved view narrows tasks to: the same everywhere, and nothing that is typed breaks it."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from missioncontrol import narrowing, services
from missioncontrol.models import Priority, Task
from tests.admin.conftest import JOHN
from tests.cast import make_task

NAMES = st.sampled_from([*narrowing.PARAMETERS, "p", "e", "owner__id", "_popup", ""])
VALUES = st.one_of(
    st.sampled_from(["all", "done", "high", "yes", "overdue", "-", "-1.2"]), st.text(max_size=250)
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=60))
def test_reading_what_was_written_changes_nothing_more(pairs: list[tuple[str, str]]) -> None:
    found = narrowing.parsed(urlencode(pairs, errors="surrogatepass"))
    assert found.keys() <= narrowing.PARAMETERS.keys()
    assert narrowing.parsed(narrowing.written(found)) == found
    assert narrowing.said(found).count("\0") == 0


@given(st.text(max_size=300))
def test_no_query_is_an_error(query: str) -> None:
    narrowing.parsed(query)


def test_the_order_of_parameters_and_what_nobody_knows_make_no_difference() -> None:
    first = narrowing.written(narrowing.parsed("team=sales&x=1&status=ready&status=open&p=3"))
    assert first == narrowing.written(narrowing.parsed("?status=open&team=sales&priority=huge"))
    assert first == "status=open&team=sales"


def test_it_is_told_in_words() -> None:
    narrow = narrowing.parsed("status=in_progress&team=-&claimed=yes&due=week&tag=seo&q=harbour&o=-3")
    assert narrowing.said(narrow) == (
        "the words “harbour”, status in progress, team none, held now, due within 7 days, tag seo, "
        "in an order of its own"
    )


@pytest.fixture
def tasks(db: None) -> dict[str, Task]:
    late = timezone.now() - timedelta(hours=5)
    made = {
        "late": make_task(title="Dredge the harbour", team="sales", due_at=late, priority=Priority.HIGH),
        "tagged": make_task(tags=["seo", "web"], owner="ada", source="mail"),
        "done": make_task(status="done", team="sales", due_at=late),
        "held": make_task(team="ops"),
    }
    services.claim_task(by=JOHN, task_id=made["held"].pk, session="abc123", ttl=timedelta(minutes=10))
    return made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "late tagged done held"), ("team=sales", "late done"), ("team=-", "tagged"), ("owner=ada", "tagged"),
        ("due=overdue", "late"), ("due=none", "tagged held"), ("due=week", ""), ("claimed=yes", "held"),
        ("claimed=no", "late tagged done"), ("tag=seo", "tagged"), ("tag=%20web%20", "tagged"),
        ("source=mail", "tagged"),
        ("status=in_progress", "held"), ("status=all", "late tagged done held"), ("priority=high", "late"),
        ("q=dredg", ""), ("q=harbour", "late"), ("team=sales&due=overdue&priority=high", "late"),
        ("team=sales&owner=ada", ""), ("priority=enormous", "late tagged done held"),
    ],
)  # fmt: skip
def test_each_parameter_narrows(query: str, expected: str, tasks: dict[str, Task]) -> None:
    found = narrowing.narrowed(Task.objects.all(), narrowing.parsed(query))
    names = {task.pk: name for name, task in tasks.items()}
    assert sorted(names[task.pk] for task in found) == sorted(expected.split())
