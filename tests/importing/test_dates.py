"""Times in every form that the old programs left behind."""

from datetime import UTC, datetime

import pytest

from alai.kernel.importing.values import moment

MOMENT = datetime(2026, 3, 6, 3, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-06T03:09:00.000Z",
        "2026-03-06 03:09:00",
        "2026-03-06 03:09",
        "2026-03-06T04:09:00+01:00",
        "2026-03-06 04:09:00 +0100",
        "2026-03-06T04:09:00+01",
        "2026-03-06 03:09:00 UTC",
        "2026-03-06T03:09:00.000000000Z",
        "  2026-03-06T03:09:00z ",
        "2026/03/06 03:09:00",
        "2026-3-6 3:09",
        "06.03.2026 03:09",
        "20260306030900",
        "20260306T030900",
        "Fri, 06 Mar 2026 03:09:00 +0000",
        "1772766540",
        "1772766540000",
        "1772766540.0",
        1_772_766_540,
        1_772_766_540.0,
        1_772_766_540_000,
        1_772_766_540_000_000,
        2_461_105.63125,
        b"2026-03-06 03:09:00",
        20_260_306_030_900,
    ],
)
def test_every_usual_form_is_the_same_moment(written: str | float | bytes) -> None:
    assert moment(written) == (MOMENT, "")


def test_a_date_alone_is_its_midnight_in_utc() -> None:
    assert moment("2026-03-06") == moment(20_260_306) == (datetime(2026, 3, 6, tzinfo=UTC), "")


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_nothing(nothing: str | None) -> None:
    assert moment(nothing) == (None, "")


@pytest.mark.parametrize(
    "garbage",
    [
        "yesterday", "0000-00-00 00:00:00", "2026-02-30", "2026-03-06T25:00:00Z", "99999-01-01", "13/03/2026", "1",
        "0001-01-01", "9999-12-31T23:59:59Z", "2026-03-06T03:09:00+99:99", "\0", "2026-03-06\0", "9" * 400, "²",
        "2026-03-06\x0003:09", 20_261_306, "inf", "Mon, 99 Foo 2026", "[]",
        0, -1, 12345, float("inf"), 1e300, -(2**63), 2**63 - 1, b"\xff", "१७७२७६६५४०",
    ],
)  # fmt: skip
def test_garbage_is_told_from_dates(garbage: str | float | bytes) -> None:
    value, note = moment(garbage)
    assert value is None
    assert note
