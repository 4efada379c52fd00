"""One failed look proves nothing, a recovery needs two good ones, and what was not seen concludes nothing."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from infra.probes import Observation, Verdict
from infra.watching import NEEDED, NEEDED_BAD, RETRY, Standing, step

T0 = datetime(2026, 5, 8, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
UP, DOWN, BLOCKED, UNKNOWN = Verdict.UP, Verdict.DOWN, Verdict.BLOCKED, Verdict.UNKNOWN


def run(
    standing: Standing, *seen: Verdict
) -> tuple[Standing, list[tuple[Verdict, Verdict]], list[timedelta]]:
    changes, waits = [], []
    for at, verdict in enumerate(seen):
        after = step(standing, Observation(verdict), T0 + at * MINUTE, MINUTE)
        if after.changed_from is not None:
            changes.append((after.changed_from, after.standing.verdict))
        standing = after.standing
        waits.append(after.again_in)
    return standing, changes, waits


def test_one_failed_look_or_two_prove_nothing() -> None:
    standing, changes, waits = run(Standing(UP, T0), DOWN, DOWN, UP)
    assert (standing.verdict, changes) == (UP, [])
    assert waits == [RETRY, RETRY, MINUTE]


def test_the_third_failed_look_in_a_row_counts() -> None:
    assert run(Standing(UP, T0), DOWN, DOWN, DOWN)[1] == [(UP, DOWN)]


def test_a_recovery_needs_two_good_looks() -> None:
    assert run(Standing(DOWN, T0), UP, DOWN, UP, UP)[1] == [(DOWN, UP)]


def test_failures_of_different_kinds_add_up() -> None:
    assert run(Standing(UP, T0), DOWN, BLOCKED, DOWN)[1] == [(UP, DOWN)]


def test_a_new_check_is_up_at_its_first_good_look_and_down_at_its_third_bad_one() -> None:
    assert run(Standing(UNKNOWN, T0), UP)[1] == [(UNKNOWN, UP)]
    assert run(Standing(UNKNOWN, T0), DOWN, DOWN, DOWN)[1] == [(UNKNOWN, DOWN)]


def test_what_could_not_be_seen_concludes_nothing_at_first() -> None:
    assert run(Standing(UP, T0), UNKNOWN, UNKNOWN)[1] == []


@given(st.lists(st.sampled_from(list(Verdict)), max_size=60))
def test_no_change_without_as_many_looks_in_a_row(seen: list[Verdict]) -> None:
    standing = Standing(UP, T0)
    for at, verdict in enumerate(seen):
        after = step(standing, Observation(verdict), T0 + at * MINUTE, MINUTE)
        if after.changed_from not in (None, UNKNOWN):
            needed = NEEDED.get(verdict, NEEDED_BAD)
            assert all(one != after.changed_from for one in seen[at - needed + 1 : at + 1])
            assert after.standing.verdict == verdict != after.changed_from
        standing = after.standing
