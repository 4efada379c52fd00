"""Random histories of looks and maintenance, and an oracle that adds them up piece by piece, in whole microseconds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

T0 = datetime(2026, 5, 8, 12, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
VERDICTS = ("up", "up", "up", "degraded", "down", "blocked", "unknown")

Span = tuple[int, int]  # microseconds since T0


@dataclass(frozen=True)
class Look:
    at: int
    verdict: str
    latency: float | None


@dataclass(frozen=True)
class History:
    """One check's looks, and the times of its maintenance."""

    interval: int  # seconds
    looks: tuple[Look, ...]
    quiet: tuple[Span, ...]
    threshold: float | None  # a latency objective's, else None
    target: float
    span: Span


@dataclass(frozen=True)
class Sums:
    """Exact seconds."""

    good: Fraction
    bad: Fraction
    excluded: Fraction
    bad_looks: int

    def burn(self, target: float) -> Fraction | None:
        seen = self.good + self.bad
        return (self.bad / seen) / (1 - Fraction(target) / 100) if seen else None

    def left(self, target: float, seconds: Fraction) -> Fraction:
        allowed = (seconds - self.excluded) * (100 - Fraction(target)) / 100
        return 100 * (1 - self.bad / allowed) if allowed > 0 else Fraction(0)


def moment(micros: int) -> datetime:
    return T0 + micros * MICRO


def random_history(chance: random.Random, quiet: tuple[Span, ...], hours: float = 1.0) -> History:
    length = int(hours * 3600 * 1_000_000)
    begin = chance.choice([0, chance.randrange(length)])
    end = chance.choice([length, chance.randrange(begin, length + 1)])
    times = sorted({chance.randrange(-length, 2 * length) for _ in range(chance.choice([0, 1, 3, 8, 14]))})
    return History(
        interval=chance.choice([5, 60, 300, 900]),
        looks=tuple(
            Look(at, chance.choice(VERDICTS), chance.choice([None, 50.0, 100.0, 100.5, chance.random() * 200]))
            for at in times
        ),
        quiet=quiet,
        threshold=chance.choice([None, 100.0]),
        target=chance.choice([90.0, 99.0, 99.5, 99.9, 99.99, chance.uniform(1, 99.999)]),
        span=(begin, end),
    )  # fmt: skip


def add_up(history: History, span: Span) -> Sums:
    """Cut the span at every point where anything changes, and judge each piece by itself."""
    begin, end = span
    held = 3 * history.interval * 1_000_000
    cuts = {begin, end}
    for look in history.looks:
        cuts |= {look.at, look.at + held}
    for since, until in history.quiet:
        cuts |= {since, until}
    points = sorted(cut for cut in cuts if begin <= cut <= end)
    sums = {"good": 0, "bad": 0, "excluded": 0, "unseen": 0}
    for left, right in pairwise(points):
        sums[_kind(history, left, held)] += right - left
    bad = [look for look in history.looks if begin <= look.at < end and _judged(history, look) == "bad"]
    seconds = {name: Fraction(micros, 1_000_000) for name, micros in sums.items()}
    counted = sum(not _is_quiet(history.quiet, look.at) for look in bad)
    return Sums(seconds["good"], seconds["bad"], seconds["excluded"], counted)


def _kind(history: History, at: int, held: int) -> str:
    if _is_quiet(history.quiet, at):
        return "excluded"
    before = [look for look in history.looks if look.at <= at]
    if not before or at >= before[-1].at + held:
        return "unseen"
    return _judged(history, before[-1])


def _judged(history: History, look: Look) -> str:
    answered = look.verdict in ("up", "degraded")
    if history.threshold is None:
        return "good" if answered else "bad" if look.verdict in ("down", "blocked") else "unseen"
    if not answered or look.latency is None:
        return "unseen"
    return "good" if look.latency <= history.threshold else "bad"


def _is_quiet(quiet: Sequence[Span], at: int) -> bool:
    return any(since <= at < until for since, until in quiet)
