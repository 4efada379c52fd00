"""Measuring ratios on a machine that others use too: contenders take turns in short rounds, medians decide."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One goal: a figure, what it should be, and the medians it came from."""

    name: str
    value: float
    goal: float
    detail: str
    unit: str = ""
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def take_turns(rounds: int, *contenders: Callable[[], float]) -> list[list[float]]:
    """What each contender measured in each round: A B, A B, ... after one round that does not count."""
    measured: list[list[float]] = [[] for _ in contenders]
    for number in range(rounds + 1):
        for values, contender in zip(measured, contenders, strict=True):
            value = contender()
            if number:
                values.append(value)
    return measured


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median over the rounds of ours to theirs in the same round: what disturbs a round disturbs both."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def told(values: list[float], unit: str, digits: int = 0) -> str:
    """Median and middle half."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:,.{digits}f} {unit} ({low:,.{digits}f}-{high:,.{digits}f})"
