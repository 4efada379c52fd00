"""Chromium on the real pages. `CHROMIUM` names another binary; without one these tests are skipped and say so."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

expect.set_options(timeout=20_000)  # a busy machine is no failure

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SESSION_COOKIE_NAME = settings.SESSION_COOKIE_NAME
PASSWORD = "a long enough password"

Colours = Literal["light", "dark"]
in_both_colours = pytest.mark.parametrize("visit", ["light", "dark"], indirect=True)


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


def session_of(user: User) -> str:
    """What signing in leaves in the browser; how that is done has tests of its own."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies[SESSION_COOKIE_NAME].value


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

    @contextmanager
    def apart(self, **options: Any) -> Iterator[Page]:
        """A window of the same person for what would stay with the pages of later tests, or needs other options."""
        browser = self.page.context.browser
        assert browser is not None
        window = browser.new_context(storage_state=self.page.context.storage_state(), **options)
        yield window.new_page()
        window.close()

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


@pytest.fixture(scope="package")
def windows(chromium: Browser) -> dict[Colours, BrowserContext]:
    """One for each of both colours, whose cache spares each test a second of loading the same styles and scripts."""
    colours: tuple[Colours, ...] = ("light", "dark")
    return {colour: chromium.new_context(color_scheme=colour) for colour in colours}


@pytest.fixture
def visit(
    request: pytest.FixtureRequest, windows: dict[Colours, BrowserContext], live_server: LiveServer, ada: User
) -> Iterator[Visit]:
    """Ada, signed in, in light colours (or those that `in_both_colours` asks for); no complaint may be left."""
    window = windows[getattr(request, "param", "light")]
    window.add_cookies([{"name": SESSION_COOKIE_NAME, "value": session_of(ada), "url": live_server.url}])
    visit = Visit(window.new_page(), live_server.url)
    visit.page.set_viewport_size({"width": 1440, "height": 900})
    visit.open("/admin/")
    yield visit
    complaints = [*visit.complaints]
    _forget(window, live_server.url)
    assert complaints == []


def _forget(window: BrowserContext, url: str) -> None:
    """Close its pages and clear what they kept, but for the cache."""
    page = window.new_page()
    for other in window.pages[:-1]:
        other.close()
    session = window.new_cdp_session(page)
    session.send(
        "Storage.clearDataForOrigin", {"origin": url, "storageTypes": "cookies,local_storage,indexeddb"}
    )
    window.clear_cookies()
    page.close()
