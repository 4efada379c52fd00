"""Status, budgets, a site, an incident, the public page in a real browser: no complaint, no overflow, buttons act."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from infra import services
from infra.models import (
    AlertRule,
    Check,
    CheckState,
    DaySummary,
    Edge,
    HourSummary,
    Incident,
    Objective,
    Result,
    Site,
)
from tests.browser.conftest import Visit, in_both_colours
from tests.infra.conftest import load_facts

BOARD = "/admin/infra/incident/board/"


@pytest.fixture
def incident(transactional_db: None) -> Incident:
    """A site that was well for a month and is down now, with a budget that is nearly spent."""
    load_facts()
    site = Site.objects.get(slug="alai.no")
    Site.objects.filter(pk=site.pk).update(public_status=True)
    check = Check.objects.create(
        slug="http:alai.no", kind="http", settings={"url": "https://alai.no/"}, site=site,
        rule=AlertRule.objects.get(slug="site-uptime"),
    )  # fmt: skip
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    HourSummary.objects.bulk_create(
        HourSummary(
            check_record=check, hour=hour - timedelta(hours=h), up=3600, latency_median=90, latency_p95=150
        )
        for h in range(1, 200)
    )
    Result.objects.bulk_create(
        Result(
            check_record=check,
            at=now - timedelta(minutes=m),
            verdict="down" if m < 42 else "up",
            latency_ms=90,
        )
        for m in range(1, 600)
    )
    Objective.objects.create(slug="o", name="The site is there", check_record=check, target=99.9)
    services.ensure_states()
    CheckState.objects.update(verdict="down", since=now, looked_at=now, detail="503")
    Edge.objects.create(
        check_record=check, at=now - timedelta(minutes=40), before="up", after="down", detail="503"
    )
    services.deal_with_edges()
    services.roll_up()
    services.sum_up_objectives()
    assert DaySummary.objects.exists()
    return Incident.objects.get()


def test_its_pages_fit_a_desk_and_a_phone(visit: Visit, incident: Incident) -> None:
    assert incident.check_record is not None
    paths = [
        BOARD, "/admin/infra/objective/slos/", f"/admin/infra/site/{incident.check_record.site_id}/status/",
        f"/admin/infra/incident/{incident.pk}/change/", f"/admin/infra/incident/{incident.pk}/postmortem/",
        "/admin/infra/objective/", "/admin/infra/burntier/", "/admin/infra/site/registry/",
    ]  # fmt: skip
    wide = []
    for width in (1440, 390):
        visit.page.set_viewport_size({"width": width, "height": 844})
        for path in paths:
            visit.open(path)
            if visit.overflow() > 0:
                wide.append((path, width, visit.overflow()))
    assert wide == []


@in_both_colours
def test_the_public_page_needs_no_script_and_fits_a_phone(visit: Visit, incident: Incident) -> None:
    page = visit.page
    page.context.clear_cookies()
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{visit.base}/status")
        assert visit.overflow() == 0, width
    expect(page.get_by_role("heading", level=1)).to_have_text("There is an issue with alai.no.")
    expect(page.get_by_role("heading", name="Issue with alai.no", exact=True)).to_be_visible()
    assert page.locator("script").count() == 0
    assert page.locator("[role=img]").first.get_attribute("aria-label") is not None
    page.goto(f"{visit.base}/status/badge/alai.no.svg")
    expect(page.locator("title")).to_contain_text("alai.no: Unavailable")


def test_people_respond_with_buttons(visit: Visit, incident: Incident) -> None:
    page = visit.page
    visit.open(BOARD)
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_text("is yours")).to_be_visible()
    visit.open(f"/admin/infra/incident/{incident.pk}/change/")
    page.get_by_role("button", name="Role…").click()
    dialog = page.locator("#do-role")
    dialog.get_by_label("Role").select_option("scribe")
    dialog.get_by_label("Who").fill("ole")
    dialog.get_by_role("button", name="Role").click()
    expect(page.get_by_text("ole is scribe")).to_be_visible()
    page.get_by_role("button", name="Tell the public…").click()
    dialog = page.locator("#do-publish")
    dialog.get_by_label("What strangers may read").fill("We are restarting it.")
    dialog.get_by_role("button", name="Tell the public").click()
    expect(page.get_by_text("told the public: We are restarting it.")).to_be_visible()


def test_a_freeze_is_lifted_with_a_reason(visit: Visit, incident: Incident) -> None:
    page = visit.page
    visit.open("/admin/infra/objective/slos/")
    expect(page.locator(".mc-greeting")).to_contain_text("No non-critical deployments")
    page.get_by_role("button", name="Let deployments through…").click()
    dialog = page.locator(f"#lift-{Objective.objects.get().pk}")
    dialog.get_by_label("Why").fill("The fix itself")
    dialog.get_by_role("button", name="Let through").click()
    expect(page.get_by_text("ada lets deployments through until")).to_be_visible()
