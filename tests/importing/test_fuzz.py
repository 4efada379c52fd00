"""Any value in any column: the sums agree, the sample matches, and a second run changes nothing."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alai.kernel.models import ImportReject, ImportRow
from missioncontrol.circles import closing_edges
from missioncontrol.models import Comment, Dependency, Task, TaskEvent
from tests.importing.ledgers import LOOSE, TABLES, Undecoded, ledger, load

NUMBERS = st.sampled_from([1, 2, 3, 4, 5, "1", "2", 3.0])
WRITTEN = st.sampled_from(
    [
        "open",
        "DONE ",
        "high",
        '["a", "b"]',
        "[",
        "2026-03-06T03:09:00.000Z",
        "2026-03-06 03:09:00",
        "0",
        "\0",
        "",
    ]
)
ANYTHING = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.binary(max_size=8)
    | st.binary(max_size=8).map(Undecoded)
)
LIKELY: dict[str, Any] = {
    "status": st.sampled_from(["open", "done", "in_progress"]),
    **dict.fromkeys(("id", "task_id", "depends_on", "parent_id"), NUMBERS),
}


def rows(table: str) -> Any:
    columns = {name: LIKELY.get(name, WRITTEN) | WRITTEN | ANYTHING for name in TABLES[table].split()}
    return st.lists(st.fixed_dictionaries(columns), max_size=5)


@pytest.mark.django_db
@settings(
    max_examples=100, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(tables=st.fixed_dictionaries({table: rows(table) for table in TABLES}))
def test_no_row_is_lost_or_stops_the_import(tables: dict[str, list[dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        path = ledger(Path(folder, "mission-control.db"), LOOSE, **tables)
        load(path)
        models = (Task, Comment, Dependency, TaskEvent, ImportRow, ImportReject)
        before = [list(model.objects.order_by("pk").values()) for model in models]
        again = load(path)
        after = [list(model.objects.order_by("pk").values()) for model in models]
        assert after == before
        for sums in again.files["mission-control.db"].values():
            assert (sums.created, sums.updated) == (0, 0)
        transaction.set_rollback(True)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30, unique=True), st.integers(0, 10)
)
def test_closing_edges_are_those_that_a_plain_search_finds(edges: list[tuple[int, int]], split: int) -> None:
    edges = [edge for edge in edges if edge[0] != edge[1]]
    kept: list[tuple[int, int]] = []
    expected = set()
    for edge in edges:
        ahead, seen = [edge[1]], set()
        while ahead:
            node = ahead.pop()
            if node not in seen:
                seen.add(node)
                ahead += [end for start, end in kept if start == node]
        if edge[0] in seen:
            expected.add(edge)
        else:
            kept.append(edge)
    standing = [edge for edge in edges[:split] if edge in kept]
    assert closing_edges(standing, [edge for edge in edges if edge not in standing]) == expected
