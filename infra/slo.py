"""The arithmetic of objectives: pure. Handbook: "SLOs / SLIs" 5.1-5.3.

Time counts, not looks: a look stands until the next one, for three intervals at most. What nobody saw counts for
neither side; maintenance counts for nothing at all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HOUR = timedelta(hours=1)
ENOUGH = 3  # bad looks before a burn is believed: one failed probe opens nothing
MOVE_FAST, FREEZE = 50.0, 10.0  # percent of the budget left


class Policy(StrEnum):
    """What the budget that is left means for deployments."""

    MOVE_FAST = "move_fast"
    SLOW_DOWN = "slow_down"
    FREEZE = "freeze"


SAID = {
    Policy.MOVE_FAST: "Move fast, deploy freely.",
    Policy.SLOW_DOWN: "Slow down, prioritise reliability work.",
    Policy.FREEZE: "Freeze non-critical deploys, focus on reliability.",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """Seconds of a stretch of time, and how many looks in it were bad."""

    good: float = 0.0
    bad: float = 0.0
    excluded: float = 0.0
    bad_looks: int = 0

    def __add__(self, other: "Measure") -> "Measure":
        return Measure(
            self.good + other.good,
            self.bad + other.bad,
            self.excluded + other.excluded,
            self.bad_looks + other.bad_looks,
        )

    @property
    def ratio(self) -> float | None:
        """The SLI, 0 to 1; None when nothing was seen."""
        seen = self.good + self.bad
        return self.good / seen if seen > 0 else None


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds that may be bad in the window, those that were, and what is left in percent (below 0: overspent)."""

    allowed: float
    spent: float

    @property
    def left(self) -> float:
        return 100.0 * (1.0 - self.spent / self.allowed) if self.allowed > 0 else 0.0


def budget(measure: Measure, *, target: float, seconds: float) -> Budget:
    """Of a window of so many seconds; maintenance makes the window shorter, what nobody saw does not."""
    return Budget((seconds - measure.excluded) * (100.0 - target) / 100.0, measure.bad)


def burn(measure: Measure, target: float) -> float | None:
    """How many times faster than allowed the budget goes: 1 spends it in just its window. None: nothing was seen."""
    ratio = measure.ratio
    return None if ratio is None else (1.0 - ratio) / (1.0 - target / 100.0)


def policy(left: float) -> Policy:
    """The handbook's budget policy: above 50 %, 10 to 50 %, below 10 %."""
    if left > MOVE_FAST:
        return Policy.MOVE_FAST
    return Policy.SLOW_DOWN if left >= FREEZE else Policy.FREEZE


def burns(long: Measure, short: Measure, *, target: float, factor: float) -> bool:
    """Whether a tier fires: too fast in its long window, in its short one still, and seen more than once or twice."""
    if long.bad_looks < ENOUGH:
        return False
    return all((rate := burn(one, target)) is not None and rate >= factor for one in (long, short))


@dataclass(frozen=True, slots=True)
class Parts:
    """A window as it is added up: stretches of single looks, and whole hours between `first` and `last`."""

    start: datetime
    stretches: tuple[tuple[datetime, datetime], ...]
    first: datetime
    last: datetime


def summed_until(now: datetime) -> datetime:
    """Hours before this one do not change any more: every look of theirs is written."""
    return floor(now) - HOUR


def parts(now: datetime, length: timedelta, looks_from: datetime) -> Parts:
    """The window that ends now. Where single looks are no longer kept it begins with the next full hour."""
    start = now - length
    first, last = floor(start), summed_until(now)
    first = first if first == start else first + HOUR
    if first >= last:
        return Parts(start, ((start, now),), last, last)
    if start < looks_from:
        return Parts(first, ((last, now),), first, last)
    head = ((start, first),) if first > start else ()
    return Parts(start, (*head, (last, now)), first, last)


def said(seconds: int) -> str:
    """A window's length as people write it: 5m, 6h, 3d."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
