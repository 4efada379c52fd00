"""A host that falls silent, or a service that it calls down, is an incident; what we could not hear is none."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, Notification
from infra import records, registry, services
from infra.models import (
    AlertRule,
    Beat,
    Check,
    CheckState,
    Edge,
    Host,
    HostState,
    Incident,
    Service,
    ServiceState,
)
from infra.probes import make
from tests.cast import Caller, Cast
from tests.infra.conftest import Folder, caller
from tests.infra.small import settle
from tests.infra.world import see

pytestmark = pytest.mark.django_db
BODY = {
    "load": [1.5, 1.2, 1.0], "disk": 61.5, "memory": 40, "uptime": 86400, "versions": {"alai": "0.1.0", "python": 3.13},
    "services": [{"name": "ollama-anvil", "up": True}, {"name": "lightrag", "up": False, "detail": "no answer"}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def loaded() -> None:
    settle()
    listening_since(timedelta(days=1))


@pytest.fixture
def anvil() -> Caller:
    """A token that beats for one host alone."""
    actor = Actor.objects.create(name="anvil-agent", kind="agent")
    return Caller(issue_token(actor=actor, scopes=["infra:write"], hosts=["anvil"])[1])


def listening_since(span: timedelta) -> None:
    now = records.clock()
    cache.set(records.AWAKE, (now - span, now), timeout=3600)


def silent_for(host: str, seconds: float) -> datetime:
    """The last beat came so long ago, by the database's clock."""
    at = records.clock() - timedelta(seconds=seconds)
    HostState.objects.filter(host__slug=host).update(at=at)
    ServiceState.objects.filter(service__host__slug=host).update(at=at)
    return at


def check(kind: str, rule: str = "host-silent", **settings: Any) -> Check:
    host = settings.get("host")
    service = settings.get("service")
    return Check.objects.create(
        slug=f"{kind}:{host or service}", kind=kind, settings=settings, interval_seconds=15,
        host=Host.objects.filter(slug=host).first(), service=Service.objects.filter(slug=service).first(),
        rule=AlertRule.objects.get(slug=rule),
    )  # fmt: skip


def look() -> None:
    """A round of everything, and what follows from it."""
    services.ensure_states()
    CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1), claimed_until=None)
    services.look_round()
    services.deal_with_edges()


def verdict(slug: str) -> str:
    return str(CheckState.objects.get(check_record__slug=slug).verdict)


def told() -> list[str]:
    return list(Notification.objects.order_by("id").values_list("recipient", flat=True))


def test_a_beat_is_kept_and_shown_with_its_age(anvil: Caller) -> None:
    reply = anvil.post("/infra/heartbeats/anvil", BODY)
    assert (reply.status, reply.body["host"], reply.body["unknown_services"]) == (200, "anvil", [])
    hosts = {one["name"]: one for one in anvil.get("/infra/hosts").body["items"]}
    seen = hosts["anvil"]
    assert (seen["freshness"], seen["disk_percent"], seen["memory_percent"]) == ("fresh", 61.5, 40)
    assert (seen["load"], seen["versions"]["python"], seen["uptime_seconds"]) == (
        [1.5, 1.2, 1.0],
        "3.13",
        86400,
    )
    assert seen["age_seconds"] < 30
    told_of = {one["name"]: one["up"] for one in seen["services"]}
    assert (told_of["ollama-anvil"], told_of["lightrag"], told_of["neo4j"]) == (True, False, None)
    assert (hosts["forge"]["freshness"], hosts["forge"]["last_beat_at"]) == ("never", None)
    assert Beat.objects.get().down == ["lightrag"]


def test_freshness_ages(anvil: Caller) -> None:
    anvil.post("/infra/heartbeats/anvil", {})
    for seconds, word in ((30, "fresh"), (90, "late"), (130, "silent")):
        silent_for("anvil", seconds)
        items = anvil.get("/infra/hosts").body["items"]
        assert next(one["freshness"] for one in items if one["name"] == "anvil") == word


@pytest.mark.parametrize(
    "body",
    [
        {}, {"load": 0.3}, {"disk": {"used_percent": 3}}, {"memory": {"used": 3, "total": 4}},
        {"services": {"lightrag": True, "neo4j": "down", "ollama-anvil": {"up": "running", "restarted": True}}},
        {"services": [{"name": "somebody-else", "up": True}]}, {"a_word_of_a_newer_agent": 1},
    ],
)  # fmt: skip
def test_agents_of_several_ages_are_understood(anvil: Caller, body: dict[str, Any]) -> None:
    reply = anvil.post("/infra/heartbeats/anvil", body)
    assert reply.status == 200
    assert reply.body["unknown_services"] == (["somebody-else"] if "somebody" in str(body) else [])


@pytest.mark.parametrize(
    "body",
    [
        {"disk": 101}, {"disk": {"words": 1}}, {"load": [1, 2, 3, 4]}, {"load": [-1]}, {"services": [{"name": "x"}]},
        {"services": "all"}, {"uptime": "long"}, {"versions": {"x": "y" * 300}},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(anvil: Caller, body: Any) -> None:
    assert anvil.post("/infra/heartbeats/anvil", body).status == 422
    assert not HostState.objects.exists()


def test_a_token_beats_for_its_hosts_alone(anvil: Caller, cast: Cast) -> None:
    refused = anvil.post("/infra/heartbeats/forge", {"disk": 999})
    assert (refused.status, refused.body["code"]) == (403, "host_not_allowed")
    assert anvil.get("/infra/heartbeats/forge").status == 403
    assert cast.nobody.post("/infra/heartbeats/anvil", {}).status == 401
    assert caller("reader", "infra:read").post("/infra/heartbeats/anvil", {}).status == 403
    unlimited = caller("ops-agent", "infra:write")
    assert unlimited.post("/infra/heartbeats/nowhere", {"disk": 999}).status == 404
    assert unlimited.post("/infra/heartbeats/forge", {}).status == 200


def test_the_agent_learns_what_to_look_after(anvil: Caller) -> None:
    orders = anvil.get("/infra/heartbeats/anvil").body
    ollama = next(one for one in orders["services"] if one["name"] == "ollama-anvil")
    assert (ollama["port"], ollama["path"], ollama["restart"]) == (11434, "/api/tags", True)
    assert ollama["unit"] == "com.example.ollama"
    assert not any("command" in name for name in ollama)


def test_two_missed_beats_reach_ops_at_once_and_five_the_ceo(
    anvil: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_CEO_USER", "UCEO")
    check("heartbeat", host="anvil")
    anvil.post("/infra/heartbeats/anvil", BODY)
    look()
    assert verdict("heartbeat:anvil") == "up"
    silent_for("anvil", 119)
    look()
    assert (verdict("heartbeat:anvil"), Incident.objects.count()) == ("up", 0)

    CheckState.objects.update(since=records.clock() - timedelta(hours=1))
    last = silent_for("anvil", 126)
    look()
    incident = Incident.objects.get()
    assert (verdict("heartbeat:anvil"), incident.opened_at) == ("down", last)
    assert "2 beats missed" in incident.detail
    now = timezone.now()
    assert services.escalate(now=now) == 1
    assert told() == ["ops"]
    # Two minutes and a half after the last beat at the latest, as the drill of the handbook wants it.
    assert (now - last).total_seconds() < 150
    assert services.escalate(now=now + timedelta(seconds=170)) == 0
    assert services.escalate(now=now + timedelta(seconds=180)) == 1
    assert told() == ["ops", "user:UCEO"]
    assert services.escalate(now=now + timedelta(hours=1)) == 0

    anvil.post("/infra/heartbeats/anvil", BODY)
    look()
    incident.refresh_from_db()
    assert (verdict("heartbeat:anvil"), incident.state) == ("up", "resolved")
    assert told() == ["ops", "user:UCEO", "ops", "user:UCEO"]


def test_found_late_it_is_not_told_on_all_levels_at_once(anvil: Caller) -> None:
    check("heartbeat", host="anvil")
    anvil.post("/infra/heartbeats/anvil", {})
    look()
    CheckState.objects.update(since=records.clock() - timedelta(days=2))
    silent_for("anvil", 6 * 3600)
    look()
    now = timezone.now()
    assert [services.escalate(now=now), services.escalate(now=now)] == [1, 0]


def test_a_host_that_never_beat_is_unknown(anvil: Caller) -> None:
    check("heartbeat", host="anvil")
    for _ in range(4):
        look()
    assert verdict("heartbeat:anvil") == "unknown"
    assert not Incident.objects.exists()


def test_what_did_not_come_while_we_were_away_is_no_silence(anvil: Caller) -> None:
    check("heartbeat", host="anvil")
    anvil.post("/infra/heartbeats/anvil", {})
    look()
    silent_for("anvil", 3600)
    now = records.clock()
    cache.set(records.AWAKE, (now - timedelta(days=1), now - timedelta(minutes=50)), timeout=3600)
    look()
    assert (verdict("heartbeat:anvil"), Incident.objects.count()) == ("up", 0)
    listening_since(timedelta(seconds=130))
    look()
    assert verdict("heartbeat:anvil") == "down"


def test_a_service_that_is_down_in_two_beats_is_an_incident(anvil: Caller) -> None:
    check("service", rule="ServiceDown", service="lightrag")
    anvil.post("/infra/heartbeats/anvil", {"services": {"lightrag": True}})
    look()
    anvil.post("/infra/heartbeats/anvil", {"services": {"lightrag": False}})
    look()
    assert (verdict("service:lightrag"), Incident.objects.count()) == ("up", 0)
    anvil.post("/infra/heartbeats/anvil", {"services": {"lightrag": {"up": False, "detail": "no answer"}}})
    look()
    assert Incident.objects.get().detail == "Down in 2 beats: no answer"
    anvil.post("/infra/heartbeats/anvil", {"services": {"lightrag": {"up": True, "restarted": True}}})
    look()
    assert (Incident.objects.get().state, verdict("service:lightrag")) == ("resolved", "up")
    state = ServiceState.objects.get()
    assert (state.restarts, state.downs, state.restarted_at == state.at) == (1, 0, True)


def test_a_service_of_a_silent_host_is_unknown_and_no_incident_of_its_own(anvil: Caller) -> None:
    check("service", rule="ServiceDown", service="lightrag")
    anvil.post("/infra/heartbeats/anvil", {"services": {"lightrag": True}})
    look()
    silent_for("anvil", 200)
    for _ in range(4):
        look()
    assert (verdict("service:lightrag"), Incident.objects.count()) == ("unknown", 0)


def test_a_silent_host_takes_in_what_was_found_before_and_explains_what_is_found_after(anvil: Caller) -> None:
    check("heartbeat", host="anvil")
    port, api = (
        Check.objects.create(
            slug=slug, kind=kind, settings={}, host=Host.objects.get(slug="anvil"),
            rule=AlertRule.objects.get(slug="ServiceDown"),
        )
        for slug, kind in (("tcp:anvil", "tcp"), ("http:lightrag", "http"))
    )  # fmt: skip
    anvil.post("/infra/heartbeats/anvil", {})
    look()
    now = timezone.now()
    Edge.objects.create(check_record=port, at=now, before="up", after="down", detail="no connection")
    services.deal_with_edges()
    CheckState.objects.update(since=records.clock() - timedelta(hours=1))
    silent_for("anvil", 130)
    look()
    Edge.objects.create(check_record=api, at=now, before="up", after="down", detail="no connection")
    services.deal_with_edges()
    root = Incident.objects.get(check_record__slug="heartbeat:anvil")
    assert set(Incident.objects.filter(part_of=root).values_list("check_record__slug", flat=True)) == {
        "tcp:anvil", "http:lightrag",
    }  # fmt: skip
    services.escalate(now=now + timedelta(minutes=1))
    assert told() == ["ops"]
    assert services.escalate(now=now + timedelta(minutes=2.9)) == 0

    anvil.post("/infra/heartbeats/anvil", {})  # the host is back: what ran on it has two minutes to follow
    look()
    assert not Incident.objects.filter(part_of=root).exists()
    back = records.clock()
    assert services.escalate(now=back + timedelta(seconds=100)) == 0
    assert services.escalate(now=back + timedelta(seconds=121)) == 2


def test_what_a_host_says_is_masked_as_logs_are(anvil: Caller) -> None:
    said = "could not connect: password=hunter2"
    anvil.post("/infra/heartbeats/anvil", {"services": [{"name": "lightrag", "up": False, "detail": said}]})
    assert "hunter2" not in ServiceState.objects.get().detail
    assert "hunter2" not in str(HostState.objects.get().services)


def test_a_unit_is_a_name_and_no_command(folder: Folder) -> None:
    for unit in ("--now", "a; reboot", "../x", "docker:--rm"):
        folder.write("services.yaml", f'web:\n  name: Web\n  unit: "{unit}"\n')
        with pytest.raises(registry.RegistryError, match="A unit's name, or docker:NAME"):
            registry.load(folder.path)


def test_a_full_disk_is_degraded_or_down(anvil: Caller) -> None:
    one = check(
        "measure", rule="DiskAlmostFull", host="anvil", measure="disk", degraded_above=80, down_above=95
    )
    anvil.post("/infra/heartbeats/anvil", {"disk": 85})
    for _ in range(3):
        look()
    assert verdict(one.slug) == "degraded"
    assert "disk is 85 %, above 80 %" in Incident.objects.get().detail


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("heartbeat", {"host": "anvil"}),
        ("service", {"service": "x"}),
        ("measure", {"host": "a", "measure": "disk"}),
    ],
)
def test_records_that_cannot_be_read_conclude_nothing(kind: str, settings: dict[str, str]) -> None:
    assert see(make(kind, settings)).verdict == "unknown"
