"""What hosts say of themselves: that they live, how full they are, and whether their services run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from infra.probes.base import Observation, Verdict, World

SLACK = 5.0  # seconds that a beat may be late without counting as missed
UNREAD = Observation(Verdict.UNKNOWN, "Our own records could not be read.")


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A host's last beat. `quiet`: seconds of silence since, while we were listening; `used` in percent by measure."""

    at: datetime
    quiet: float
    used: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A service as its host last told: `downs` beats in a row called it down, since `since`."""

    up: bool
    downs: int
    since: datetime
    quiet: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HeartbeatProbe:
    """Down when the host missed so many beats in a row; a host that never beat is unknown."""

    source: ClassVar[str] = "hosts"
    host: str
    beats: int = 2
    every: int = 60  # seconds

    async def run(self, world: World) -> Observation:
        if self.source not in world.records:
            return UNREAD
        known: HostRecord | None = world.records[self.source].get(self.host)
        if known is None:
            return Observation(Verdict.UNKNOWN, f"{self.host} has never sent a beat.")
        if known.quiet > self.beats * self.every + SLACK:
            missed = int(known.quiet // self.every)
            return Observation(
                Verdict.DOWN, f"Silent for {span(known.quiet)}: {missed} beats missed.", since=known.at
            )
        said = ", ".join(f"{name} {value:g}{_unit(name)}" for name, value in known.used.items())
        detail = f"Beat {known.quiet:.0f} s ago{f'; {said}' if said else ''}"
        return Observation(Verdict.UP, detail, facts=dict(known.used), since=known.at)


@dataclass(frozen=True, slots=True)
class ServiceProbe:
    """Down when its host called it down in so many beats in a row; unknown while the host itself is silent."""

    source: ClassVar[str] = "services"
    service: str
    beats: int = 2
    every: int = 60  # seconds

    async def run(self, world: World) -> Observation:
        if self.source not in world.records:
            return UNREAD
        known: ServiceRecord | None = world.records[self.source].get(self.service)
        if known is None:
            return Observation(Verdict.UNKNOWN, f"No host has told of {self.service} yet.")
        if known.quiet > 2 * self.every + SLACK:
            return Observation(Verdict.UNKNOWN, f"Its host has not told for {span(known.quiet)}.")
        if known.up:
            return Observation(Verdict.UP, known.detail or "Its host says that it runs", since=known.since)
        if known.downs < self.beats:
            return Observation(Verdict.UP, f"Down in {known.downs} beat; {self.beats} count.")
        said = f": {known.detail}" if known.detail else "."
        return Observation(Verdict.DOWN, f"Down in {known.downs} beats{said}", since=known.since)


@dataclass(frozen=True, slots=True)
class MeasureProbe:
    """How full a host is, by its last beat: percent of disk or memory, or the load a minute."""

    source: ClassVar[str] = "hosts"
    host: str
    measure: Literal["disk", "memory", "load"]
    degraded_above: float | None = None
    down_above: float | None = None
    every: int = 60  # seconds

    async def run(self, world: World) -> Observation:
        if self.source not in world.records:
            return UNREAD
        known: HostRecord | None = world.records[self.source].get(self.host)
        value = known.used.get(self.measure) if known else None
        if known is None or value is None:
            return Observation(Verdict.UNKNOWN, f"{self.host} has not told its {self.measure}.")
        if known.quiet > 2 * self.every + SLACK:
            return Observation(Verdict.UNKNOWN, f"{self.host} has not told for {span(known.quiet)}.")
        return over(self.measure, value, self.degraded_above, self.down_above, _unit(self.measure))


def over(name: str, value: float, degraded: float | None, down: float | None, unit: str = "") -> Observation:
    """The verdict on a number that should stay below its limits."""
    facts: dict[str, Any] = {"value": value}
    said = f"{name} is {value:g}{unit}"
    for limit, verdict in ((down, Verdict.DOWN), (degraded, Verdict.DEGRADED)):
        if limit is not None and value > limit:
            return Observation(verdict, f"{said}, above {limit:g}{unit}.", facts=facts)
    return Observation(Verdict.UP, said, facts=facts)


def span(seconds: float) -> str:
    """A length of time in the two units that matter: `2 min 5 s`, `3 h 20 min`."""
    whole = round(seconds)
    for size, name, below, lower in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {name}{f' {rest} {lower}' if rest else ''}"
    return f"{whole} s"


def _unit(measure: str) -> str:
    return "" if measure == "load" else " %"
