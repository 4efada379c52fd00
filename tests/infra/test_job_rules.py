"""New, up, late, down: a job by its pings, against a second-by-second retelling of Healthchecks' rules."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.probes.jobs import JobRecord, bad_schedule, standing

T0 = datetime(2026, 5, 8, 12, tzinfo=UTC)
OSLO = ZoneInfo("Europe/Oslo")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def periodic(**fields: object) -> JobRecord:
    return JobRecord(**{"period": seconds(3600), "cron": "", "zone": "UTC", "grace": seconds(600), **fields})  # type: ignore[arg-type]


def nightly(last: datetime) -> JobRecord:
    return JobRecord(None, "30 2 * * *", "Europe/Oslo", seconds(600), last_at=last)


def test_a_job_walks_from_up_over_late_to_down() -> None:
    job = periodic(last_at=T0)
    found = [standing(job, T0 + seconds(at)).status for at in (0, 3599, 3600, 4199, 4200, 9999)]
    assert found == ["up", "up", "late", "late", "down", "down"]
    assert standing(job, T0 + seconds(9999)).since == T0 + seconds(4200)


def test_a_job_that_never_ran_is_new_for_ever_but_not_when_it_started_and_hangs() -> None:
    assert standing(periodic(), T0 + timedelta(days=400)).status == "new"
    started = periodic(started_at=T0)
    assert standing(started, T0 + seconds(599)).status == "new"
    assert standing(started, T0 + seconds(600)).status == "down"


def test_a_failure_is_down_at_once_and_says_how() -> None:
    found = standing(periodic(last_at=T0, failed=True, exit_status=3), T0)
    assert (found.status, found.since, found.detail) == (
        "down",
        T0,
        "Its last run failed with exit status 3.",
    )


def test_a_run_that_does_not_end_is_down_though_the_last_one_was_good() -> None:
    job = periodic(last_at=T0, started_at=T0 + seconds(60))
    assert standing(job, T0 + seconds(659)).status == "up"
    assert standing(job, T0 + seconds(660)).status == "down"


def test_a_cron_expression_is_read_in_its_zone_over_both_changes_of_the_clock() -> None:
    # Spring: 02:30 does not exist on 29 March, the job runs at 03:00 as cron does; autumn: 02:30 comes once.
    spring = nightly(datetime(2026, 3, 28, 2, 30, tzinfo=OSLO)).due_at()
    assert spring is not None
    assert spring.astimezone(UTC) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    autumn = nightly(datetime(2026, 10, 25, 2, 30, tzinfo=OSLO)).due_at()
    assert autumn is not None
    assert autumn.astimezone(UTC) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_pings_that_could_not_reach_us_are_waited_for() -> None:
    job = periodic(last_at=T0, awake=T0 + seconds(10_000))
    assert standing(job, T0 + seconds(10_299)).status == "late"
    assert standing(job, T0 + seconds(10_300)).status == "down"


@pytest.mark.parametrize(
    ("cron", "zone", "sentence"),
    [
        ("0 2 * * 0", "Europe/Oslo", ""), ("*/5 * * * *", "UTC", ""), ("0 2 * *", "UTC", "five fields"),
        ("61 * * * *", "UTC", "no cron expression"), ("0 0 31 2 *", "UTC", "no cron expression"),
        ("0 2 * * 0", "Europe/Olso", "no time zone"), ("@daily", "UTC", "no cron expression"),
        ("0 2 * * 0", "../etc/passwd", "no time zone"), ("0 2 * * 0", "", "no time zone"),
    ],
)  # fmt: skip
def test_bad_schedules_are_told(cron: str, zone: str, sentence: str) -> None:
    assert sentence in bad_schedule(cron, zone)
    assert bool(sentence) == bool(bad_schedule(cron, zone))


@given(
    last=st.none() | st.integers(-10_000, 0), started=st.none() | st.integers(-10_000, 0), failed=st.booleans(),
    period=st.integers(30, 5000), grace=st.integers(30, 5000),
)  # fmt: skip
def test_the_rules_hold_whatever_came_before(
    last: int | None, started: int | None, failed: bool, period: int, grace: int
) -> None:
    def at(offset: int | None) -> datetime | None:
        return T0 + seconds(offset) if offset is not None else None

    job = JobRecord(
        seconds(period), "", "UTC", seconds(grace), last_at=at(last), failed=failed and last is not None,
        started_at=at(started),
    )  # fmt: skip
    found = standing(job, T0)
    if started is not None and -started >= grace:
        expected = "down"
    elif last is None:
        expected = "new"
    elif job.failed or -last >= period + grace:
        expected = "down"
    else:
        expected = "late" if -last >= period else "up"
    assert found.status == expected
    assert found.since is None or found.since <= T0
