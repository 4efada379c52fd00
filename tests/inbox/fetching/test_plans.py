"""Whatever there is to fetch: each message in one step, bounded, and no mark moves past what is not stored."""

from hypothesis import given
from hypothesis import strategies as st

from inbox.fetching import plans
from inbox.fetching.plans import BATCH_BYTES, Step, downwards, set_apart, upwards
from inbox.imap.connection import Overview

CAP = 30_000_000
sizes = st.one_of(st.integers(0, 20_000), st.integers(0, 2 * CAP))
windows = st.dictionaries(st.integers(1, 2000), sizes, max_size=60).map(
    lambda found: [Overview(uid, size, None) for uid, size in sorted(found.items())]
)


def check(steps: list[Step], wanted: list[Overview]) -> None:
    assert sorted(one.uid for step in steps for one in step.messages) == [one.uid for one in wanted]
    for step in steps:
        assert len(step.messages) <= plans.BATCH_MESSAGES
        assert step.size <= BATCH_BYTES or len(step.messages) == 1
        assert all(one.size <= CAP for one in step.messages) or len(step.messages) == 1
        assert [one.uid for one in step.messages] == sorted(one.uid for one in step.messages)


@given(windows)
def test_upwards_the_mark_says_what_is_stored(wanted: list[Overview]) -> None:
    steps = list(upwards(wanted, 2000, CAP))
    check(steps, wanted)
    stored: set[int] = set()
    for step in steps:
        stored |= {one.uid for one in step.messages}
        assert step.mark is not None
        assert stored == {one.uid for one in wanted if one.uid <= step.mark}
    assert steps[-1].mark == 2000


@given(windows)
def test_downwards_the_mark_says_what_is_still_to_be_read(wanted: list[Overview]) -> None:
    steps = list(downwards(wanted, 1, CAP))
    check(steps, wanted)
    stored: set[int] = set()
    for step in steps:
        stored |= {one.uid for one in step.messages}
        assert step.mark is not None
        assert stored == {one.uid for one in wanted if one.uid > step.mark}
    assert steps[-1].mark == 0


@given(windows, st.integers(1, 2000))
def test_a_message_that_breaks_conversations_comes_after_the_others(
    wanted: list[Overview], stuck: int
) -> None:
    step = Step(tuple(wanted), 2000)
    apart = list(set_apart(step, stuck))
    assert sorted(one.uid for one in wanted) == sorted(one.uid for part in apart for one in part.messages)
    assert apart[-1].mark == 2000 and all(part.mark is None for part in apart[:-1])
    if len(wanted) > 1 and stuck in {one.uid for one in wanted}:
        assert [one.uid for one in apart[-1].messages] == [stuck]
