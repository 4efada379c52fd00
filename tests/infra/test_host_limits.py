"""A token that is limited to hosts acts on these alone, whatever the endpoint."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alai.api import schema
from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from infra.models import (
    Check,
    DeployOverride,
    Host,
    Incident,
    Job,
    ModelServer,
    ModelTier,
    Objective,
    Platform,
    RoutingOverride,
    Service,
    Site,
)
from tests.cast import BASE, Caller, Reply
from tests.infra.conftest import caller
from tests.infra.small import settle

pytestmark = pytest.mark.django_db
Body = Callable[[str], dict[str, Any]]  # by the host that it is about
SAFE = {"GET", "HEAD"}
WRITING: dict[str, Body] = {
    "GET /infra/heartbeats/{host}": lambda host: {},
    "POST /infra/heartbeats/{host}": lambda host: {"load": [1.0]},
    "POST /infra/sites/{domain}/probe": lambda host: {},
    "POST /infra/incidents": lambda host: {"title": "x", "severity": "critical", "services": [f"web-{host}"]},
    "POST /infra/incidents/{incident_id}/ack": lambda host: {"note": "Mine."},
    "POST /infra/incidents/{incident_id}/resolve": lambda host: {"note": "Over."},
    "POST /infra/incidents/{incident_id}/notes": lambda host: {"text": "A disk is full."},
    "POST /infra/incidents/{incident_id}/publish": lambda host: {"text": "We are on it."},
    "POST /infra/incidents/{incident_id}/role": lambda host: {"role": "scribe", "to": "ada"},
    "POST /infra/incidents/{incident_id}/silence": lambda host: {"minutes": 5, "reason": "We know."},
    "PUT /infra/routing/override": lambda host: {
        "host": host, "healthy": False, "reason": "It swaps.", "minutes": 5
    },
    "POST /infra/slos/{objective}/override": lambda host: {"reason": "The fix itself.", "hours": 1},
}  # fmt: skip


@pytest.fixture(autouse=True)
def company() -> None:
    """For each host a site, a check of it with an incident, an objective, a model server and a job."""
    settle()
    platform = Platform.objects.create(slug="vm", name="VM")
    for name in ("anvil", "forge"):
        host = Host.objects.get(slug=name)
        site = Site.objects.create(slug=f"{name}.example", kind="dynamic", platform=platform)
        check = Check.objects.create(
            slug=f"tcp:{name}", kind="tcp", settings={"host": "x", "port": 1}, host=host, site=site
        )
        Objective.objects.create(slug=f"availability:{name}", name=name, check_record=check, target=99.0)
        opened(check)
        ModelServer.objects.create(slug=name, host=host, port=1)
        Service.objects.create(slug=f"web-{name}", name=name, host=host)
        Job.objects.create(slug=f"job-{name}", name=name, host=host, period_seconds=60)
    Service.objects.create(slug="web-nobody", name="nobody")
    elsewhere = Site.objects.create(slug="nobody.example", kind="static", platform=platform)
    check = Check.objects.create(
        slug="http:nobody", kind="http", settings={"url": "http://x/"}, site=elsewhere
    )
    Objective.objects.create(slug="availability:nobody", name="nobody", check_record=check, target=99.0)
    opened(check)


def opened(check: Check) -> Incident:
    now = timezone.now()
    return Incident.objects.create(
        check_record=check, title=check.slug, severity="critical", opened_at=now, told_from=now
    )


@pytest.fixture
def anvil() -> Caller:
    """Whatever its scopes allow, on one host."""
    actor = Actor.objects.create(name="anvil-agent", kind="agent")
    return Caller(issue_token(actor=actor, scopes=["infra:write", "admin"], hosts=["anvil"])[1])


def act(by: Caller, operation: str, host: str) -> Reply:
    """Call the operation about a host, or with `nobody` about what belongs to none."""
    method, path = operation.split()
    incident = Incident.objects.get(check_record__slug__endswith=f":{host}")
    known = {
        "host": host,
        "domain": f"{host}.example",
        "incident_id": incident.pk,
        "objective": f"availability:{host}",
    }
    url = re.sub(r"{(\w+)}", lambda found: str(known[found[1]]), path)
    return by.call(method, url, None if method == "GET" else WRITING[operation](host))


def test_every_endpoint_that_writes_is_in_the_table() -> None:
    operations = {
        f"{method.upper()} {path.removeprefix(BASE)}"
        for path, found in schema()["paths"].items()
        for method in found
        if path.startswith(f"{BASE}/infra/") and method.upper() not in SAFE
    }
    assert operations == {one for one in WRITING if not one.startswith("GET")}


@pytest.mark.parametrize("operation", WRITING)
def test_a_limited_token_acts_on_its_own_host(anvil: Caller, operation: str) -> None:
    reply = act(anvil, operation, "anvil")
    assert reply.status in (200, 201, 202), reply.body


@pytest.mark.parametrize("operation", WRITING)
def test_a_limited_token_acts_on_no_other_host(anvil: Caller, operation: str) -> None:
    reply = act(anvil, operation, "forge")
    assert (reply.status, reply.body["code"]) == (403, "host_not_allowed")
    incident = Incident.objects.get(check_record__slug="tcp:forge")
    assert (incident.state, incident.scribe, incident.silenced_until, incident.entries.count()) == (
        "open",
        "",
        None,
        0,
    )
    assert not RoutingOverride.objects.exists()
    assert not DeployOverride.objects.exists()


@pytest.mark.parametrize("operation", [one for one in WRITING if "host" not in one and "routing" not in one])
def test_a_limited_token_acts_on_nothing_that_belongs_to_no_host(anvil: Caller, operation: str) -> None:
    reply = act(anvil, operation, "nobody")
    assert (reply.status, reply.body["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize(
    "operation", [one for one in WRITING if "heartbeats" not in one and "routing" not in one]
)
def test_a_token_without_limits_acts_everywhere(operation: str) -> None:
    for host in ("forge", "nobody"):
        assert act(caller("ops", "infra:write", "admin"), operation, host).status in (200, 201, 202)


def test_an_incident_of_a_services_check_belongs_to_the_services_host(anvil: Caller) -> None:
    check = Check.objects.create(
        slug="http:lightrag",
        kind="http",
        settings={"url": "http://x/"},
        service=Service.objects.get(slug="lightrag"),
    )
    assert anvil.post(f"/infra/incidents/{opened(check).pk}/ack").status == 200


def test_an_incident_of_a_budget_belongs_to_its_checks_host(anvil: Caller) -> None:
    now = timezone.now()
    for name, status in (("anvil", 200), ("forge", 403)):
        objective = Objective.objects.get(slug=f"availability:{name}")
        burning = Incident.objects.create(
            objective=objective, tier="budget", title="b", opened_at=now, told_from=now
        )
        assert anvil.post(f"/infra/incidents/{burning.pk}/ack").status == status


def test_a_limited_token_probes_a_site_only_when_all_of_its_checks_are_its_hosts(anvil: Caller) -> None:
    site = Site.objects.get(slug="anvil.example")
    assert anvil.post(f"/infra/sites/{site.slug}/probe").status == 202
    Check.objects.create(slug="http:anvil", kind="http", settings={"url": "http://x/"}, site=site)
    assert anvil.post(f"/infra/sites/{site.slug}/probe").status == 403


def test_a_limited_token_takes_no_tier_away_from_another_hosts_pin(anvil: Caller) -> None:
    tier = ModelTier.objects.create(slug="1", server=ModelServer.objects.get(slug="anvil"), model="a")
    pin = {"tier": "1", "host": "anvil", "reason": "Mine.", "minutes": 5}
    assert anvil.call("PUT", "/infra/routing/override", pin).status == 200
    RoutingOverride.objects.update(
        server=ModelServer.objects.get(slug="forge"), expires_at=timezone.now() + timedelta(hours=1)
    )
    for body in (pin, {"tier": "1", "reason": "Free it."}):
        reply = anvil.call("PUT", "/infra/routing/override", body)
        assert (reply.status, reply.body["code"]) == (403, "host_not_allowed")
    assert RoutingOverride.objects.get(tier=tier).server.slug == "forge"


def test_a_limited_token_sees_the_secret_addresses_of_its_own_jobs_alone(anvil: Caller) -> None:
    secrets = {job["name"]: job["ping_path"] for job in anvil.get("/infra/jobs").body["items"]}
    assert secrets["job-anvil"].startswith("/ping/")
    assert secrets["job-forge"] is None
    assert all(job["ping_path"] for job in caller("ops", "infra:write").get("/infra/jobs").body["items"])
