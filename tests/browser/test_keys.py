"""Keys and places: walking lists and tasks, going to pages, and lists that are found again as they were left."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from missioncontrol.models import Task
from tests.browser.conftest import Visit
from tests.cast import make_task

LIST = "/admin/missioncontrol/task/"
BOARD = "/admin/missioncontrol/task/board/"


@pytest.fixture
def tasks(transactional_db: None) -> list[Task]:
    """The newest first, as the list shows them: a page and a half."""
    return [make_task(title=f"Task {number}", team="sales") for number in range(70)][::-1]


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def at_row(page: Page, task: Task) -> None:
    expect(page.locator("tr.mc-at")).to_contain_text(f"#{task.pk}")


def scrolled(page: Page) -> int:
    y: int = page.evaluate("Math.round(scrollY)")
    return y


def test_rows_are_walked_opened_and_found_again(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    visit.open(f"{LIST}?team=sales")
    press(page, "j j j j k")
    at_row(page, tasks[2])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{tasks[2].pk}/change/**")
    expect(page.locator("[data-where]")).to_have_text("3 of 50")
    page.keyboard.press("j")
    page.wait_for_url(f"**/{tasks[3].pk}/change/**")
    page.keyboard.press("k")
    page.wait_for_url(f"**/{tasks[2].pk}/change/**")
    press(page, "j")
    page.wait_for_url(f"**/{tasks[3].pk}/change/**")
    page.keyboard.press("u")
    page.wait_for_url(f"**{LIST}?team=sales")
    at_row(page, tasks[3])  # the task that one came from, not the one that was opened


def test_the_walk_goes_on_over_the_lists_pages(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    visit.open(f"{LIST}?team=sales")
    page.get_by_role("link", name=f"Task {69 - 49}", exact=False).first.click()
    page.wait_for_url(f"**/{tasks[49].pk}/change/**")
    expect(page.locator("[data-where]")).to_have_text("50 of 50")
    page.keyboard.press("j")
    page.wait_for_url(f"**p=b{tasks[49].pk}**")
    at_row(page, tasks[50])
    page.keyboard.press("o")
    page.wait_for_url(f"**/{tasks[50].pk}/change/**")
    page.keyboard.press("k")
    page.wait_for_url(f"**{LIST}**")
    at_row(page, tasks[49])


def test_a_list_keeps_its_place_while_one_looks_at_a_task(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    visit.open(f"{LIST}?team=sales")
    page.locator(f"a:has-text('Task {69 - 40}')").first.scroll_into_view_if_needed()
    left_at = scrolled(page)
    assert left_at > 300
    page.locator(f"a:has-text('Task {69 - 40}')").first.click()
    page.wait_for_url("**/change/**")
    page.get_by_role("link", name="← Tasks").click()
    page.wait_for_url(f"**{LIST}?team=sales")
    page.wait_for_function(f"Math.abs(scrollY - {left_at}) < 5")
    at_row(page, tasks[40])
    page.get_by_role("link", name="Not closed").click()
    page.wait_for_function("location.search === '?' || location.search === ''")
    assert scrolled(page) == 0


def test_acting_on_many_by_keys_keeps_filters_page_and_place(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    visit.open(f"{LIST}?team=sales&o=-7&p=2")
    press(page, "j j j j j j j j j j j j j j j j x k x")
    page.evaluate("scrollTo(0, 200)")
    left_at = scrolled(page)
    page.keyboard.press("a")
    select = page.locator("#changelist-actions select")
    expect(select).to_be_focused()
    page.keyboard.press("c")  # jumps to a choice of the list, and nowhere else
    assert "/add/" not in page.url
    select.select_option("bulk_priority")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_label("Priority").select_option(label="Critical")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("2 tasks changed.")).to_be_visible()
    assert page.url.endswith("?team=sales&o=-7&p=2")
    page.wait_for_function(f"Math.abs(scrollY - {left_at}) < 5")
    assert Task.objects.filter(priority=3).count() == 2


def test_g_and_a_letter_go_to_a_page(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    visit.open("/admin/")
    for keys, where in (
        ("g t", LIST),
        ("g b", BOARD),
        ("g f", f"{LIST}flow/"),
        ("g c", f"{LIST}costs/"),
        ("g h", "/admin/"),
    ):
        press(page, keys)
        page.wait_for_url(f"**{where}")
        page.wait_for_function("window.Alpine !== undefined")


def test_keys_are_letters_where_one_writes(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    visit.open(BOARD)
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.type("gtjkxmeoc?")
    expect(page.locator("#searchbar")).to_have_value("gtjkxmeoc?")
    page.get_by_label("Team").focus()
    page.keyboard.type("c")
    page.keyboard.press("Control+k")
    expect(page.locator("#search-input-command")).to_be_focused()  # it opens first
    page.keyboard.type("gb")
    expect(page.locator("#search-input-command")).to_have_value("gb")
    assert page.url.endswith(BOARD)


def test_the_dialog_of_keys_opens_above_everything_and_closes(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    visit.open(BOARD)
    page.keyboard.press("Shift+?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    press(page, "j x m e c")  # nothing below it moves
    expect(page.locator("[data-picked]")).to_have_count(0)
    assert page.url.endswith(BOARD)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_dialogs_buttons_take_no_letters(visit: Visit, tasks: list[Task]) -> None:
    """The frame's own keys would leave the page: c for a new task, [ for the sidebar."""
    page = visit.page
    visit.open(f"{LIST}?team=sales")
    page.get_by_role("button", name="Save this view").click()
    page.locator("#save-view").get_by_role("button", name="Not now").focus()
    press(page, "c [ j")
    expect(page.locator("#save-view")).to_be_visible()
    assert page.url.endswith("?team=sales")


def test_c_creates_on_lists_and_comments_on_a_task(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    visit.open(f"{LIST}{tasks[0].pk}/change/")
    page.keyboard.press("c")
    expect(page.locator("#comment-body")).to_be_focused()
    for where in (LIST, BOARD):
        visit.open(where)
        page.keyboard.press("c")
        page.wait_for_url("**/add/**")


def test_the_focus_can_be_seen(visit: Visit, tasks: list[Task]) -> None:
    visit.open(BOARD)
    visit.page.keyboard.press("j")
    shadow = visit.page.locator("[data-task]:focus-within").evaluate(
        "card => getComputedStyle(card).boxShadow"
    )
    assert shadow != "none"


def test_a_view_is_saved_renamed_and_thrown_away(visit: Visit, tasks: list[Task]) -> None:
    page = visit.page
    make_task(title="Late", due_at=timezone.now() - timedelta(hours=1))
    visit.open(f"{LIST}?due=overdue")
    page.get_by_role("button", name="Save this view").click()
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Late ones")
    page.keyboard.press("Enter")
    chip = page.locator(".mc-saved-view", has_text="Late ones")
    expect(chip).to_be_visible()
    page.get_by_role("button", name="Change “Late ones”").click()
    form = page.locator(":popover-open")
    form.get_by_label("Name").fill("Overdue")
    form.get_by_label("Everyone sees it").check()
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Overdue” is saved for everyone.")).to_be_visible()
    page.get_by_role("button", name="Change “Overdue”").click()
    page.locator(":popover-open").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("“Overdue” is deleted.")).to_be_visible()
    expect(page.locator(".mc-saved-view")).to_have_count(0)
