"""`alai routing sync`: the files that a host's dispatch reads, from its own looks, also while the server is away."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from infra import records
from infra.models import FailoverRule, Host, ModelServer, ModelTier, RoutingOverride
from tests.cast import Caller
from tests.cli.conftest import DeskOf
from tests.cli.desk import Desk
from tests.cli.test_heartbeat import free_port, serving
from tests.infra.small import settle

TAGS = {"/api/tags": {"models": [{"name": "llama3.1:8b"}]}}


class Place:
    """anvil's own model server and forge's, on loopback; `far` is the port of forge's."""

    def __init__(self, stack: ExitStack) -> None:
        self.anvil, anvil_port = stack.enter_context(serving(dict(TAGS)))
        self.forge, self.far = stack.enter_context(serving(dict(TAGS)))
        settle()
        addresses = [
            {"via": "thunderbolt", "address": "127.0.0.1"},
            {"via": "tailscale", "address": "localhost"},
        ]
        Host.objects.update(addresses=addresses)
        anvil = ModelServer.objects.create(
            slug="anvil", host=Host.objects.get(slug="anvil"), port=anvil_port, role="primary-infra"
        )
        forge = ModelServer.objects.create(
            slug="forge",
            host=Host.objects.get(slug="forge"),
            port=self.far,
            timeout_ms=500,
            role="primary-compute",
        )
        ModelTier.objects.create(slug="1", server=anvil, model="llama3.1:8b")
        ModelTier.objects.create(slug="3", server=forge)
        FailoverRule.objects.create(
            slug="anvil-down",
            server=anvil,
            tiers=["1"],
            to_server=forge,
            to_models={"llama3.1:8b": "llama3.1:8b"},
        )
        FailoverRule.objects.create(
            slug="forge-down", server=forge, tiers=["3"], cloud="claude", notes="rare"
        )


@pytest.fixture
def place(transactional_db: None) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(stack)


@pytest.fixture
def anvil(place: Place, desk_of: DeskOf) -> Desk:
    actor = Actor.objects.create(name="anvil-agent", kind="agent")
    return desk_of(Caller(issue_token(actor=actor, scopes=["infra:read"])[1]), "anvil-agent")


def sync(desk: Desk, folder: Path, *words: str, **changes: str) -> Any:
    return desk.run("routing", "sync", "--host", "anvil", "--dir", folder, *words, **changes)


def health(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "ollama-health.json").read_text())
    return found


def test_the_health_file_has_the_handbooks_shape(anvil: Desk, tmp_path: Path) -> None:
    result = sync(anvil, tmp_path)
    assert result.code == 0, result.err
    assert result.out == f"anvil up, forge up; written to {tmp_path}/ollama-health.json\n"
    found = health(tmp_path)
    assert {name: set(one) for name, one in found.items()} == {
        name: {"healthy", "last_check"} for name in ("anvil", "forge")
    }
    assert (found["anvil"]["healthy"], found["forge"]["healthy"]) == (True, True)
    assert not (tmp_path / "ollama-health-override.json").exists()


@pytest.mark.parametrize(
    ("status", "answer"), [(500, {"models": []}), (200, {"no": "list"}), (200, []), (404, {"models": []})]
)
def test_what_does_not_answer_with_models_is_not_healthy(
    anvil: Desk, place: Place, tmp_path: Path, status: int, answer: Any
) -> None:
    place.forge.status, place.forge.answers["/api/tags"] = status, answer
    assert sync(anvil, tmp_path).code == 0
    assert {name: one["healthy"] for name, one in health(tmp_path).items()} == {"anvil": True, "forge": False}


def test_the_first_address_that_answers_is_taken(anvil: Desk, place: Place, tmp_path: Path) -> None:
    """The Thunderbolt cable is out: another address leads to the same server."""
    Host.objects.filter(slug="forge").update(
        addresses=[
            {"via": "thunderbolt", "address": "127.0.0.9"},
            {"via": "tailscale", "address": "127.0.0.1"},
        ]
    )
    seen = sync(anvil, tmp_path, "--json").json["health"]["forge"]
    assert (seen["healthy"], seen["url"]) == (True, f"http://127.0.0.1:{place.far}")
    assert seen["models"] == ["llama3.1:8b"]


def test_while_the_server_is_away_it_goes_on_with_its_own_looks(
    anvil: Desk, place: Place, tmp_path: Path
) -> None:
    away = {"ALAI_MC_URL": f"http://127.0.0.1:{free_port()}", "ALAI_TIMEOUT": "2"}
    nothing = sync(anvil, tmp_path, **away)
    assert (nothing.code, (tmp_path / "ollama-health.json").exists()) == (4, False)
    assert sync(anvil, tmp_path).code == 0
    place.forge.status = 500
    result = sync(anvil, tmp_path, **away)
    assert result.code == 4
    assert "Went on with the plan of" in result.err
    assert health(tmp_path)["forge"]["healthy"] is False


def override(healthy: bool, minutes: float = 30) -> None:
    RoutingOverride.objects.all().delete()
    RoutingOverride.objects.create(
        server=ModelServer.objects.get(slug="forge"), healthy=healthy, reason="x", by="ada",
        expires_at=records.clock() + timedelta(minutes=minutes),
    )  # fmt: skip


def test_an_override_is_written_and_goes_when_it_is_over(anvil: Desk, tmp_path: Path) -> None:
    path = tmp_path / "ollama-health-override.json"
    override(healthy=False)
    sync(anvil, tmp_path)
    assert json.loads(path.read_text()) == {"forge": {"healthy": False, "override": True}}
    sync(anvil, tmp_path)
    RoutingOverride.objects.all().delete()
    assert (sync(anvil, tmp_path).code, path.exists()) == (0, False)


def test_an_override_runs_out_on_a_host_that_hears_nothing_more(anvil: Desk, tmp_path: Path) -> None:
    override(healthy=False, minutes=0.05)
    sync(anvil, tmp_path)
    time.sleep(3.2)
    sync(anvil, tmp_path, ALAI_MC_URL=f"http://127.0.0.1:{free_port()}", ALAI_TIMEOUT="2")
    assert not (tmp_path / "ollama-health-override.json").exists()


def test_what_somebody_wrote_by_hand_is_left_alone(anvil: Desk, tmp_path: Path) -> None:
    path = tmp_path / "ollama-health-override.json"
    by_hand = '{"anvil":{"healthy":true},"forge":{"healthy":false,"override":true}}'
    path.write_text(by_hand)
    override(healthy=True)
    result = sync(anvil, tmp_path)
    assert "was written by hand" in result.err
    assert path.read_text() == by_hand


def test_a_tier_routing_file_is_extended_and_keeps_the_rest(
    anvil: Desk, place: Place, tmp_path: Path
) -> None:
    path = tmp_path / "tier-routing.json"
    path.write_text('{"tiers": {"1": "x"}, "ollamaHosts": {"old": 1}}')
    sync(anvil, tmp_path, "--tier-routing", str(path))
    found = json.loads(path.read_text())
    assert found["tiers"] == {"1": "x"}
    assert found["ollamaHosts"]["forge"] == {
        "url": f"http://127.0.0.1:{place.far}", "tailscale_url": f"http://localhost:{place.far}",
        "health_path": "/api/tags", "health_timeout_ms": 500, "role": "primary-compute",
    }  # fmt: skip
    assert found["ollamaHosts"]["anvil"]["url"].startswith("http://localhost:")
    assert found["failoverRules"] == {
        "anvil-down": {"redirect_anvil_tiers": ["1"], "to_forge_models": {"llama3.1:8b": "llama3.1:8b"}},
        "forge-down": {"redirect_forge_tiers": ["3"], "to_claude": True, "note": "rare"},
    }
    before = path.stat().st_mtime_ns
    sync(anvil, tmp_path, "--tier-routing", str(path))
    assert path.stat().st_mtime_ns == before
    assert sync(anvil, tmp_path, "--tier-routing", str(tmp_path / "none.json")).code == 2


def test_nobody_ever_reads_half_of_a_file(anvil: Desk, tmp_path: Path) -> None:
    assert sync(anvil, tmp_path).code == 0
    over, bad = threading.Event(), []

    def read() -> None:
        while not over.is_set():
            text = (tmp_path / "ollama-health.json").read_text()
            try:
                json.loads(text)
            except ValueError:
                bad.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(8):
            sync(anvil, tmp_path)
    finally:
        over.set()
        reader.join()
    assert bad == []
    assert [path.name for path in tmp_path.glob("*.new")] == []


def test_a_link_in_its_place_is_replaced_and_not_followed(anvil: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "somebody-elses"
    secret.write_text("untouched")
    (tmp_path / "ollama-health.json").symlink_to(secret)
    assert sync(anvil, tmp_path).code == 0
    assert secret.read_text() == "untouched"
    assert not (tmp_path / "ollama-health.json").is_symlink()


def test_it_looks_again_and_again(anvil: Desk, tmp_path: Path) -> None:
    process = anvil.start("routing", "sync", "--host", "anvil", "--dir", tmp_path, "--every", "5")
    try:
        deadline = time.monotonic() + 20
        seen: set[str] = set()
        while len(seen) < 2 and time.monotonic() < deadline:
            with suppress(OSError):
                seen.add(health(tmp_path)["anvil"]["last_check"])
            time.sleep(0.1)
        assert len(seen) == 2
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_show_says_where_each_tier_goes(anvil: Desk, place: Place) -> None:
    result = anvil.run("routing", "show", "--from", "anvil")
    assert result.code == 0, result.err
    assert result.out.startswith("1  anvil llama3.1:8b http://127.0.0.1:") or "1  waits" in result.out
    assert anvil.run("routing", "show", "--json").json["tiers"].keys() == {"1", "3"}
