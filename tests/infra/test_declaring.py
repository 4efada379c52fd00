"""An incident that somebody declares climbs like any other, and the trail says who declared it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor, AuditEntry, Notification
from infra import services
from infra.models import Incident, Service, Site
from missioncontrol.models import Task
from tests.admin.conftest import ada, vera
from tests.cast import Caller
from tests.infra.conftest import caller, load_facts

__all__ = ["ada", "vera"]
pytestmark = pytest.mark.django_db
SAID = {
    "title": "Nobody can pay",
    "severity": "critical",
    "detail": "The terminal says no.",
    "sites": ["alai.no"],
}


@pytest.fixture(autouse=True)
def company() -> None:
    load_facts()


@pytest.fixture
def ops() -> Caller:
    return caller("ops", "infra:write")


def told() -> list[str]:
    return [one.text.split(":")[0] for one in Notification.objects.order_by("id")]


def test_it_is_told_at_once_and_climbs_level_by_level(ops: Caller) -> None:
    reply = ops.post("/infra/incidents", SAID)
    assert (reply.status, reply.body["sites"], reply.body["check"]) == (201, ["alai.no"], None)
    now = timezone.now()
    assert services.escalate(now=now) == 1
    assert services.escalate(now=now + timedelta(seconds=299)) == 0
    assert services.escalate(now=now + timedelta(seconds=300)) == 1
    assert services.escalate(now=now + timedelta(seconds=600)) == 1
    assert told() == [
        f"[L{level} CRITICAL] Nobody can pay for {minutes} min"
        for level, minutes in ((1, 0), (2, 5), (3, 10))
    ]


def test_a_critical_one_opens_a_task_and_owes_words(ops: Caller) -> None:
    made = ops.post("/infra/incidents", SAID).body
    assert Task.objects.get(pk=made["task_id"]).title == f"Incident #{made['id']}: Nobody can pay"
    assert made["next_update_at"]


def test_it_is_acknowledged_and_resolved_like_any_other(ops: Caller) -> None:
    number = ops.post("/infra/incidents", SAID).body["id"]
    services.escalate()
    assert ops.post(f"/infra/incidents/{number}/ack").body["state"] == "acknowledged"
    assert ops.post(f"/infra/incidents/{number}/resolve").body["state"] == "resolved"
    assert told()[-1] == "[RESOLVED] Nobody can pay after 1 min"
    timeline = ops.get(f"/infra/incidents/{number}").body["timeline"]
    assert [(one["kind"], one["by"]) for one in timeline] == [
        ("opened", "ops"), ("told", None), ("acknowledged", "ops"), ("resolved", "ops"),
    ]  # fmt: skip


def test_who_declared_it_stands_in_the_trail(ops: Caller) -> None:
    number = ops.post("/infra/incidents", SAID).body["id"]
    entry = AuditEntry.objects.get(target_type="infra_incident", target_id=str(number), action="insert")
    assert entry.actor == "ops"
    assert AuditEntry.objects.filter(target_type="infra_incident_sites", actor="ops").exists()


@pytest.mark.parametrize(
    ("severity", "channels"),
    [("critical", ["on-call", "secondary", "engineering-lead"]), ("high", ["on-call", "secondary"]),
     ("warning", ["alerts"]), ("info", ["alerts"])],
)  # fmt: skip
def test_the_severity_decides_who_hears(ops: Caller, severity: str, channels: list[str]) -> None:
    """Handbook 3.2: critical escalates at 5 minutes, high at 30, the rest waits in Slack."""
    number = ops.post("/infra/incidents", {**SAID, "severity": severity}).body["id"]
    assert [step["channel"] for step in Incident.objects.get(pk=number).steps] == channels


@pytest.mark.parametrize(
    ("change", "where"),
    [({"severity": "awful"}, "severity"), ({"sites": ["nowhere.example"]}, "sites"),
     ({"services": ["nothing"]}, "services"), ({"title": " "}, "title"), ({"title": "x" * 501}, "title")],
)  # fmt: skip
def test_what_the_registry_does_not_have_is_refused(ops: Caller, change: dict[str, Any], where: str) -> None:
    reply = ops.post("/infra/incidents", {**SAID, **change})
    assert reply.status == 422
    assert reply.body["errors"][0]["loc"][:2] == ["body", where]
    assert not Incident.objects.exists()


def test_the_same_key_declares_it_once(ops: Caller) -> None:
    first, second = (ops.post("/infra/incidents", SAID, idempotency_key="k1") for _ in range(2))
    assert first.body["id"] == second.body["id"]
    assert Incident.objects.count() == 1


def test_a_reader_declares_nothing() -> None:
    assert caller("reader", "infra:read").post("/infra/incidents", SAID).status == 403


def test_a_token_of_a_host_declares_for_its_services_alone() -> None:
    actor = Actor.objects.create(name="anvil-agent", kind="agent")
    anvil = Caller(issue_token(actor=actor, scopes=["infra:write"], hosts=["anvil"])[1])
    here = Service.objects.filter(host__slug="anvil").first()
    there = Service.objects.exclude(host__slug="anvil").first()
    assert here is not None and there is not None
    for sites, named, status in (
        ([], [here.slug], 201), ([], [here.slug, there.slug], 403), ([], [], 403), (["alai.no"], [here.slug], 403),
    ):  # fmt: skip
        reply = anvil.post("/infra/incidents", {**SAID, "sites": sites, "services": named})
        assert reply.status == status, reply.body
    (made,) = Incident.objects.all()
    assert anvil.post(f"/infra/incidents/{made.pk}/ack").status == 200
    other = caller("ops", "infra:write").post("/infra/incidents", SAID).body["id"]
    assert anvil.post(f"/infra/incidents/{other}/ack").status == 403


def test_strangers_read_of_it_when_the_site_is_published_and_of_nothing_else(
    ops: Caller, client: Client
) -> None:
    Site.objects.update(public_status=False)
    Site.objects.filter(slug="alai.no").update(public_status=True)
    other = Site.objects.exclude(slug="alai.no").first()
    assert other is not None
    ops.post("/infra/incidents", {**SAID, "sites": ["alai.no", other.slug]})
    ops.post("/infra/incidents", {**SAID, "sites": [other.slug]})
    page = client.get("/status").content.decode()
    assert page.count("Issue with alai.no") == page.count("Issue with") > 0
    for hidden in ("Nobody can pay", "terminal", other.slug):
        assert hidden not in page


def test_it_is_declared_on_a_page_that_board_and_list_lead_to(ada: Client) -> None:
    url = reverse("admin:infra_incident_declare")
    for place in ("infra_incident_board", "infra_incident_changelist"):
        assert url in ada.get(reverse(f"admin:{place}")).content.decode()
    assert "What is wrong?" in ada.get(url).content.decode()
    page = ada.post(url, SAID, follow=True).content.decode()
    for words in ("is declared", "Nobody can pay", "The terminal says no.", "alai.no", "L1 on-call"):
        assert words in page
    made = Incident.objects.get()
    assert made.entries.get(kind="opened").by == "ada"
    assert "Nobody can pay" in ada.get(reverse("admin:infra_incident_board")).content.decode()


def test_what_is_missing_is_said_beside_the_form_and_nothing_typed_is_lost(ada: Client) -> None:
    page = ada.post(reverse("admin:infra_incident_declare"), {**SAID, "title": ""}).content.decode()
    assert "This field is required" in page
    assert "The terminal says no." in page
    assert re.search(r'<option value="alai.no" selected', page)
    assert not Incident.objects.exists()


def test_who_may_only_look_declares_nothing(vera: Client) -> None:
    url = reverse("admin:infra_incident_declare")
    for place in ("infra_incident_board", "infra_incident_changelist"):
        assert url not in vera.get(reverse(f"admin:{place}")).content.decode()
    assert vera.get(url).status_code == 403
    assert vera.post(url, SAID).status_code == 403
    assert not Incident.objects.exists()


def test_its_site_shows_it(ada: Client, ops: Caller) -> None:
    ops.post("/infra/incidents", SAID)
    page = reverse("admin:infra_site_status", args=[Site.objects.get(slug="alai.no").pk])
    assert "Nobody can pay" in ada.get(page).content.decode()
