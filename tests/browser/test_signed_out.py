"""What a page does when its session has ended, or was begun anew in another tab: nothing that was typed is lost."""

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Page, expect

from alai.kernel.models import Session
from missioncontrol.models import Comment, Task
from tests.browser.conftest import PASSWORD, SESSION_COOKIE_NAME, Visit, session_of
from tests.browser.test_board import BOARD, card, drag, stands_in, status_of
from tests.cast import make_task


@pytest.fixture
def task(transactional_db: None) -> Task:
    return make_task(title="Write the tender", team="sales")


def sign_out_everywhere() -> None:
    Session.objects.all().delete()


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_comment_that_was_sent_signed_out_is_there_after_signing_in(visit: Visit, task: Task) -> None:
    path = f"/admin/missioncontrol/task/{task.pk}/change/"
    visit.open(path)
    visit.page.locator("#comment-body").fill("It took\nme long to write this.")
    sign_out_everywhere()
    visit.page.get_by_role("button", name="Comment").click()
    visit.page.wait_for_url("**/login/**")
    sign_in(visit.page)
    visit.page.wait_for_url(f"**{path}")
    expect(visit.page.locator("#comment-body")).to_have_value("It took\nme long to write this.")
    expect(visit.page.locator("#mc-says")).to_contain_text("nothing was sent")
    visit.page.get_by_role("button", name="Comment").click()
    expect(visit.page.get_by_text("Your comment stands in the history.")).to_be_visible()
    expect(visit.page.locator("#comment-body")).to_have_value("")
    assert Comment.objects.get().body == "It took\nme long to write this."
    visit.open(path)
    expect(visit.page.locator("#comment-body")).to_have_value("")


def test_a_form_goes_on_after_signing_in_anew_in_another_tab(visit: Visit, task: Task) -> None:
    path = f"/admin/missioncontrol/task/{task.pk}/change/"
    visit.open(path)
    board = visit.page.context.new_page()
    board.goto(visit.base + BOARD)
    expect(board.locator(card(board, task))).to_be_visible()
    sign_out_everywhere()
    other = visit.page.context.new_page()
    other.goto(f"{visit.base}/admin/login/")
    sign_in(other)
    other.wait_for_url("**/admin/")

    visit.page.locator("#comment-body").fill("Here I am again.")
    visit.page.get_by_role("button", name="Comment").click()
    expect(visit.page.get_by_text("Your comment stands in the history.")).to_be_visible()
    drag(board, task, "paused")
    expect(board.locator("#mc-says")).to_contain_text(f"#{task.pk}: It is paused.")
    assert status_of(task) == "paused"


def test_a_page_that_is_no_longer_fresh_says_so(visit: Visit, task: Task) -> None:
    with visit.apart() as page:
        page.clock.install()
        page.goto(visit.base + BOARD)
        sign_out_everywhere()
        page.clock.run_for(21_000)
        expect(page.locator("[data-stream-state]").first).to_have_text("Signed out: what stands here is old")
        page.context.add_cookies(
            [{"name": SESSION_COOKIE_NAME, "value": session_of(User.objects.get()), "url": visit.base}]
        )
        page.clock.run_for(21_000)
        expect(page.locator("[data-stream-state]").first).not_to_contain_text("Signed out")


def test_a_card_that_changes_while_a_reason_is_typed_is_moved_all_the_same(visit: Visit, task: Task) -> None:
    page = visit.page
    visit.open(BOARD)
    drag(page, task, "blocked")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("The customer is away.")
    Task.objects.filter(pk=task.pk).update(title="Write it anew")
    page.evaluate("mc.refresh()")
    expect(page.locator(card(page, task))).to_contain_text("Write it anew")
    dialog.get_by_role("button", name="Block").click()
    expect(page.locator("#mc-says")).to_contain_text(f"#{task.pk}:")
    stands_in(page, task, "blocked")
    assert status_of(task) == "blocked"
    assert task.events.get(kind="blocked").why == "The customer is away."


def test_the_board_works_for_who_may_only_look(visit: Visit, task: Task) -> None:
    vera = User.objects.create_user("vera", password=PASSWORD, is_staff=True)
    vera.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    with visit.apart() as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.context.add_cookies(
            [{"name": SESSION_COOKIE_NAME, "value": session_of(vera), "url": visit.base}]
        )
        page.goto(visit.base + BOARD)
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.locator("#mc-picked")).to_contain_text("1 selected")
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("#mc-picked")).to_be_hidden()
        assert errors == []


def test_the_menu_of_the_person_is_reached_by_keys(visit: Visit) -> None:
    page = visit.page
    visit.open("/admin/")
    menu = page.locator(".mc-user")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="My account")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Log out")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="My account")).to_be_hidden()
    page.keyboard.press("Enter") if menu.evaluate("e => e === document.activeElement") else menu.press(
        "Enter"
    )
    page.get_by_role("button", name="Dark").press("Enter")
    expect(page.locator("html")).to_have_class("dark")
