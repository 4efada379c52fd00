"""What people do about an incident: roles, words for the public, silence, owed updates, and the review afterwards."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alai.kernel.errors import ApiError
from alai.kernel.models import AuditEntry, Notification
from alai.kernel.principals import Principal
from infra import services
from infra.admin import postmortems
from infra.models import AlertRule, Check, Edge, Incident, MaintenanceWindow, Site
from tests.admin.conftest import ada, vera
from tests.infra.conftest import caller, load_facts

__all__ = ["ada", "vera"]
pytestmark = pytest.mark.django_db
OLE = Principal(actor="ole", scopes=frozenset({"infra:write"}))


@pytest.fixture
def incident() -> Incident:
    load_facts()
    return opened("alai.no", "site-uptime")


def opened(site: str, rule: str, at: datetime | None = None) -> Incident:
    check = Check.objects.create(
        slug=f"http:{site}", kind="http", settings={"url": f"https://{site}/"}, site=Site.objects.get(slug=site),
        rule=AlertRule.objects.get(slug=rule),
    )  # fmt: skip
    moment = at or timezone.now()
    Edge.objects.create(check_record=check, at=moment, before="up", after="down", detail="503")
    services.deal_with_edges(now=moment)
    return Incident.objects.latest("id")


def owed_told() -> list[str]:
    return [one.text for one in Notification.objects.order_by("id") if "UPDATE OWED" in one.text]


def test_roles_are_given_and_taken_back(incident: Incident) -> None:
    for role in ("commander", "technical", "communications", "scribe"):
        services.give_role(by=OLE, incident_id=incident.pk, role=role, to="ada")
    services.give_role(by=OLE, incident_id=incident.pk, role="scribe", to="")
    incident.refresh_from_db()
    assert (incident.commander, incident.technical, incident.communications, incident.scribe) == (
        "ada", "ada", "ada", "",
    )  # fmt: skip
    with pytest.raises(ApiError, match="no role king"):
        services.give_role(by=OLE, incident_id=incident.pk, role="king", to="ada")


def test_a_word_about_a_critical_incident_is_owed_every_half_hour_and_asked_for_once_each(
    incident: Incident,
) -> None:
    start = incident.next_update_at
    assert start is not None
    assert services.remind(now=start - timedelta(seconds=1)) == 0
    assert services.remind(now=start) == 1
    assert services.remind(now=start) == 0
    assert services.remind(now=start + timedelta(minutes=29)) == 0
    assert services.remind(now=start + timedelta(minutes=30)) == 1
    assert len(owed_told()) == 2
    services.note(by=OLE, incident_id=incident.pk, text="A disk is full.")
    incident.refresh_from_db()
    assert incident.next_update_at is not None
    assert timedelta(minutes=29) < incident.next_update_at - timezone.now() <= timedelta(minutes=30)
    services.resolve(by=OLE, incident_id=incident.pk)
    assert services.remind(now=start + timedelta(days=1)) == 0


def test_nobody_is_asked_about_what_is_not_critical() -> None:
    load_facts()
    made = opened("alai.no", "certificate-expiry")
    assert made.next_update_at is None
    assert services.remind(now=timezone.now() + timedelta(days=3)) == 0


def test_who_speaks_for_it_is_asked_by_name(incident: Incident) -> None:
    services.give_role(by=OLE, incident_id=incident.pk, role="communications", to="ada")
    assert incident.next_update_at is not None
    services.remind(now=incident.next_update_at)
    assert "[UPDATE OWED] ada: http:alai.no is down" in owed_told()[0]


def test_in_a_silence_nobody_hears_and_what_was_due_is_told_afterwards(incident: Incident) -> None:
    services.silence(by=OLE, incident_id=incident.pk, minutes=60, reason="We know.")
    now = timezone.now()
    assert services.escalate(now=now + timedelta(minutes=50)) == 0
    assert services.remind(now=now + timedelta(minutes=50)) == 0
    assert services.escalate(now=now + timedelta(minutes=61)) == 1
    assert AuditEntry.objects.filter(target_type="infra_incident", actor="ole", why="We know.").exists()
    services.silence(by=OLE, incident_id=incident.pk, minutes=0, reason="It is worse.")
    incident.refresh_from_db()
    assert incident.silenced_until is None
    for minutes, reason in ((-1, "x"), (1441, "x"), (5, " ")):
        with pytest.raises(ApiError):
            services.silence(by=OLE, incident_id=incident.pk, minutes=minutes, reason=reason)


def test_a_window_for_a_host_silences_no_check_of_another_thing() -> None:
    load_facts()
    MaintenanceWindow.objects.create(
        slug="w", starts_at=timezone.now() - timedelta(hours=1), ends_at=timezone.now() + timedelta(hours=9), reason="x"
    )  # fmt: skip
    check = Check.objects.create(
        slug="c",
        kind="tcp",
        settings={"host": "x", "port": 1},
        rule=AlertRule.objects.get(slug="ServiceDown"),
    )
    Edge.objects.create(check_record=check, at=timezone.now(), before="up", after="down", detail="x")
    services.deal_with_edges()
    assert Incident.objects.get().steps


def test_a_critical_incident_is_reviewed_after_it_is_over_and_closing_waits_for_nothing(
    incident: Incident,
) -> None:
    assert not postmortems.is_owed(incident)
    with pytest.raises(ApiError, match="not resolved yet"):
        write(incident, finish=True)
    services.resolve(by=OLE, incident_id=incident.pk)
    incident.refresh_from_db()
    assert postmortems.is_owed(incident)
    with pytest.raises(ApiError, match="Still to be written: root cause, actions"):
        services.write_postmortem(
            by=OLE, incident_id=incident.pk, texts={"summary": "s", "impact": "i"}, finish=True
        )
    write(incident, finish=True)
    assert not postmortems.is_owed(incident)
    assert incident.entries.filter(kind="reviewed", by="ole").count() == 1
    assert AuditEntry.objects.filter(target_type="infra_postmortem", actor="ole").exists()


def write(incident: Incident, *, finish: bool) -> None:
    texts = dict.fromkeys(("summary", "impact", "root_cause", "actions"), "It is known.")
    services.write_postmortem(by=OLE, incident_id=incident.pk, texts=texts, finish=finish)


def test_a_warning_owes_no_review() -> None:
    load_facts()
    made = opened("alai.no", "certificate-expiry")
    services.resolve(by=OLE, incident_id=made.pk)
    assert not postmortems.is_owed(made)


def test_its_pages_do_all_of_it(incident: Incident, ada: Client, vera: Client) -> None:
    def act(verb: str, **data: str) -> str:
        address = reverse("admin:infra_incident_act", args=[incident.pk, verb])
        return ada.post(address, data, follow=True).content.decode()

    assert "Scribe" in act("role", role="scribe", reason="ole")
    assert "told the public: We are looking." in act("publish", reason="We are looking.")
    assert "Silenced until" in act("silence", minutes="30", reason="We know.")
    assert "Say why nobody shall be told." in act("silence", minutes="30", reason="")
    assert "Write the postmortem" in act("resolve", reason="over")
    assert "Write it" in ada.get("/admin/").content.decode()
    page = reverse("admin:infra_incident_postmortem", args=[incident.pk])
    refused = ada.post(
        page, {"summary": "kept although refused", "finish": "1"}, follow=True
    ).content.decode()
    assert "Still to be written: impact, root cause, actions." in refused
    assert "kept although refused" in refused
    texts = dict.fromkeys(("summary", "impact", "root_cause", "actions"), "It is known.")
    assert "It is finished." in ada.post(page, {**texts, "finish": "1"}, follow=True).content.decode()
    assert vera.get(page).status_code == 200
    assert vera.post(page, texts).status_code == 403
    assert ada.get(reverse("admin:infra_incident_postmortem", args=[10**18])).status_code == 404


def test_agents_respond_over_http(incident: Incident) -> None:
    ops, reader = caller("ops-agent", "infra:write"), caller("reader", "infra:read")
    base = f"/infra/incidents/{incident.pk}"
    assert ops.post(f"{base}/notes", {"text": "A disk is full."}).status == 200
    assert ops.post(f"{base}/role", {"role": "scribe", "to": "ole"}).body["roles"] == {"scribe": "ole"}
    assert ops.post(f"{base}/role", {"role": "king", "to": "ole"}).status == 422
    assert ops.post(f"{base}/silence", {"minutes": 5, "reason": "known"}).body["silenced_until"] is not None
    assert ops.post(f"{base}/silence", {"minutes": 5, "reason": ""}).status == 422
    assert ops.post(f"{base}/publish", {"text": "We are on it."}).status == 200
    assert reader.post(f"{base}/publish", {"text": "We are on it."}).status == 403
    kinds = [entry["kind"] for entry in reader.get(base).body["timeline"]]
    assert kinds == ["opened", "note", "role", "silenced", "published"]
    assert ops.post("/infra/incidents/999999/notes", {"text": "x"}).status == 404
    ops.post(f"{base}/resolve", {})
    assert ops.post(f"{base}/silence", {"minutes": 5, "reason": "known"}).status == 409
