"""Uptime is a matter of time, not of looks; what nobody saw is unknown. Checked against adding up second by second."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from infra import selectors, services
from infra.models import Check, HourSummary, Result

pytestmark = pytest.mark.django_db
HOUR = datetime(2026, 5, 8, 12, tzinfo=UTC)
VERDICTS = ("up", "degraded", "down", "blocked", "unknown")


def look(check: Check, second: int, verdict: str, latency: float | None = None) -> Result:
    return Result(
        check_record=check, at=HOUR + timedelta(seconds=second), verdict=verdict, latency_ms=latency
    )


def oracle(looks: list[Result], interval: int, end: int) -> dict[str, int]:
    """Second by second: the last look stands, for three intervals."""
    sums = dict.fromkeys(VERDICTS, 0)
    ordered = sorted(looks, key=lambda one: one.at)
    for second in range(end):
        moment = HOUR + timedelta(seconds=second)
        last = next((one for one in reversed(ordered) if one.at <= moment), None)
        fresh = last is not None and moment < last.at + timedelta(seconds=interval * 3)
        sums[last.verdict if last and fresh else "unknown"] += 1
    return sums


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seen=st.dictionaries(st.integers(-900, 3599), st.sampled_from(VERDICTS), max_size=40),
    interval=st.sampled_from([30, 60, 300]),
    end=st.sampled_from([600, 3600]),
)
def test_an_hour_adds_up_as_second_by_second(seen: dict[int, str], interval: int, end: int) -> None:
    Check.objects.all().delete()
    check = Check.objects.create(
        slug="c", kind="tcp", settings={"host": "x", "port": 1}, interval_seconds=interval
    )
    looks = [look(check, second, verdict) for second, verdict in seen.items()]
    Result.objects.bulk_create(looks)
    services.roll_up(now=HOUR + timedelta(seconds=min(end, 3599)))
    row = HourSummary.objects.filter(check_record=check, hour=HOUR).first()
    expected = oracle(looks, interval, min(end, 3599))
    if row is None:
        assert expected["unknown"] == min(end, 3599)
        return
    for verdict in VERDICTS:
        assert getattr(row, verdict) == pytest.approx(expected[verdict], abs=1e-6), verdict


def test_summing_up_again_changes_nothing_and_later_looks_are_added() -> None:
    check = Check.objects.create(slug="c", kind="tcp", settings={"host": "x", "port": 1})
    Result.objects.bulk_create(look(check, second, "up", 10.0 + second) for second in range(0, 600, 60))
    now = HOUR + timedelta(seconds=600)
    services.roll_up(now=now)
    first = HourSummary.objects.values().get()
    services.roll_up(now=now)
    assert HourSummary.objects.values().get() == first
    assert (first["up"], first["unknown"], first["looks"]) == (600, 0, 10)
    Result.objects.bulk_create([look(check, 600, "down")])
    services.roll_up(now=HOUR + timedelta(seconds=660))
    assert HourSummary.objects.get().down == 60


def test_a_gap_is_unknown_never_up() -> None:
    check = Check.objects.create(slug="c", kind="tcp", settings={"host": "x", "port": 1}, interval_seconds=60)
    Result.objects.bulk_create([look(check, 0, "up")])
    services.roll_up(now=HOUR + timedelta(seconds=3599))
    uptime = selectors.uptimes([check.pk], HOUR + timedelta(seconds=3599))[check.pk]["24h"]
    assert (uptime.percent, uptime.seen) == (100.0, round(100 * 180 / 86_400, 2))
