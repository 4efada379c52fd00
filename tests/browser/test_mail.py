"""Hostile mail in a real browser: no script runs, no request leaves, and the page still reads well."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from inbox import services
from inbox.access import SYSTEM
from inbox.models import Account, Message
from tests.browser.conftest import Visit
from tests.inbox.mails import eml

HOSTILE = """
<body onload="fetch('{0}/onload')"><script>fetch('{0}/script')</script>
<img src="{0}/pixel.png" onerror="fetch('{0}/e')">
<style>@import url({0}/css); p {{ background: url({0}/style) }}</style><p style="background:url({0}/bg)">Verify now</p>
<a href="{0}/link" ping="{0}/ping">https://bank.example</a><form action="{0}/form"><button>Go</button></form>
<iframe src="{0}/frame"></iframe><object data="{0}/object"></object><embed src="{0}/embed">
<video src="{0}/video"></video>
<svg onload="fetch('{0}/svg')"><image href="{0}/image"/></svg><link rel="stylesheet" href="{0}/sheet">
<meta http-equiv="refresh" content="0;url={0}/meta"><base href="{0}/base/">
<img srcset="{0}/srcset 2x" src="relative.png">
<input type="image" src="{0}/input"><table background="{0}/table"><tr><td>cell</td></tr></table>
"""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server that remembers what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def test_a_hostile_message_runs_and_fetches_nothing(visit: Visit, elsewhere: tuple[str, list[str]]) -> None:
    address, asked = elsewhere
    account = Account.objects.create(address="post@company.example")
    raw = eml("Verify your account", html=HOSTILE.format(address))
    services.store_message(account=account, raw=raw, fetched=False, by=SYSTEM)
    services.triage_waiting(seconds=10)
    message = Message.objects.get()
    visit.open(f"/admin/inbox/message/{message.pk}/change/")
    frame = visit.page.frame_locator("iframe.mc-mail")
    frame.get_by_text("Verify now").wait_for()
    frame.get_by_text("https://bank.example").click()
    visit.page.wait_for_timeout(500)
    assert asked == []
    assert visit.page.url.endswith("/change/")
    assert len(visit.page.frames) == 2  # the page and the message, nothing inside of that
    visit.page.set_viewport_size({"width": 390, "height": 844})
    assert visit.overflow() <= 0


def test_it_is_as_harmless_when_opened_by_itself(visit: Visit, elsewhere: tuple[str, list[str]]) -> None:
    address, asked = elsewhere
    account = Account.objects.create(address="post@company.example")
    services.store_message(account=account, raw=eml(html=HOSTILE.format(address)), fetched=False, by=SYSTEM)
    services.triage_waiting(seconds=10)
    reply = visit.page.goto(f"{visit.base}/admin/inbox/message/{Message.objects.get().pk}/body/")
    assert reply is not None
    visit.page.wait_for_timeout(500)
    assert asked == []
    assert visit.page.evaluate("document.forms.length") == 0
    visit.open("/admin/inbox/message/?status=all")
    visit.open("/admin/inbox/mail/figures/")
