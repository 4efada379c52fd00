"""The watch over HTTP."""

from datetime import timedelta

import pytest
from django.utils import timezone

from infra import services
from infra.models import AlertRule, Check, CheckState, Edge, Incident, Site
from tests.cast import Caller, Cast
from tests.infra.conftest import caller, load_facts
from tests.infra.world import town


@pytest.fixture
def ops(db: None) -> Caller:
    load_facts()
    return caller("ops-agent", "infra:write")


def incident() -> Incident:
    check = Check.objects.create(
        slug="http:alai.no", kind="http", settings={"url": "https://alai.no/"}, site=Site.objects.get(slug="alai.no"),
        rule=AlertRule.objects.get(slug="site-uptime"),
    )  # fmt: skip
    Edge.objects.create(check_record=check, at=timezone.now(), before="up", after="down", detail="503")
    services.deal_with_edges()
    return Incident.objects.get()


def test_sites_that_nobody_looks_at_are_unknown(ops: Caller) -> None:
    reply = ops.get("/infra/sites")
    assert reply.status == 200
    assert len([site for site in reply.body["items"] if site["watched"]]) == 13
    assert {site["verdict"] for site in reply.body["items"]} == {"unknown"}


def test_a_site_shows_its_checks_uptime_and_last_results(ops: Caller) -> None:
    with town() as place:
        Check.objects.create(
            slug="http:alai.no", kind="http", settings={"url": f"{place.url}/fine", "private": True},
            site=Site.objects.get(slug="alai.no"),
        )  # fmt: skip
        services.ensure_states()
        CheckState.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        services.look_round()
    services.roll_up(now=timezone.now() + timedelta(seconds=2))
    site = ops.get("/infra/sites/alai.no").body
    assert (site["verdict"], site["checks"][0]["name"]) == ("up", "http:alai.no")
    assert site["uptime"]["24h"]["percent"] == 100
    assert site["last_results"][0]["verdict"] == "up"
    assert ops.get("/infra/sites").body["items"][0]["verdict"] == "up"


def test_an_unknown_site_is_404_and_a_probe_answers_at_once(ops: Caller) -> None:
    assert ops.get("/infra/sites/nowhere.example").status == 404
    incident()
    reply = ops.post("/infra/sites/alai.no/probe")
    assert (reply.status, reply.body) == (202, {"due": 1})
    assert CheckState.objects.get().next_at <= timezone.now()


def test_an_incident_is_acknowledged_and_resolved(ops: Caller) -> None:
    found = incident()
    assert [one["id"] for one in ops.get("/infra/incidents?state=unresolved").body["items"]] == [found.pk]
    reply = ops.post(f"/infra/incidents/{found.pk}/ack", {"note": "looking"})
    assert (reply.body["state"], reply.body["acknowledged_by"]) == ("acknowledged", "ops-agent")
    assert ops.post(f"/infra/incidents/{found.pk}/resolve", {}).body["state"] == "resolved"
    assert ops.post(f"/infra/incidents/{found.pk}/ack", {}).status == 409
    timeline = ops.get(f"/infra/incidents/{found.pk}").body["timeline"]
    assert [entry["kind"] for entry in timeline] == ["opened", "acknowledged", "resolved"]
    assert ops.post("/infra/incidents/999999/ack", {}).status == 404


def test_costs_come_with_their_totals(ops: Caller) -> None:
    totals = ops.get("/infra/costs").body["totals"]
    assert {name: [float(one["low"]), float(one["high"])] for name, one in totals.items()} == {
        "current": [72, 127], "target": [72, 77],
    }  # fmt: skip


def test_hosts_are_listed_with_their_addresses_in_order(ops: Caller) -> None:
    hosts = {host["name"]: host for host in ops.get("/infra/hosts").body["items"]}
    assert [one["via"] for one in hosts["anvil"]["addresses"]] == ["thunderbolt", "tailscale"]


def test_reading_needs_a_scope_and_writing_another(ops: Caller, cast: Cast) -> None:
    found = incident()
    assert cast.charlie.get("/infra/sites").status == 403
    reader = caller("reader", "infra:read")
    assert reader.get("/infra/incidents").status == 200
    assert reader.post(f"/infra/incidents/{found.pk}/ack", {}).status == 403
