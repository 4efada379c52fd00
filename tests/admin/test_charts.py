"""Charts: points inside their box, axes that end at round numbers, gaps where nothing is known."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missioncontrol.admin import charts

VALUES = st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=400)


def points(line: charts.Line) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for piece in line.pieces for x, y in (pair.split(",") for pair in piece.split())
    ]


@given(VALUES)
def test_a_line_stays_in_its_box(values: list[float | None]) -> None:
    top = charts.round_top(max([1.0, *(value for value in values if value is not None)]))
    for x, y in points(charts.line("", values, top)):
        assert 0 <= x <= charts.WIDTH
        assert 0 <= y <= charts.HEIGHT


@given(st.floats(0, 1e12))
def test_an_axis_ends_at_or_above_the_highest(highest: float) -> None:
    assert charts.round_top(highest) >= highest
    assert charts.time_top(highest) >= highest


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 2), (1, 2), (3, 4), (7, 8), (10, 10), (13, 14), (101, 140), (247, 300), (7488, 8000)],
)
def test_an_axis_ends_at_a_round_number(highest: float, top: float) -> None:
    assert charts.round_top(highest) == top


@pytest.mark.parametrize(
    ("length", "top"),
    [({"minutes": 7}, {"minutes": 10}), ({"hours": 3}, {"hours": 4}), ({"days": 9}, {"days": 10})],
)
def test_an_axis_of_times_ends_at_a_time_people_know(length: dict[str, float], top: dict[str, float]) -> None:
    assert charts.time_top(timedelta(**length).total_seconds()) == timedelta(**top).total_seconds()


def test_what_is_unknown_is_a_gap() -> None:
    assert len(charts.line("", [1, 2, None, None, 3, 4], 10).pieces) == 2
    assert charts.line("", [None, None], 10).pieces == []


def test_a_single_point_is_drawn_too() -> None:
    assert len(points(charts.line("", [None, 3.0, None], 10))) == 2


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=100))
def test_bars_stand_beside_each_other_on_the_ground(values: list[float]) -> None:
    made = charts.bars(values, charts.round_top(max(values)), [""] * len(values))
    for bar in made:
        assert abs(bar.y + bar.height - charts.HEIGHT) < 0.01
    for left, right in pairwise(made):
        assert left.x + left.width < right.x


def test_marks_name_the_ends_and_the_middle() -> None:
    assert [(mark.text, mark.at) for mark in charts.marks([1, 2, 3], str)] == [
        ("1", 0),
        ("2", 50),
        ("3", 100),
    ]
    assert [mark.at for mark in charts.marks([1, 2], str, between=True)] == [25, 75]
    assert [mark.text for mark in charts.marks([1], str)] == ["1"]
    assert charts.marks([], str) == []
