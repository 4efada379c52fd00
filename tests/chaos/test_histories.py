"""Short runs of the soak: what clients saw is checked against what was promised, and mutants must not get through."""

from collections.abc import Iterator

import pytest

from tests.chaos.conductor import Run, Verdict, perform
from tests.chaos.place import Place, throw_away

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with throw_away() as place:
        yield place


def tell(verdict: Verdict) -> str:
    """What to show when a test fails."""
    return "\n".join([str(verdict), *(f"{v.promise}: {v.evidence}" for v in verdict.violations[:10])])


def test_no_promise_is_broken_while_clients_sleep_and_die_and_postgresql_is_killed(place: Place) -> None:
    verdict = perform(place, Run(seconds=5, crash=2.5))
    assert not verdict.violations, tell(verdict)
    assert verdict.crashes and verdict.stopped > 10 and verdict.killed > 2, tell(verdict)
    grants = [op for op in verdict.history.ops if op.outcome == "ok" and op.verb in ("claim", "next")]
    assert len(grants) > 50 and any(op.code == "stale_fence" for op in verdict.history.ops), tell(verdict)


def test_no_promise_is_broken_over_http(place: Place) -> None:
    with place.web() as port:
        verdict = perform(place, Run(seconds=4, port=port, ttl=60, pause=0.1, crash=2))
    assert not verdict.violations, tell(verdict)
    assert verdict.crashes and verdict.stopped > 5, tell(verdict)


@pytest.mark.parametrize(
    ("mutant", "promise"),
    [
        ("no fence", "no write below the highest fence"),
        ("plain subselect in next", "one holder"),
        ("check, then act", "one holder"),
        ("early answers", "nothing acknowledged is lost"),
    ],
)
def test_a_mutant_is_caught(place: Place, mutant: str, promise: str) -> None:
    for seconds in (1.5, 6, 6):  # a slow machine may need longer to meet the race
        verdict = perform(place, Run.of_mutant(mutant, seconds))
        if promise in verdict.broken:
            break
    assert promise in verdict.broken, tell(verdict)
