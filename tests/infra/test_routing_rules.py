"""Over every combination of what can be with the servers: never to one that is down or lacks the model."""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.probes.models import has_model
from infra.routing import Health, Route, Rule, Server, Tier, route, routes

UP, DOWN, UNKNOWN = Health.UP, Health.DOWN, Health.UNKNOWN
HAS = {
    "anvil": ["llama3.1:8b", "qwen2.5-coder:32b", "alaiml-task:latest"],
    "forge": ["llama3.1:8b", "qwen2.5-coder:32b-instruct-q8_0", "devstral:24b"],
    "third": ["llama3.1:8b"],
}
TIERS = [
    Tier("1", "anvil", "llama3.1:8b"), Tier("2", "anvil", "qwen2.5-coder:32b"), Tier("2t", "anvil", "alaiml-task"),
    Tier("2cHQ", "anvil"), Tier("2c", "forge", "devstral:24b"), Tier("3", "forge"),
]  # fmt: skip
RULES = [
    Rule("forge-down", "forge", ["2c", "3"], cloud="claude"),
    Rule("anvil-down-cloud", "anvil", ["1", "2"], rank=0, cloud="together", cloud_model="Llama-3.3-70B"),
    Rule("anvil-down-third", "anvil", ["1"], rank=2, to_server="third", to_models={"llama3.1:8b": "llama3.1:8b"}),
    Rule(
        "anvil-down", "anvil", ["1", "2", "2t", "2cHQ"], rank=1, to_server="forge",
        to_models={"llama3.1:8b": "llama3.1:8b", "qwen2.5-coder:32b": "qwen2.5-coder:32b-instruct-q8_0"},
    ),
]  # fmt: skip
STATES = ("up", "empty", "down", "unknown")


def server(name: str, state: str) -> Server:
    """`empty` is up and has lost its models."""
    health = {"up": UP, "empty": UP, "down": DOWN, "unknown": UNKNOWN}[state]
    return Server(name, health, [] if state == "empty" else HAS[name], f"http://{name}", "no answer")


def worlds() -> Iterator[dict[str, Server]]:
    for states in product(STATES, repeat=len(HAS)):
        yield {name: server(name, state) for name, state in zip(HAS, states, strict=True)}


def places(tier: Tier) -> list[tuple[str, str]]:
    """Where a tier may go and under which name, by its plan and the rules alone, in order."""
    found = [(tier.server, tier.model)]
    for rule in sorted(RULES, key=lambda one: one.rank):
        if (
            rule.to_server
            and rule.server == tier.server
            and tier.name in rule.tiers
            and tier.model in rule.to_models
        ):
            found.append((rule.to_server, rule.to_models[tier.model]))
    return found


def can(world: dict[str, Server], name: str, model: str, health: Health) -> bool:
    return world[name].health == health and (not model or has_model(world[name].models, model))


@pytest.mark.parametrize("tier", TIERS, ids=[tier.name for tier in TIERS])
@pytest.mark.parametrize("pin", [None, "anvil", "forge", "third"])
def test_no_tier_goes_to_what_is_down_or_lacks_the_model(tier: Tier, pin: str | None) -> None:
    for world in worlds():
        found = route(tier, world, RULES, pin)
        serving = [place for place in places(tier) if can(world, *place, UP)]
        perhaps = [place for place in places(tier) if can(world, *place, UNKNOWN)]
        if found.host in world:
            assert can(world, found.host, found.model, UP) or can(world, found.host, found.model, UNKNOWN), (
                found
            )
            assert found.url == world[found.host].url
        if serving:
            assert found.host in world and can(world, found.host, found.model, UP), (world, found)
            if pin is None:
                assert (found.host, found.model) == serving[0]
        elif pin is None:
            clouds = [rule.cloud for rule in RULES if rule.cloud and tier.name in rule.tiers]
            expected = perhaps[0][0] if perhaps else clouds[0] if clouds else None
            assert found.host == expected, (world, found)
            assert found.cloud == (not perhaps and bool(clouds))
        assert found.reason.endswith(".")


def test_a_pin_is_followed_while_its_server_serves() -> None:
    world = {name: server(name, "up") for name in HAS}
    tier = TIERS[1]
    pinned = route(tier, world, RULES, "forge")
    assert (pinned.host, pinned.model) == ("forge", "qwen2.5-coder:32b-instruct-q8_0")
    assert "pinned" in pinned.reason
    back = route(tier, {**world, "forge": server("forge", "down")}, RULES, "forge")
    assert (back.host, back.reason) == ("anvil", "Forge is down (no answer): anvil serves qwen2.5-coder:32b.")


def told(tier: str, **states: str) -> Route:
    world = {name: server(name, states.get(name, "up")) for name in HAS}
    return routes(TIERS, world, RULES, {})[tier]


def test_the_reasons_are_sentences() -> None:
    assert told("1").reason == "anvil serves llama3.1:8b."
    assert told("2", anvil="down").reason == (
        "Anvil is down (no answer): forge serves qwen2.5-coder:32b-instruct-q8_0 (rule anvil-down)."
    )
    assert told("1", anvil="empty", forge="down").reason == (
        "Anvil lacks llama3.1:8b, forge is down (no answer): third serves llama3.1:8b (rule anvil-down-third)."
    )
    assert told("2", anvil="down", forge="down").reason == (
        "Anvil is down (no answer), forge is down (no answer): together takes it (rule anvil-down-cloud)."
    )
    assert told("2t", anvil="down").reason == "Anvil is down (no answer), and nothing else has it: it waits."
    assert told("3", forge="unknown").reason == "forge is taken as it was planned for it."


def test_a_cloud_comes_last_whatever_its_rank() -> None:
    assert told("1", anvil="down").host == "forge"
    assert told("1", anvil="down", forge="down").host == "third"
    assert told("1", anvil="down", forge="down", third="down").host == "together"


def test_a_tier_of_a_server_that_is_gone_waits() -> None:
    assert route(Tier("x", "nowhere", "m"), {}, [], "nowhere-else").host is None


names = st.sampled_from(["a", "b", "c"])
models = st.sampled_from(["m1", "m2", "m3"])
servers = st.fixed_dictionaries(
    {
        name: st.builds(Server, st.just(name), st.sampled_from(list(Health)), st.lists(models, max_size=3))
        for name in ("a", "b", "c")
    }
)
rules = st.lists(
    st.builds(
        Rule, st.just("r"), names, st.just(["t"]), st.integers(0, 3), names | st.just(""),
        st.dictionaries(models, models), st.just(""), st.just(""),
    ),
    max_size=4,
)  # fmt: skip


@given(model=models, home=names, world=servers, ruled=rules, pin=st.none() | names)
def test_whatever_the_rules_are_a_route_leads_to_what_serves(
    model: str, home: str, world: dict[str, Server], ruled: list[Rule], pin: str | None
) -> None:
    found = route(Tier("t", home, model), world, ruled, pin)
    allowed = {(home, model)}
    for rule in ruled:
        if rule.server == home and model in rule.to_models:
            allowed.add((rule.to_server, rule.to_models[model]))
    possible = {(name, one) for name, one in allowed if name in world and can(world, name, one, UP)}
    if found.host is not None:
        assert world[found.host].health != DOWN
        assert has_model(world[found.host].models, found.model)
    if possible:
        assert found.host is not None
        assert can(world, found.host, found.model, UP)
