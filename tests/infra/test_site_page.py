"""A site's page answers how it stands and was, the board has the handbook's panels, Prometheus reads all of it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from infra import figures, services
from infra.models import Check, CheckState, HourSummary, Objective, Result, Site
from tests.admin.conftest import ada, vera
from tests.infra.conftest import caller, load_facts

__all__ = ["ada", "vera"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    load_facts()
    site = Site.objects.get(slug="alai.no")
    check = Check.objects.create(
        slug="http:alai.no",
        kind="http",
        settings={"url": "https://alai.no/"},
        site=site,
        interval_seconds=300,
    )
    tls = Check.objects.create(slug="tls:alai.no", kind="tls", settings={"host": "alai.no"}, site=site)
    services.ensure_states()
    now = timezone.now()
    CheckState.objects.update(
        verdict="up", since=now - timedelta(hours=3), looked_at=now, next_at=now - timedelta(seconds=5)
    )
    expires = (now + timedelta(days=20)).isoformat()
    CheckState.objects.filter(check_record=tls).update(
        facts={"tls_expires_at": expires, "tls_issuer": "Example CA"}
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    HourSummary.objects.bulk_create(
        HourSummary(
            check_record=check, hour=hour - timedelta(hours=h), up=3600, latency_median=50 + h, latency_p95=90
        )
        for h in range(1, 100)
    )
    Result.objects.create(check_record=check, at=now, verdict="up", latency_ms=51.0)
    Objective.objects.create(slug="o", name="alai.no is there", check_record=check, target=99.9)
    services.roll_up()
    services.sum_up_objectives()
    return site


def test_its_page_shows_standing_latency_certificate_and_uptime(
    site: Site, ada: Client, vera: Client
) -> None:
    address = reverse("admin:infra_site_status", args=[site.pk])
    page = ada.get(address).content.decode()
    for words in (
        "alai.no is up, for 3 h now.", "Example CA", "Answers in", "95 of 100 are faster", "90d", "100.00 %",
        "alai.no is there", "Look now", "tls:alai.no",
    ):  # fmt: skip
        assert words in page, words
    assert "Look now" not in vera.get(address).content.decode()
    assert ada.get(reverse("admin:infra_site_status", args=[10**18])).status_code == 404


def test_looking_now_is_a_button(site: Site, ada: Client, vera: Client) -> None:
    address = reverse("admin:infra_site_probe", args=[site.pk])
    CheckState.objects.update(next_at=timezone.now() + timedelta(hours=1))
    assert "2 checks looked at now" in ada.post(address, follow=True).content.decode()
    assert CheckState.objects.filter(next_at__lte=timezone.now()).count() == 2
    assert vera.post(address).status_code == 403
    assert ada.get(address).status_code == 405


def test_a_site_that_nobody_looks_at_says_so(site: Site, ada: Client) -> None:
    other = Site.objects.get(slug="snowit.ba")
    page = ada.get(reverse("admin:infra_site_status", args=[other.pk])).content.decode()
    assert "snowit.ba is unknown." in page
    assert "Nothing looks at it" in page


def test_the_board_has_the_eight_panels(site: Site, ada: Client) -> None:
    page = ada.get(reverse("admin:infra_incident_board")).content.decode()
    for title in (
        "Sites, 90 days", "Request rate", "Error rate", "P99 latency, last hour", "Active incidents", "Error budget",
        "Last deployment", "Hosts",
    ):  # fmt: skip
        assert title in page, title
    assert "100 %" in page  # of the budget
    assert "51 ms" in page
    assert "No check of builds has answered." in page  # nothing invented
    assert page.count("<polyline") == 1


def test_a_long_board_shows_what_is_in_trouble_first(site: Site, ada: Client) -> None:
    many = Site.objects.bulk_create(
        Site(slug=f"a{n:03}.example.com", kind="static", watched=True) for n in range(150)
    )
    check = Check.objects.create(slug="z", kind="http", settings={"url": "https://x/"}, site=many[149])
    services.ensure_states()
    CheckState.objects.filter(check_record=check).update(verdict="down", looked_at=timezone.now())
    page = ada.get(reverse("admin:infra_incident_board")).content.decode()
    assert "a149.example.com" in page
    assert "113 more" in page
    assert "a148.example.com" in ada.get(reverse("admin:infra_incident_board") + "?all").content.decode()


def test_prometheus_reads_checks_incidents_and_budgets(site: Site, client: Client) -> None:
    assert figures.checks() == {("http", "up"): 1, ("tls", "up"): 1}
    assert figures.lateness()[("http",)] >= 5
    token = caller("prometheus", "infra:read").token
    text = client.get("/metrics", headers={"authorization": f"Bearer {token}"}).content.decode()
    assert 'alai_slo_budget_left_ratio{objective="o"} 1.0' in text
    assert 'alai_slo_burn_rate{objective="o",window="1h"} 0.0' in text
    assert 'alai_checks{kind="http",verdict="up"} 1.0' in text


def test_the_page_of_budgets_answers_in_words_and_lets_through(site: Site, ada: Client, vera: Client) -> None:
    address = reverse("admin:infra_objective_slos")
    page = ada.get(address).content.decode()
    assert "Deploy freely: every budget has more than half left." in page
    assert "100.0 % left" in page
    objective = Objective.objects.get()
    objective.hours.update(good=0, bad=3600, bad_looks=12)
    page = ada.get(address).content.decode()
    assert "No non-critical deployments: the budget of alai.no is there is all but spent." in page
    lift = reverse("admin:infra_objective_lift", args=[objective.pk])
    assert "Say why" in ada.post(lift, {"reason": "", "hours": "4"}, follow=True).content.decode()
    assert (
        "lets deployments through until"
        in ada.post(lift, {"reason": "the fix", "hours": "4"}, follow=True).content.decode()
    )
    assert vera.post(lift, {"reason": "x", "hours": "4"}).status_code == 403
    Objective.objects.update(target=None)
    assert "No objective has a target yet" in ada.get(address).content.decode()
