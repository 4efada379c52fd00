"""Strangers see the sites that were opted in, their 90 days and what was written for them, and nothing else."""

import warnings
import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alai.kernel.principals import Principal
from infra import services
from infra.models import (
    AlertRule,
    Check,
    CheckState,
    Edge,
    Host,
    HourSummary,
    Incident,
    MaintenanceWindow,
    Site,
)
from tests.infra.conftest import load_facts

OLE = Principal(actor="ole-of-ops", scopes=frozenset({"infra:write"}))
ATOM = "{http://www.w3.org/2005/Atom}"
# What must never leave: checks' names and details, hosts, addresses, notes, people, other sites.
INTERNAL = (
    "http:shop", "tcp:", "10.1.2.3", "secret-host", "[STATUS]", "it is 503", "db password", "ole-of-ops",
    "hidden.example.com", "moving to 10.9.9.9", "site-uptime", "infra-alerts", "critical", "/admin", "notes of ours",
)  # fmt: skip


@pytest.fixture(autouse=True)
def fresh(db: None) -> None:
    cache.clear()
    load_facts()


@pytest.fixture
def shop() -> Site:
    site = Site.objects.create(
        slug="shop.example.com", kind="dynamic", public_status=True, notes="notes of ours", project="secret-project"
    )  # fmt: skip
    Site.objects.create(slug="hidden.example.com", kind="static")
    host = Host.objects.create(slug="secret-host", name="Secret", role="server")
    Check.objects.create(
        slug="http:shop", kind="http", settings={"url": "http://10.1.2.3/x", "private": True}, site=site, host=host,
        rule=AlertRule.objects.get(slug="site-uptime"),
    )  # fmt: skip
    services.ensure_states()
    now = timezone.now()
    CheckState.objects.update(verdict="up", since=now, looked_at=now, detail="200 from 10.1.2.3")
    return site


def get(path: str) -> str:
    reply = Client().get(path)
    assert reply.status_code == 200, path
    assert not reply.cookies
    assert reply["Cache-Control"] == "public, max-age=30"
    return reply.content.decode()


def fail(text: str = "[STATUS] == 200 (it is 503)") -> Incident:
    check = Check.objects.get(slug="http:shop")
    CheckState.objects.update(verdict="down", detail=text)
    Edge.objects.create(check_record=check, at=timezone.now(), before="up", after="down", detail=text)
    services.deal_with_edges()
    return Incident.objects.latest("id")


def test_a_site_that_was_not_opted_in_is_not_there(shop: Site) -> None:
    page = get("/status")
    assert "shop.example.com" in page
    assert "All sites are operational." in page
    assert "hidden.example.com" not in page
    assert "alai.no" not in page
    assert Client().get("/status/badge/hidden.example.com.svg").status_code == 404
    assert Client().get("/status/badge/alai.no.svg").status_code == 404


def test_nothing_internal_leaves_however_much_there_is(shop: Site) -> None:
    incident = fail()
    services.note(by=OLE, incident_id=incident.pk, text="the db password was wrong")
    services.acknowledge(by=OLE, incident_id=incident.pk, note="notes of ours")
    services.publish(by=OLE, incident_id=incident.pk, text="We have found the cause.")
    window = MaintenanceWindow.objects.create(
        slug="w", starts_at=timezone.now() + timedelta(hours=1), ends_at=timezone.now() + timedelta(hours=2),
        reason="moving to 10.9.9.9",
    )  # fmt: skip
    window.sites.set(Site.objects.filter(slug__in=["shop.example.com", "hidden.example.com"]))
    everything = [
        get("/status"), get("/status/feed.xml"), get("/status/badge.svg"), get("/status/badge/shop.example.com.svg"),
    ]  # fmt: skip
    for text in everything:
        for word in INTERNAL:
            assert word not in text, word
    assert "We have found the cause." in everything[0]
    assert "Planned maintenance" in everything[0]
    assert "There is an issue with shop.example.com." in everything[0]


def test_an_incident_is_told_from_its_beginning_to_its_end(shop: Site) -> None:
    incident = fail()
    assert "We are investigating an issue." in get("/status")
    services.publish(by=OLE, incident_id=incident.pk, text="A <b>disk</b> is full & we know.")
    services.resolve(by=OLE, incident_id=incident.pk)
    cache.clear()
    page = get("/status")
    assert "A &lt;b&gt;disk&lt;/b&gt; is full &amp; we know." in page
    assert "The issue is resolved." in page
    assert "Open incidents" not in page
    (entry,) = ET.fromstring(get("/status/feed.xml")).findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "Issue with shop.example.com (resolved)"
    assert "&lt;b&gt;disk" in (entry.findtext(f"{ATOM}summary") or "")


def test_the_days_show_what_was(shop: Site) -> None:
    check = Check.objects.get(slug="http:shop")
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    HourSummary.objects.create(check_record=check, hour=hour - timedelta(days=2), up=3000, down=600)
    HourSummary.objects.create(check_record=check, hour=hour - timedelta(days=5), up=3600)
    services.roll_up()
    page = get("/status")
    assert "away for 10 min" in page
    assert "91.67 % up in 90 days" in page


def test_unknown_is_never_operational(shop: Site) -> None:
    CheckState.objects.update(looked_at=timezone.now() - timedelta(days=1))
    assert "The state is not known right now." in get("/status")
    assert "Unknown" in get("/status/badge/shop.example.com.svg")
    assert "Operational" not in get("/status/badge.svg")


def test_a_certificate_that_runs_out_is_ours_to_know(shop: Site) -> None:
    check = Check.objects.create(
        slug="tls:shop", kind="tls", settings={"host": "shop.example.com"}, site=shop,
        rule=AlertRule.objects.get(slug="certificate-expiry"),
    )  # fmt: skip
    Edge.objects.create(
        check_record=check, at=timezone.now(), before="up", after="degraded", detail="20 days"
    )
    services.deal_with_edges()
    assert "Open incidents" not in get("/status")


def test_badges_are_drawings_with_words(shop: Site) -> None:
    svg = ET.fromstring(get("/status/badge/shop.example.com.svg"))
    assert svg.get("aria-label") == "shop.example.com: Operational"
    reply = Client().get("/status/badge.svg")
    assert reply["Content-Type"] == "image/svg+xml"
    assert reply["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("name", ["%00", "a%20b", "%F0%9F%98%80", "x" * 300, "..", "%0A"])
def test_a_badge_of_what_can_be_no_site_is_not_there(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Client().get(f"/status/badge/{name}.svg").status_code == 404


def test_a_crowd_costs_no_queries(shop: Site) -> None:
    get("/status")
    with CaptureQueriesContext(connection) as captured:
        for _ in range(5):
            get("/status")
    assert len(captured) == 0


def test_nothing_but_looking_is_possible(shop: Site) -> None:
    assert Client().head("/status").status_code == 200
    assert Client().get("/status/").status_code == 200
    assert Client().post("/status").status_code == 405


def test_with_nothing_published_it_says_so() -> None:
    assert "Nothing is published here." in get("/status")
    assert Client().get("/status/feed.xml").status_code == 200
