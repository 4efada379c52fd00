"""Which server takes a tier now: pure rules over what is known of the servers.

What serves goes before what nobody knows of, any server of ours before a cloud; what is down or lacks the model is
never taken. A tier that nothing can take waits. Handbook: "Ollama Failover Tier Routing".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from infra.probes.models import has_model


class Health(StrEnum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Server:
    """A model server as it stands. `models` are those that it has; of an unknown one, those that it should have."""

    name: str
    health: Health
    models: Sequence[str] = ()
    url: str = ""
    why: str = ""

    def serves(self, model: str) -> bool:
        """Whether it is up and has the model; a tier without one takes whatever is there."""
        return self.health == Health.UP and (not model or has_model(self.models, model))

    def may_serve(self, model: str) -> bool:
        return self.health == Health.UNKNOWN and (not model or has_model(self.models, model))

    def trouble(self, model: str) -> str:
        """Why it does not take the model, in words."""
        if self.health == Health.DOWN:
            return f"{self.name} is down{f' ({self.why})' if self.why else ''}"
        if self.health == Health.UNKNOWN:
            return f"nobody knows how {self.name} is"
        return f"{self.name} lacks {model}"


@dataclass(frozen=True, slots=True)
class Tier:
    name: str
    server: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """While `server` does not serve them, these tiers go to another server or to a cloud."""

    name: str
    server: str
    tiers: Sequence[str]
    rank: int = 1
    to_server: str = ""
    to_models: Mapping[str, str] = field(default_factory=dict)
    cloud: str = ""
    cloud_model: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a tier goes. `host` is a server's or a cloud's name; None while the tier waits."""

    tier: str
    host: str | None
    url: str
    model: str
    reason: str
    cloud: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    server: str
    model: str
    how: str


def routes(
    tiers: Iterable[Tier], servers: Mapping[str, Server], rules: Sequence[Rule], pins: Mapping[str, str]
) -> dict[str, Route]:
    """Every tier's route; `pins` names a server by tier."""
    return {tier.name: route(tier, servers, rules, pins.get(tier.name)) for tier in tiers}


def route(tier: Tier, servers: Mapping[str, Server], rules: Sequence[Rule], pin: str | None = None) -> Route:
    mine = sorted(
        (rule for rule in rules if rule.server == tier.server and tier.name in rule.tiers), key=_order
    )
    candidates = [one for one in _candidates(tier, mine, pin) if one.server in servers]
    for wanted, word in ((Server.serves, "serves"), (Server.may_serve, "is taken as it was planned for")):
        for one in candidates:
            server = servers[one.server]
            if wanted(server, one.model):
                passed = candidates[: candidates.index(one)]
                before = f"{_troubles(passed, servers)}: " if passed else ""
                said = f"{before}{server.name} {word} {one.model or 'it'}{one.how}."
                return Route(tier.name, server.name, server.url, one.model, said)
    trouble = _troubles(candidates, servers)
    cloud = next((rule for rule in mine if rule.cloud), None)
    if cloud is not None:
        reason = f"{trouble}: {cloud.cloud} takes it (rule {cloud.name})."
        return Route(tier.name, cloud.cloud, "", cloud.cloud_model, reason, cloud=True)
    nobody = "nothing else has it" if tier.model else "no other server is named for it"
    return Route(tier.name, None, "", tier.model, f"{trouble}, and {nobody}: it waits.")


def _order(rule: Rule) -> tuple[bool, int, str]:
    return bool(rule.cloud), rule.rank, rule.name


def _candidates(tier: Tier, rules: Sequence[Rule], pin: str | None) -> Iterator[Candidate]:
    """In the order in which they are tried. A model that a rule does not translate stays where it is."""
    if pin == tier.server:
        yield Candidate(tier.server, tier.model, ", where it is pinned")
    elif pin is not None:
        names = [rule.to_models for rule in rules if rule.to_server == pin and tier.model in rule.to_models]
        there = names[0][tier.model] if names else ""
        yield Candidate(pin, there or tier.model, ", where it is pinned")
    yield Candidate(tier.server, tier.model, "")
    for rule in rules:
        if rule.to_server and tier.model in rule.to_models:
            yield Candidate(rule.to_server, rule.to_models[tier.model], f" (rule {rule.name})")


def _troubles(candidates: Iterable[Candidate], servers: Mapping[str, Server]) -> str:
    said = dict.fromkeys(servers[one.server].trouble(one.model) for one in candidates)
    text = ", ".join(said) or "its server is not known"
    return text[:1].upper() + text[1:]
