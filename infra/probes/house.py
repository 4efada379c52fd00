"""Our own house: queues, signs of life, secrets that are due, and how old a backup is."""

import asyncio
import itertools
import platform
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from infra.probes.base import Observation, Verdict, World, down
from infra.probes.beats import UNREAD, over, span

NAMED = 5


@dataclass(frozen=True, slots=True)
class QueueProbe:
    """How much waits in one of our queues: `celery`, `notifications`, `mail` and the others of /metrics."""

    source: ClassVar[str] = "queues"
    queue: str
    degraded_above: float | None = None
    down_above: float | None = None

    async def run(self, world: World) -> Observation:
        known = world.records.get(self.source, {})
        if self.queue not in known:
            names = ", ".join(sorted(known)) or "none can be read"
            return Observation(Verdict.UNKNOWN, f"There is no queue {self.queue}: {names}.")
        return over(f"{self.queue} waiting", known[self.queue], self.degraded_above, self.down_above)


@dataclass(frozen=True, slots=True)
class AliveProbe:
    """Whether a part of ours shows signs of life: `worker`, `mail`, `watch`, `beat`."""

    source: ClassVar[str] = "parts"
    part: str
    seconds: float = 120.0

    async def run(self, world: World) -> Observation:
        if self.source not in world.records:
            return UNREAD
        known = world.records[self.source]
        if self.part not in known:
            return Observation(Verdict.UNKNOWN, f"There is no part {self.part}: {', '.join(sorted(known))}.")
        age: float | None = known[self.part]
        if age is None:
            return down(f"{self.part} was not seen for days.")
        if age > self.seconds:
            return down(f"{self.part} was last seen {span(age)} ago.")
        return Observation(Verdict.UP, f"{self.part} was seen {age:.0f} s ago")


@dataclass(frozen=True, slots=True)
class SecretRecord:
    """When a secret must be changed, and why; `due_on` is None when nobody knows when it last was."""

    due_on: date | None
    why: str


@dataclass(frozen=True, slots=True)
class SecretsProbe:
    """Degraded when a secret of the inventory is due, unknown when nobody knows how old one is. Says names alone."""

    source: ClassVar[str] = "secrets"
    ahead_days: int = 14

    async def run(self, world: World) -> Observation:
        if self.source not in world.records:
            return UNREAD
        known: dict[str, SecretRecord] = dict(world.records[self.source])
        today = datetime.now(UTC).date()
        dated = {name: one for name, one in known.items() if one.due_on is not None}
        due = sorted(
            (one.due_on, name, one.why) for name, one in dated.items() if one.due_on and one.due_on <= today
        )
        unknown = sorted(known.keys() - dated.keys())
        soon = sorted(
            name for name, one in dated.items()
            if one.due_on and today < one.due_on <= today + timedelta(days=self.ahead_days)
        )  # fmt: skip
        facts = {"due": [name for _, name, _ in due], "soon": soon, "unknown": unknown}
        if due:
            said = "; ".join(f"{name} since {day:%-d %b %Y} ({why})" for day, name, why in due[:NAMED])
            return Observation(Verdict.DEGRADED, f"To be changed: {said}.", facts=facts)
        if unknown:
            said = ", ".join(unknown[:NAMED])
            return Observation(
                Verdict.UNKNOWN, f"Nobody knows when these were last changed: {said}.", facts=facts
            )
        ahead = f"; soon due: {', '.join(soon[:NAMED])}" if soon else ""
        return Observation(Verdict.UP, f"{len(known)} secrets, none is due{ahead}", facts=facts)


@dataclass(frozen=True, slots=True)
class BackupProbe:
    """How old the newest file is that fits a pattern on this machine, such as `/var/backups/mc-*.backup`.

    `~` is the home of whoever runs the watch. A folder that this machine does not have is somebody else's: unknown.
    One that it had at the look before is gone: down.
    """

    source: ClassVar[str] = "backups"
    files: str
    max_age_hours: float = 26.0
    min_bytes: int = 1

    async def run(self, world: World) -> Observation:
        pattern = str(Path(self.files).expanduser())
        folder, here = _folder(pattern), platform.node()
        keeper: str = world.records.get(self.source, {}).get(self.files, "")
        if not await asyncio.to_thread(folder.is_dir):
            if keeper == here:
                return down(f"The folder {folder} is gone from {here}.", machine=here)
            said = f"This machine has no folder {folder}."
            return Observation(Verdict.UNKNOWN, said, facts={"machine": keeper} if keeper else {})
        newest = await asyncio.to_thread(_newest, pattern)
        if newest is None:
            return down(f"No file fits {self.files}.", machine=here)
        path, age, size = newest
        facts: dict[str, Any] = {"age_hours": round(age / 3600, 2), "bytes": size, "machine": here}
        name = path.name
        if size < self.min_bytes:
            return down(f"{name} has only {size} bytes.", **facts)
        if age > self.max_age_hours * 3600:
            return down(f"{name} is {span(age)} old; {self.max_age_hours:g} hours are allowed.", **facts)
        return Observation(Verdict.UP, f"{name} is {span(age)} old", facts=facts)


def _folder(pattern: str) -> Path:
    """The part of a pattern that stands fast."""
    parts = Path(pattern).parent.parts
    fast = itertools.takewhile(lambda part: not any(sign in part for sign in "*?["), parts)
    return Path(*fast)


def _newest(pattern: str) -> tuple[Path, float, int] | None:
    """The newest file's path, age in seconds, and size."""
    found = []
    for path in Path("/").glob(pattern.lstrip("/")):
        try:
            state = path.stat()
        except OSError:
            continue
        found.append((state.st_mtime, path, state.st_size))
    if not found:
        return None
    at, path, size = max(found)
    return path, max(0.0, time.time() - at), size
