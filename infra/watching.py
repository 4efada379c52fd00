"""What a look means: pure rules that turn sightings into confirmed changes. Handbook: "Alarms and Escalation".

One failed look proves nothing: it is looked at again 15 seconds apart before it counts, and a recovery is believed
at the second good look. What could not be looked at concludes nothing. What our own records say (a missed beat, a
failed job) counts at once, from the moment at which it became so.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from infra.probes import Observation, Verdict

RETRY = timedelta(seconds=15)
NEEDED = {Verdict.UP: 2, Verdict.UNKNOWN: 3}  # looks in a row that believe a change
NEEDED_BAD = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """How a check stands: the confirmed verdict, since when, and how many looks in a row differed from it."""

    verdict: Verdict
    since: datetime
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What a look led to: the standing after it, the change that it confirmed, and how soon to look again."""

    standing: Standing
    changed_from: Verdict | None
    again_in: timedelta


def step(standing: Standing, seen: Observation, now: datetime, interval: timedelta) -> Step:
    """The rules, for one look."""
    if seen.verdict == standing.verdict:
        return Step(replace(standing, pending=0), None, interval)
    if seen.since is not None:  # our own records say it: a second look would read the same
        since = max(seen.since, standing.since)
        return Step(Standing(seen.verdict, since), standing.verdict, interval)
    pending = standing.pending + 1
    if standing.verdict == Verdict.UNKNOWN and seen.verdict == Verdict.UP:
        return Step(
            Standing(seen.verdict, now), standing.verdict, interval
        )  # nobody was told of anything yet
    if pending >= NEEDED.get(seen.verdict, NEEDED_BAD):
        return Step(Standing(seen.verdict, now), standing.verdict, interval)
    return Step(replace(standing, pending=pending), None, min(RETRY, interval))
