"""Two-factor in a real browser: set up from the page, asked for at the next sign-in, on a desk and on a phone."""

import base64
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django_otp.oath import TOTP
from playwright.sync_api import Browser, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from alai.kernel.models import Actor, Authenticator, Session
from tests.browser.conftest import PASSWORD, Visit, in_both_colours


def code_of(key: str) -> str:
    return f"{TOTP(base64.b32decode(key.replace('-', ''))).token():06d}"


def wait_for_a_new_code() -> None:
    """As if the last code had been used some minutes ago."""
    Authenticator.objects.update(last_step=F("last_step") - 3, throttling_failure_timestamp=None)


def set_up(visit: Visit) -> tuple[str, list[str]]:
    """The key that the page shows, and the recovery codes."""
    key = visit.page.get_by_label("The key").inner_text()
    visit.page.get_by_label("The six digits that it shows").fill(code_of(key))
    visit.page.get_by_role("button", name="Turn on").click()
    expect(visit.page.get_by_role("heading", name="Keep these recovery codes.")).to_be_visible()
    return key, visit.page.locator(".mc-codes code").all_inner_texts()


def type_password(visit: Visit, path: str) -> None:
    visit.open(path)
    visit.page.get_by_label("Username").fill("ada")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def stranger(chromium: Browser, live_server: LiveServer, ada: User) -> Iterator[Visit]:
    """Nobody yet, on a phone."""
    window = chromium.new_context(viewport={"width": 390, "height": 844})
    visit = Visit(window.new_page(), live_server.url)
    yield visit
    window.close()
    assert visit.complaints == []


def test_set_up_then_sign_in_with_a_code(visit: Visit, stranger: Visit) -> None:
    visit.open("/admin/account/")
    visit.page.get_by_role("link", name="Set up").click()
    expect(visit.page.locator(".mc-qr svg")).to_be_visible()
    key, codes = set_up(visit)
    assert len(codes) == 10
    visit.page.get_by_role("link", name="I have them").click()
    expect(visit.page.get_by_text("Two-factor is on")).to_be_visible()

    type_password(stranger, "/admin/account/tokens/")
    expect(stranger.page.get_by_role("heading", name="Your code, Ada")).to_be_visible()
    assert stranger.overflow() == 0
    stranger.page.get_by_label("Code").fill(f"{(int(code_of(key)) + 500_000) % 1_000_000:06d}")
    stranger.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(stranger.page.get_by_text("wrong, or was used already")).to_be_visible()
    wait_for_a_new_code()
    stranger.page.get_by_label("Code").fill(code_of(key))
    stranger.page.keyboard.press("Enter")
    stranger.page.wait_for_url("**/admin/account/tokens/")


def test_a_recovery_code_is_the_way_in_without_the_phone(visit: Visit, stranger: Visit) -> None:
    visit.open("/admin/account/two-factor/")
    _, codes = set_up(visit)
    type_password(stranger, "/admin/")
    stranger.page.get_by_role("link", name="Use a recovery code").click()
    stranger.page.get_by_label("Recovery code").fill(codes[0])
    stranger.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(stranger.page.get_by_text("9 recovery codes left")).to_be_visible()


def test_where_it_is_required_the_set_up_page_is_all_there_is(stranger: Visit, settings: Settings) -> None:
    settings.REQUIRE_TWO_FACTOR = "everybody"
    type_password(stranger, "/admin/missioncontrol/task/")
    expect(stranger.page.get_by_role("heading", name="Set up two-factor to go on")).to_be_visible()
    assert stranger.overflow() == 0
    set_up(stranger)
    assert stranger.overflow() == 0
    stranger.page.get_by_role("link", name="I have them").click()
    stranger.page.wait_for_url("**/admin/missioncontrol/task/")


def test_a_session_is_ended_from_another_browser(visit: Visit, stranger: Visit) -> None:
    type_password(stranger, "/admin/")
    stranger.page.wait_for_url("**/admin/")
    visit.open("/admin/account/")
    visit.page.get_by_role("button", name="End Chrome").click()
    expect(visit.page.get_by_text("has to sign in again")).to_be_visible()
    assert Session.objects.exclude(user=None).count() == 1
    stranger.page.goto(stranger.base + "/admin/account/")
    expect(stranger.page.get_by_label("Password")).to_be_visible()


def test_a_token_is_made_and_rotated_with_buttons(visit: Visit, ada: User) -> None:
    Actor.objects.create(name="scout", kind="agent", owner=ada)
    visit.open("/admin/account/tokens/")
    visit.page.get_by_role("link", name="New token").click()
    visit.page.get_by_label("Name").fill("laptop")
    visit.page.get_by_role("button", name="Make it").click()
    first = visit.page.get_by_label("The token", exact=True).inner_text()
    visit.page.get_by_role("link", name="I have it").click()
    visit.page.get_by_role("button", name="Rotate mct_").click()
    visit.page.get_by_label("The old one").select_option("1")
    visit.page.get_by_role("button", name="Rotate", exact=True).click()
    second = visit.page.get_by_label("The token", exact=True).inner_text()
    assert first.startswith("mct_")
    assert second.startswith("mct_")
    assert first != second
    visit.page.get_by_role("link", name="I have it").click()
    expect(visit.page.get_by_text("Old, ends")).to_be_visible()
    visit.page.set_viewport_size({"width": 390, "height": 844})
    assert visit.overflow() == 0


@in_both_colours
def test_the_menu_leads_to_my_account(visit: Visit) -> None:
    visit.open("/admin/")
    visit.page.locator("[x-data*=openUserLinks] > .cursor-pointer").click()
    visit.page.get_by_role("link", name="My account").click()
    visit.page.wait_for_url("**/admin/account/")
