"""The board and the routing page in a real browser: readable on a phone, and a word is taken by a dialog."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from django.db import connection
from playwright.sync_api import expect

from infra.models import Host, Job, RoutingOverride
from tests.browser.conftest import Visit
from tests.infra.test_routing import Company
from tests.infra.world import town

BOARD = "/admin/infra/incident/board/"
ROUTING = "/admin/infra/modeltier/routing/"


def look(company: Company) -> None:
    """A round of the prober, away from the event loop that drives the browser."""

    def work() -> None:
        try:
            company.look()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_a_server_counts_as_down_by_a_dialog_and_up_again(visit: Visit) -> None:
    with ExitStack() as stack:
        company = Company(stack.enter_context(town()), stack.enter_context(town()))
        look(company)
        visit.open(ROUTING)
        page = visit.page
        expect(page.get_by_role("heading", name="All 3 tiers are served as planned.")).to_be_visible()
        page.get_by_role("button", name="Count as down…").first.click()
        dialog = page.locator(".mc-dialog:popover-open")
        expect(dialog).to_contain_text("Count as down: anvil")
        dialog.get_by_label("Why").fill("moving the disk")
        dialog.get_by_label("For how long").select_option("a day")
        dialog.get_by_role("button", name="Count as down").click()
        expect(page.get_by_role("heading", name="Of 3 tiers 1 waits, 1 is served elsewhere.")).to_be_visible()
        assert RoutingOverride.objects.get().reason == "moving the disk"
        page.get_by_role("button", name="Take back…").click()
        dialog.get_by_label("Why").fill("done")
        dialog.get_by_role("button", name="Take back").click()
        expect(page.get_by_role("heading", name="All 3 tiers are served as planned.")).to_be_visible()


def test_the_pages_fit_a_phone(visit: Visit) -> None:
    with ExitStack() as stack:
        company = Company(stack.enter_context(town()), stack.enter_context(town()))
        look(company)
        company.kill("anvil")
        look(company)
        job = Job.objects.create(slug="a-rather-long-name-of-a-job", name="Export", period_seconds=60)
        host = Host.objects.get(slug="anvil")
        visit.page.set_viewport_size({"width": 390, "height": 844})
        for path in (
            BOARD, ROUTING, f"/admin/infra/job/{job.pk}/change/", f"/admin/infra/host/{host.pk}/change/",
        ):  # fmt: skip
            visit.open(path)
            assert visit.overflow() <= 0, path
