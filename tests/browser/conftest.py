"""Chromium on the real pages. `CHROMIUM` names another binary; without one these tests are skipped and say so."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

expect.set_options(timeout=20_000)  # a busy machine is no failure

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "a long enough password"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    binary = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        pytest.skip("no Chromium was found: install the package chromium, or name a binary in CHROMIUM")
    # Playwright runs an event loop in this thread; Django would refuse the tests' own queries beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=binary, args=FLAGS)
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visit:
    """A browser window, and everything that it complained about."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def open(self, path: str) -> None:
        reply = self.page.goto(self.base + path)
        assert reply is not None
        assert reply.status == 200, path
        self.page.wait_for_function("window.Alpine !== undefined")  # its scripts run once the page is there

    def sign_in(self) -> None:
        self.open("/admin/login/")
        self.page.get_by_label("Username").fill("ada")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/admin/")

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width


@pytest.fixture
def ada(transactional_db: None) -> User:
    user = User.objects.create_superuser("ada", first_name="Ada", password=PASSWORD)
    user.groups.add(Group.objects.get_or_create(name="ceo")[0])
    return user


@pytest.fixture(params=["light", "dark"])
def visit(
    request: pytest.FixtureRequest, chromium: Browser, live_server: LiveServer, ada: User
) -> Iterator[Visit]:
    """Ada, signed in, with the system's light or dark colours; no complaint may be left at the end."""
    cache.clear()  # other tests' teams and owners stand in it for a while
    window = chromium.new_context(color_scheme=request.param, viewport={"width": 1440, "height": 900})
    visit = Visit(window.new_page(), live_server.url)
    visit.sign_in()
    yield visit
    window.close()
    assert visit.complaints == []
