"""The board in a real browser: dragging, keys, questions, refusals, and what others do showing up by itself."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from alai.kernel.principals import Principal
from missioncontrol import services
from missioncontrol.models import Task
from tests.browser.conftest import Visit, in_both_colours
from tests.cast import make_task
from tests.serving import served

JOHN = Principal(actor="john", scopes=frozenset({"tasks:write"}))
BOARD = "/admin/missioncontrol/task/board/"


@pytest.fixture
def ledger(transactional_db: None) -> dict[str, Task]:
    held = make_task(title="Held by a session", team="ops")
    services.claim_task(by=JOHN, task_id=held.pk, session="abc123", ttl=timedelta(minutes=10))
    return {
        "open": make_task(title="Write the tender", team="sales"),
        "other": make_task(title="Ask the customer", team="sales"),
        "ready": make_task(title="Send the invoice", status="ready"),
        "held": held,
    }


def card(page: Page, task: Task) -> str:
    return f"#mc-card-{task.pk}"


def column(status: str) -> str:
    return f"#mc-column-{status}"


def drag(page: Page, task: Task, status: str) -> None:
    page.drag_and_drop(card(page, task), column(status))


def stands_in(page: Page, task: Task, status: str) -> None:
    expect(page.locator(f"{column(status)} {card(page, task)}")).to_be_visible()


def status_of(task: Task) -> str:
    task.refresh_from_db()
    return task.status


@in_both_colours
def test_a_dragged_card_is_moved_and_moved_back(visit: Visit, ledger: dict[str, Task]) -> None:
    task, page = ledger["open"], visit.page
    visit.open(BOARD)
    drag(page, task, "paused")
    expect(page.locator("#mc-says")).to_contain_text(f"#{task.pk}: It is paused.")
    stands_in(page, task, "paused")
    assert status_of(task) == "paused"
    assert task.events.get().actor == "ada"
    page.get_by_role("button", name="Undo").click()
    stands_in(page, task, "open")
    expect(page.locator("#mc-says")).to_contain_text("It is open again.")
    assert status_of(task) == "open"


def test_done_without_evidence_goes_back_and_says_what_is_missing(
    visit: Visit, ledger: dict[str, Task]
) -> None:
    task, page = ledger["open"], visit.page
    visit.open(BOARD)
    drag(page, task, "done")
    dialog = page.get_by_role("dialog", name=f"Done: #{task.pk}")
    expect(dialog).to_contain_text("at least one piece of evidence")
    stands_in(page, task, "open")
    dialog.get_by_role("button", name="Not now").click()
    stands_in(page, task, "open")
    assert status_of(task) == "open"

    drag(page, task, "done")
    dialog.get_by_label("What proves it").fill("https://example.com/proof")
    dialog.get_by_role("button", name="Done").click()
    stands_in(page, task, "done")
    expect(page.locator("#mc-says")).to_contain_text("It is done.")
    assert status_of(task) == "done"
    visit.complaints.clear()  # the browser notes each refusal (422) as an error of its own


def test_a_held_card_asks_why(visit: Visit, ledger: dict[str, Task]) -> None:
    task, page = ledger["held"], visit.page
    visit.open(BOARD)
    expect(page.locator(card(page, task))).to_contain_text("john 10 min left")
    drag(page, task, "blocked")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("john:abc123 holds it: say why you take it over.")
    dialog.get_by_label("Why").fill("The customer called.")
    dialog.get_by_role("button", name="Block").click()
    stands_in(page, task, "blocked")
    expect(page.locator(card(page, task))).not_to_contain_text("min left")
    assert status_of(task) == "blocked"
    assert task.events.get(kind="blocked").why == "The customer called."


def test_a_way_that_there_is_not_is_said(visit: Visit, ledger: dict[str, Task]) -> None:
    task, page = ledger["ready"], visit.page
    visit.open(BOARD)
    drag(page, task, "paused")
    expect(page.locator("#mc-says")).to_contain_text(
        "is ready and cannot go to Paused. It can go to Open, Done."
    )
    stands_in(page, task, "ready")


def test_what_the_server_refuses_goes_back(visit: Visit, ledger: dict[str, Task]) -> None:
    task, page = ledger["open"], visit.page
    visit.open(BOARD)
    page.route("**/act/**", lambda route: route.abort())
    drag(page, task, "paused")
    expect(page.locator("#mc-says")).to_contain_text("The server did not answer; nothing was changed.")
    stands_in(page, task, "open")
    visit.complaints.clear()


def test_cards_are_walked_and_moved_without_a_mouse(visit: Visit, ledger: dict[str, Task]) -> None:
    page = visit.page
    visit.open(BOARD)
    page.keyboard.press("j")
    expect(page.locator(f"{card(page, ledger['open'])} a").first).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator(f"{card(page, ledger['other'])} a").first).to_be_focused()
    page.keyboard.press("l")
    expect(page.locator(f"{card(page, ledger['held'])} a").first).to_be_focused()
    page.keyboard.press("h")
    page.keyboard.press("m")
    menu = page.get_by_role("menu", name="Move to")
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    expect(menu).to_contain_text("Paused")
    page.keyboard.press("2")
    expect(page.locator("#mc-says")).to_contain_text("It is paused.")
    stands_in(page, ledger["open"], "paused")
    expect(page.locator(f"{card(page, ledger['open'])} a").first).to_be_focused()
    assert status_of(ledger["open"]) == "paused"
    page.keyboard.press("z")
    expect(page.locator("#mc-says")).to_contain_text("It is open again.")
    assert status_of(ledger["open"]) == "open"
    page.keyboard.press("e")
    page.wait_for_url(f"**/{ledger['open'].pk}/edit/**")


def test_several_cards_are_moved_at_once(visit: Visit, ledger: dict[str, Task]) -> None:
    page = visit.page
    visit.open(BOARD)
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("m")
    page.get_by_role("menuitem", name="Blocked").click()
    dialog = page.get_by_role("dialog", name="Block: 2 tasks")
    dialog.get_by_label("Why").fill("The customer is away.")
    page.keyboard.press("Enter")
    expect(page.locator("#mc-says")).to_contain_text("2 moved to Blocked.")
    assert {status_of(ledger["open"]), status_of(ledger["other"])} == {"blocked"}


def test_what_others_do_shows_up_by_itself(visit: Visit, ledger: dict[str, Task]) -> None:
    """On the real server, whose streams stay open; the focus stays where it was."""
    task = ledger["open"]
    with served() as base:
        visit.base = base.replace("127.0.0.1", "localhost")  # where she is signed in: cookies know no ports
        visit.open(f"{BOARD}?team=sales")
        expect(visit.page.get_by_text("Live", exact=True)).to_be_visible()
        visit.page.evaluate("window.untouched = true")
        visit.page.locator(f"{card(visit.page, ledger['other'])} a").first.focus()
        services.claim_task(by=JOHN, task_id=task.pk, session="abc123", ttl=timedelta(minutes=10))
        stands_in(visit.page, task, "in_progress")
        expect(visit.page.locator(card(visit.page, task))).to_contain_text("john 10 min left")
        expect(visit.page.locator("#mc-title-open")).to_contain_text("1")
        new = make_task(title="Come at once", team="sales")
        services.add_comment(by=JOHN, task_id=new.pk, body="Look.")
        stands_in(visit.page, new, "open")
        expect(visit.page.locator(f"{card(visit.page, ledger['other'])} a").first).to_be_focused()
        assert visit.page.evaluate("window.untouched")
        visit.page.goto("about:blank")
    visit.complaints.clear()  # streams that the server's end cut off


def test_a_phone_swipes_through_the_columns(visit: Visit, ledger: dict[str, Task]) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.open(BOARD)
    assert visit.overflow() == 0
    wide = visit.page.evaluate(
        "(board => board.scrollWidth > board.clientWidth)(document.getElementById('mc-board'))"
    )
    assert wide
    visit.page.locator(f"{card(visit.page, ledger['open'])} [data-move]").click()
    visit.page.get_by_role("menuitem", name="Paused").click()
    expect(visit.page.locator("#mc-says")).to_contain_text("It is paused.")


def test_without_scripts_a_card_leads_to_its_page(visit: Visit, ledger: dict[str, Task]) -> None:
    with visit.apart(java_script_enabled=False) as page:
        page.goto(f"{visit.base}{BOARD}")
        page.get_by_label("Team").select_option("sales")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator(card(page, ledger["held"]))).to_have_count(0)
        page.get_by_role("button", name=f"Move #{ledger['open'].pk}").click()
        expect(page.get_by_role("heading", name="Write the tender")).to_be_visible()
        page.get_by_role("link", name="← Board").click()
        assert page.url.endswith(f"{BOARD}?team=sales")
