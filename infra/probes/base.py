"""What every probe answers, and the world in which it looks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import aiohttp
import dns.asyncresolver

USER_AGENT = "ALAI-Mission-Control/1.0 (uptime check)"


class Verdict(StrEnum):
    """Unknown is never up: a gap counts neither as good nor as bad."""

    UP = "up"
    DEGRADED = "degraded"  # it answers, but not as it should
    DOWN = "down"
    BLOCKED = "blocked"  # somebody in front of it refuses clients like ours
    UNKNOWN = "unknown"  # we could not look


BAD = frozenset({Verdict.DEGRADED, Verdict.DOWN, Verdict.BLOCKED})


@dataclass(frozen=True, slots=True)
class Observation:
    """One look: the verdict, a sentence, how long it took in milliseconds, and what else was seen.

    `since` says when it became so, where our own records tell that for certain: then no second look is needed.
    """

    verdict: Verdict
    detail: str = ""
    latency_ms: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None


class SecretMissing(Exception):
    """A secret's reference leads nowhere; its sentence never holds the secret."""


def no_secret(reference: str) -> str:
    raise SecretMissing("secrets are not within reach here.")


@dataclass(frozen=True, slots=True)
class World:
    """What probes share: sessions that keep no connection, a resolver, what our own records say and what secrets'
    references stand for.

    `open` refuses private addresses, `trusted` reaches them too: only checks of the registry that say so use it.
    `records` holds, by source, what the prober read before the round for the probes that name that `source`.
    """

    open: aiohttp.ClientSession
    trusted: aiohttp.ClientSession
    resolver: dns.asyncresolver.Resolver
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secret: Callable[[str], str] = no_secret

    def session(self, *, private: bool) -> aiohttp.ClientSession:
        return self.trusted if private else self.open


class Probe(Protocol):
    """A frozen dataclass whose fields are its configuration; `run` never raises for what the world does.

    One that judges our own records has a class variable `source`, the name under which `World.records` holds them.
    """

    async def run(self, world: World) -> Observation: ...


def down(detail: str, latency_ms: float | None = None, **facts: Any) -> Observation:
    return Observation(Verdict.DOWN, detail, latency_ms, facts)
