"""The admin in a real browser: nothing breaks the content policy, nothing overflows a phone, buttons and keys work."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from playwright.sync_api import expect

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from alai.kernel.principals import Principal
from alai.kernel.tokens import rotate
from missioncontrol import services
from missioncontrol.models import Priority, Task
from tests.browser.conftest import Visit
from tests.cast import make_task

JOHN = Principal(actor="john", scopes=frozenset({"tasks:write"}))
PAGES = [
    "/admin/", "/admin/missioncontrol/task/", "/admin/missioncontrol/task/?status=ready",
    "/admin/missioncontrol/task/add/", "/admin/missioncontrol/task/board/",
    "/admin/missioncontrol/task/flow/", "/admin/missioncontrol/task/costs/",
    "/admin/kernel/token/", "/admin/kernel/token/add/", "/admin/kernel/actor/",
    "/admin/kernel/auditentry/", "/admin/kernel/notification/", "/admin/kernel/retention/", "/admin/auth/user/",
    "/admin/auth/group/add/", "/admin/django_celery_beat/periodictask/", "/admin/django_celery_beat/periodictask/add/",
    "/admin/django_celery_beat/crontabschedule/add/", "/admin/axes/accessattempt/", "/admin/password_change/",
    "/admin/kernel/session/", "/admin/account/", "/admin/account/two-factor/", "/admin/account/tokens/",
    "/admin/account/tokens/new/",
]  # fmt: skip


@pytest.fixture
def ledger(transactional_db: None) -> Task:
    """A held and overdue task with a history, a ready one, and an agent with a token."""
    task = make_task(
        title="Write the tender for the harbour and everything that belongs to it",
        description="See https://example.com/a/very/long/address/" + "x" * 120,
        priority=Priority.CRITICAL,
        due_at=timezone.now() - timedelta(hours=5),
        tags=["tender", "harbour"],
    )
    make_task(title="Ask the customer", status="ready")
    services.claim_task(by=JOHN, task_id=task.pk, session="abc123", ttl=timedelta(minutes=10))
    services.add_comment(by=JOHN, task_id=task.pk, body="Half of it is written. " + "word " * 60)
    john = Actor.objects.create(name="john", owner=User.objects.get(username="ada"))
    token, _ = issue_token(
        actor=john, scopes=["tasks:read", "tasks:write"], name="a laptop in the office", teams=["x" * 80]
    )
    rotate(by=Principal(actor="ada", is_session=True), token_id=token.pk)
    return task


def test_pages_fit_a_desk_and_a_phone(visit: Visit, ledger: Task) -> None:
    schedule = PeriodicTask.objects.values_list("pk", flat=True)[0]
    own = [
        f"/admin/missioncontrol/task/{ledger.pk}/change/",
        f"/admin/missioncontrol/task/{ledger.pk}/edit/",
        f"/admin/django_celery_beat/periodictask/{schedule}/change/",
    ]
    wide = []
    for width in (1440, 390):
        visit.page.set_viewport_size({"width": width, "height": 844})
        for path in PAGES + own:
            visit.open(path)
            if visit.overflow() > 0:
                wide.append((path, width, visit.overflow()))
    assert wide == []


def test_an_empty_installation_fits_a_phone(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    for path in (
        "/admin/",
        *(f"/admin/missioncontrol/task/{page}" for page in ("", "board/", "flow/", "costs/")),
    ):
        visit.open(path)
        assert visit.overflow() == 0, path


def test_an_action_asks_why_and_tells_what_it_did(visit: Visit, ledger: Task) -> None:
    visit.open(f"/admin/missioncontrol/task/{ledger.pk}/change/")
    expect(visit.page.get_by_text("held by john:abc123")).to_be_visible()
    visit.page.get_by_role("button", name="Cancel…").click()
    dialog = visit.page.locator("#do-cancel")
    expect(dialog).to_contain_text("say why you take it over")
    dialog.get_by_label("Why").fill("The customer left.")
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    expect(visit.page.get_by_text("It is cancelled; it can be reopened.")).to_be_visible()
    expect(visit.page.get_by_text("The customer left.")).to_be_visible()
    ledger.refresh_from_db()
    assert (ledger.status, ledger.lease_actor) == ("cancelled", "")


def test_home_greets_whoever_signs_in_and_its_buttons_act(visit: Visit, ledger: Task) -> None:
    visit.page.context.clear_cookies()
    visit.sign_in()
    visit.open("/admin/")
    expect(visit.page.get_by_role("heading", name="Ada.")).to_be_visible()
    visit.page.get_by_role("button", name="Accept").first.click()
    expect(visit.page.get_by_text("cannot be done yet")).to_be_visible()
    assert visit.page.url.endswith("/admin/")


def test_home_stays_fresh_while_it_is_looked_at(visit: Visit, ledger: Task) -> None:
    with visit.apart() as page:
        page.clock.install()
        page.goto(f"{visit.base}/admin/")
        make_task(title="Come at once", status="ready")
        page.clock.run_for(21_000)
        expect(page.locator("#mc-needs")).to_contain_text("Come at once")


def test_the_palette_finds_a_task_by_its_beginning(visit: Visit, ledger: Task) -> None:
    visit.open("/admin/")
    visit.page.keyboard.press("Control+k")
    visit.page.locator("#search-input-command").press_sequentially("harb")
    expect(visit.page.locator("#command-results-list")).to_contain_text(f"#{ledger.pk}")


@pytest.mark.parametrize("patient", [True, False])
def test_enter_in_the_palette_goes_to_the_first_thing_found(
    patient: bool, visit: Visit, ledger: Task
) -> None:
    visit.open("/admin/")
    visit.page.keyboard.press("Control+k")
    visit.page.locator("#search-input-command").press_sequentially(f"#{ledger.pk}")
    if patient:
        expect(visit.page.locator("#command-results-list li.active")).to_contain_text(f"#{ledger.pk}")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url(f"**/task/{ledger.pk}/change/")


def test_enter_in_the_palette_stays_where_nothing_is_found(visit: Visit, ledger: Task) -> None:
    visit.open("/admin/")
    visit.page.keyboard.press("Control+k")
    visit.page.locator("#search-input-command").press_sequentially("xyzzy nothing")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#command-results-list")).to_contain_text("Nothing matched")
    visit.page.keyboard.press("Enter")
    assert visit.page.url.endswith("/admin/")


def test_choosing_a_file_as_evidence_breaks_no_script(visit: Visit, ledger: Task, tmp_path: Path) -> None:
    (tmp_path / "proof.txt").write_text("it works")
    visit.open(f"/admin/missioncontrol/task/{ledger.pk}/change/")
    field = visit.page.locator("input[type=file]").first
    field.set_input_files(tmp_path / "proof.txt")
    assert field.input_value().endswith("proof.txt")


def test_keys_walk_the_list_and_open_a_task(visit: Visit, ledger: Task) -> None:
    visit.open("/admin/missioncontrol/task/")
    visit.page.keyboard.press("j")
    visit.page.keyboard.press("j")
    expect(visit.page.locator("tr.mc-at")).to_contain_text(f"#{ledger.pk}")
    visit.page.keyboard.press("e")
    visit.page.wait_for_url("**/edit/**")
    visit.page.go_back()
    visit.page.keyboard.press("Shift+?")
    expect(visit.page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_a_related_record_opens_in_a_frame(visit: Visit) -> None:
    visit.open("/admin/django_celery_beat/periodictask/add/")
    visit.page.evaluate("document.querySelector('#add_id_interval').click()")
    frame = visit.page.frame_locator("iframe.related-modal-frame")
    expect(frame.locator("[name=every]")).to_be_visible()


def test_reading_without_scripts_works(visit: Visit, ledger: Task) -> None:
    with visit.apart(java_script_enabled=False) as page:
        page.goto(f"{visit.base}/admin/missioncontrol/task/{ledger.pk}/change/")
        expect(page.get_by_text("held by john:abc123")).to_be_visible()
        page.get_by_label("Comment").fill("Written without scripts.")
        page.get_by_role("button", name="Comment", exact=True).click()
        expect(page.get_by_text("Written without scripts.")).to_be_visible()
