"""The routing over HTTP: what real model servers on loopback answer decides, and somebody's word for a while."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, AuditEntry
from infra import records, registry, selectors_routing, services
from infra.models import Check, CheckState, FailoverRule, Host, ModelServer, ModelTier, RoutingOverride
from tests.cast import Caller, Cast
from tests.infra.conftest import Folder, caller
from tests.infra.small import settle
from tests.infra.world import Town, town

pytestmark = pytest.mark.django_db


class Company:
    """Two model servers on loopback, watched by checks; `a` and `b` are the models that both of them have."""

    def __init__(self, anvil: Town, forge: Town) -> None:
        settle()
        self.towns = {"anvil": anvil, "forge": forge}
        for name, place in self.towns.items():
            check = Check.objects.create(
                slug=f"ollama:{name}", kind="model-server", interval_seconds=15, host=Host.objects.get(slug=name),
                settings={"url": f"{place.url}/json", "private": True, "models": ["a", "b"]},
            )  # fmt: skip
            ModelServer.objects.create(
                slug=name, host=Host.objects.get(slug=name), watched_by=check, port=place.port
            )
        anvil_server, forge_server = (ModelServer.objects.get(slug=name) for name in ("anvil", "forge"))
        for name, server, model in (
            ("1", anvil_server, "a"),
            ("2t", anvil_server, "b"),
            ("3", forge_server, ""),
        ):
            ModelTier.objects.create(slug=name, server=server, model=model)
        FailoverRule.objects.create(
            slug="anvil-down",
            server=anvil_server,
            tiers=["1", "2t"],
            to_server=forge_server,
            to_models={"a": "b"},
        )
        FailoverRule.objects.create(slug="forge-down", server=forge_server, tiers=["3"], cloud="claude")
        services.ensure_states()

    def look(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1), claimed_until=None)
            services.look_round()

    def kill(self, name: str) -> None:
        """Its server answers no more; the next looks tell."""
        check = Check.objects.get(slug=f"ollama:{name}")
        check.settings = {**check.settings, "url": f"{self.towns[name].url}/reset"}
        check.save()

    def revive(self, name: str) -> None:
        check = Check.objects.get(slug=f"ollama:{name}")
        check.settings = {**check.settings, "url": f"{self.towns[name].url}/json"}
        check.save()


@pytest.fixture
def company(db: None) -> Iterator[Company]:
    with ExitStack() as stack:
        yield Company(stack.enter_context(town()), stack.enter_context(town()))


@pytest.fixture
def ops(company: Company) -> Caller:
    return caller("ops-agent", "infra:write")


def hosts_of(ops: Caller) -> dict[str, Any]:
    return {name: one["host"] for name, one in ops.get("/infra/routing").body["tiers"].items()}


def test_each_tier_goes_where_it_is_planned_and_the_answer_says_why(company: Company, ops: Caller) -> None:
    company.look()
    body = ops.get("/infra/routing").body
    port = company.towns["anvil"].port
    assert body["tiers"]["1"] == {
        "host": "anvil", "url": f"http://100.64.0.1:{port}", "model": "a", "reason": "anvil serves a.", "cloud": False,
    }  # fmt: skip
    assert (body["hosts"]["anvil"]["healthy"], body["hosts"]["anvil"]["models"]) == (True, ["a", "b"])
    assert body["tiers"]["3"]["model"] is None


def test_a_host_sees_itself_by_loopback_and_its_neighbour_by_the_first_address(
    company: Company, ops: Caller
) -> None:
    company.look()
    tiers = ops.get("/infra/routing?from=anvil").body["tiers"]
    assert tiers["1"]["url"].startswith("http://127.0.0.1:")
    assert tiers["3"]["url"].startswith("http://10.0.0.2:")


def test_the_first_bad_look_turns_away_and_a_confirmed_recovery_brings_back(
    company: Company, ops: Caller
) -> None:
    company.look()
    company.kill("anvil")
    company.look()
    assert CheckState.objects.get(check_record__slug="ollama:anvil").verdict == "up"  # not yet an incident
    body = ops.get("/infra/routing").body
    assert (body["tiers"]["1"]["host"], body["tiers"]["1"]["model"]) == ("forge", "b")
    assert "rule anvil-down" in body["tiers"]["1"]["reason"]
    assert body["tiers"]["2t"]["host"] is None
    assert body["tiers"]["2t"]["reason"].endswith("it waits.")
    assert body["hosts"]["anvil"]["healthy"] is False
    company.look(2)
    company.revive("anvil")
    company.look()
    assert hosts_of(ops)["1"] == "forge"
    company.look()
    assert hosts_of(ops)["1"] == "anvil"


def test_forge_down_goes_to_the_cloud_and_nothing_else_does(company: Company, ops: Caller) -> None:
    company.look()
    company.kill("forge")
    company.look()
    found = ops.get("/infra/routing").body["tiers"]
    assert (found["3"]["host"], found["3"]["cloud"], found["3"]["url"]) == ("claude", True, None)
    assert found["1"]["host"] == "anvil"


def test_what_nobody_looks_at_is_unknown_and_taken_as_planned_after_what_serves(
    company: Company, ops: Caller
) -> None:
    assert ops.get("/infra/routing").body["hosts"]["anvil"]["healthy"] is None
    assert hosts_of(ops) == {"1": "anvil", "2t": "anvil", "3": "forge"}
    company.look()
    CheckState.objects.filter(check_record__slug="ollama:anvil").update(
        looked_at=records.clock() - timedelta(hours=1)
    )
    assert hosts_of(ops)["1"] == "forge"


def test_everything_is_read_in_one_statement(company: Company) -> None:
    company.look()
    with CaptureQueriesContext(connection) as captured:
        selectors_routing.routing()
    assert len(captured) == 1


def put(ops: Caller, **body: Any) -> Any:
    return ops.call("PUT", "/infra/routing/override", body)


def test_a_server_counts_as_down_until_the_override_expires(company: Company, ops: Caller) -> None:
    company.look()
    reply = put(ops, host="anvil", healthy=False, reason="maintenance of the disk", minutes=30)
    assert reply.status == 200
    assert reply.body["tiers"]["1"]["host"] == "forge"
    assert "ops-agent says so: maintenance" in reply.body["tiers"]["1"]["reason"]
    entry = AuditEntry.objects.filter(target_type="infra_routingoverride").latest("id")
    assert (entry.actor, entry.why) == ("ops-agent", "maintenance of the disk")
    RoutingOverride.objects.update(expires_at=records.clock() - timedelta(seconds=1))
    assert hosts_of(ops)["1"] == "anvil"


def test_the_next_word_replaces_the_last_and_null_takes_it_back(company: Company, ops: Caller) -> None:
    company.look()
    company.kill("forge")
    company.look()
    put(ops, host="forge", healthy=False, reason="x")
    assert put(ops, host="forge", healthy=True, reason="it does answer").body["tiers"]["3"]["host"] == "forge"
    assert RoutingOverride.objects.count() == 1
    assert put(ops, host="forge", healthy=None, reason="done").body["overrides"] == []
    assert hosts_of(ops)["3"] == "claude"


def test_a_tier_is_pinned_and_let_go(company: Company, ops: Caller) -> None:
    company.look()
    assert put(ops, tier="1", host="forge", reason="a trial").body["tiers"]["1"]["host"] == "forge"
    assert put(ops, tier="1", host=None, reason="over").body["tiers"]["1"]["host"] == "anvil"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"host": "anvil", "healthy": False}, 422), ({"healthy": False, "reason": "x"}, 422), ({"reason": "x"}, 422),
        ({"host": "nowhere", "healthy": False, "reason": "x"}, 404),
        ({"tier": "9", "host": "anvil", "reason": "x"}, 404),
        ({"tier": "1", "host": "anvil", "healthy": True, "reason": "x"}, 422),
        ({"host": "anvil", "healthy": False, "reason": " "}, 422), ({"host": "anvil", "healthy": None}, 422),
        ({"host": "anvil", "healthy": False, "reason": "x", "expires_at": "2020-01-01T00:00:00Z"}, 422),
        ({"host": "anvil", "healthy": False, "reason": "x", "expires_at": "2999-01-01T00:00:00Z"}, 422),
        ({"host": "anvil", "healthy": False, "reason": "x", "minutes": 0}, 422),
        ({"host": "anvil", "healthy": False, "reason": "x", "minutes": 5, "expires_at": "2999-01-01T00:00:00Z"}, 422),
        ({"host": "anvil", "healthy": False, "reason": "x", "forever": True}, 422),
    ],
)  # fmt: skip
def test_an_override_that_makes_no_sense_is_refused_and_leaves_nothing(
    ops: Caller, body: dict[str, Any], status: int
) -> None:
    assert put(ops, **body).status == status
    assert not RoutingOverride.objects.exists()


def test_who_may_overrule(company: Company, cast: Cast) -> None:
    word = {"host": "anvil", "healthy": False, "reason": "x"}
    assert put(cast.nobody, **word).status == 401
    assert put(caller("reader", "infra:read"), **word).status == 403
    actor = Actor.objects.create(name="forge-agent", kind="agent")
    limited = Caller(issue_token(actor=actor, scopes=["infra:write"], hosts=["forge"])[1])
    assert put(limited, **word).status == 403
    assert put(limited, host="forge", healthy=False, reason="x").status == 200


def test_the_plan_is_what_a_host_needs_to_go_on_alone(company: Company, ops: Caller) -> None:
    plan = ops.get("/infra/routing/plan").body
    assert [one["via"] for one in plan["servers"]["forge"]["addresses"]] == ["thunderbolt", "tailscale"]
    assert plan["rules"]["anvil-down"]["to_models"] == {"a": "b"}
    assert plan["tiers"]["1"] == {"server": "anvil", "model": "a"}


def test_a_rule_that_names_no_tier_is_told_with_its_line(folder: Folder) -> None:
    folder.write("model_servers.yaml", "one:\n  host: one\n")
    folder.write("model_tiers.yaml", '"1":\n  server: one\n')
    folder.write("failover_rules.yaml", 'r:\n  server: one\n  tiers: ["1", "11"]\n  cloud: claude\n')
    with pytest.raises(registry.RegistryError, match=r"model_tiers\.yaml has no 11 - did you mean 1\?"):
        registry.load(folder.path)


def test_a_rule_leads_to_a_server_or_a_cloud(folder: Folder) -> None:
    folder.write("model_servers.yaml", "one:\n  host: one\n")
    folder.write("model_tiers.yaml", '"1":\n  server: one\n')
    folder.write("failover_rules.yaml", 'r:\n  server: one\n  tiers: ["1"]\n')
    with pytest.raises(registry.RegistryError, match="failover_to_server_or_cloud"):
        registry.load(folder.path)
