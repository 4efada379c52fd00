"""The board answers in a sentence, an incident's page says what happened, and its buttons call services."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from infra import services
from infra.models import AlertRule, Check, CheckState, Edge, HourSummary, Incident, Site
from tests.admin.conftest import ada, vera
from tests.infra.conftest import load_facts

__all__ = ["ada", "vera"]


@pytest.fixture
def incident(db: None) -> Incident:
    load_facts()
    check = Check.objects.create(
        slug="http:alai.no", kind="http", settings={"url": "https://alai.no/"}, site=Site.objects.get(slug="alai.no"),
        rule=AlertRule.objects.get(slug="site-uptime"),
    )  # fmt: skip
    now = timezone.now()
    services.ensure_states()
    CheckState.objects.update(verdict="down", since=now, looked_at=now, detail="503", latency_ms=12.0)
    Edge.objects.create(
        check_record=check, at=now, before="up", after="down", detail="[STATUS] == 200 (it is 503)"
    )
    services.deal_with_edges()
    return Incident.objects.get()


def board(client: Client, query: str = "") -> str:
    return client.get(reverse("admin:infra_incident_board") + query).content.decode()


def act(client: Client, incident: Incident, verb: str, **data: str) -> str:
    address = reverse("admin:infra_incident_act", args=[incident.pk, verb])
    return client.post(address, data, follow=True).content.decode()


def test_the_board_says_what_is_down_and_that_nobody_looks(incident: Incident, ada: Client) -> None:
    page = board(ada)
    assert "alai.no is down." in page
    assert "Watching is switched off" in page
    assert page.count("mc-days") == 13


def test_without_a_look_the_board_does_not_say_up(db: None, ada: Client) -> None:
    assert "No site is watched." in board(ada)
    load_facts()
    assert "Nobody knows: nothing is looked at." in board(ada)


def test_a_day_shows_the_worst_of_it(incident: Incident, ada: Client) -> None:
    hour: datetime = timezone.now().replace(minute=0, second=0, microsecond=0)
    check = Check.objects.get()
    HourSummary.objects.create(check_record=check, hour=hour - timedelta(days=2), up=3000, down=600)
    HourSummary.objects.create(check_record=check, hour=hour - timedelta(days=3), up=3600)
    services.roll_up()
    page = board(ada)
    assert "away for 10 min" in page
    assert ": up" in page
    assert "91.67 %" in page


def test_the_board_takes_few_queries_however_many_sites(
    incident: Incident, ada: Client, django_assert_max_num_queries: object
) -> None:
    for number in range(60):
        site = Site.objects.create(slug=f"s{number}.example.com", kind="static", watched=True)
        Check.objects.create(slug=f"c{number}", kind="http", settings={"url": "https://x/"}, site=site)
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        assert "s59.example.com" in board(ada, "?all")


def test_home_names_the_incident_and_taking_it_there_acknowledges_it(incident: Incident, ada: Client) -> None:
    assert "http:alai.no is down" in ada.get("/admin/").content.decode()
    assert "is yours" in act(ada, incident, "ack", back="home")
    incident.refresh_from_db()
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "ada")
    assert (
        "http:alai.no is down"
        not in ada.get("/admin/").content.decode().split("Needs you")[1].split("mc-cards")[0]
    )


def test_its_page_tells_the_story(incident: Incident, ada: Client) -> None:
    act(ada, incident, "assign", reason="ole")
    act(ada, incident, "note", reason="DNS looks fine")
    act(ada, incident, "resolve", reason="a false alarm")
    page = ada.get(reverse("admin:infra_incident_change", args=[incident.pk])).content.decode()
    for words in ("DNS looks fine", "a false alarm", "It lasted", "L1 infra-alerts"):
        assert words in page
    assert "is resolved" in act(ada, incident, "ack")


def test_who_may_only_look_can_do_nothing(incident: Incident, vera: Client) -> None:
    page = vera.get(reverse("admin:infra_incident_change", args=[incident.pk])).content.decode()
    assert "I have it" not in page
    assert vera.post(reverse("admin:infra_incident_act", args=[incident.pk, "ack"])).status_code == 403
