"""The callable that the web server runs: `granian --interface asginl alai.asgi:application`.

Everything is Django's WSGI application in threads (pure Django ASGI serves a tenth of the requests a second);
a request that Django answers with a stream goes on here, in the event loop, without a thread.
"""

import gc
import resource
from functools import cached_property

from django.conf import settings
from django.urls import get_resolver

from alai.kernel.streams.hub import Hub
from alai.kernel.streams.subscription import OFFER, Offer
from alai.kernel.wsgi_bridge import Receive, Scope, Send, WSGIBridge
from alai.wsgi import application as django

STREAM = "/stream"
YOUNG_OBJECTS = (10_000, 10, 20)  # Python's own 2,000, 10, 10 walk a large page's objects again and again
OPEN_FILES = 4096  # a process; macOS begins with 256


class Application:
    def __init__(self) -> None:
        _allow_open_files()
        self.bridge = WSGIBridge(django, threads=settings.WEB_THREADS)

    @cached_property
    def hub(self) -> Hub:
        return Hub(self.bridge.pool)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served here")
        if scope["method"] == "GET" and scope["path"].endswith(STREAM):
            await self.stream(scope, receive, send)
        else:
            await self.bridge(scope, receive, send)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Django says whether and what; a refusal is an ordinary reply."""
        offer = Offer(self.hub.has_room)
        reply = await self.bridge.ask(scope, receive, send, **{OFFER: offer})
        if reply is None:
            return
        if offer.subscription is None:
            await self.bridge.tell(reply, send)
            return
        reply.headers = [header for header in reply.headers if header[0] != b"content-length"]
        await send(reply.begin())
        await send({"type": "http.response.body", "body": reply.body, "more_body": True})
        await self.hub.serve(offer.subscription, receive, send)
        await send({"type": "http.response.body", "body": b""})


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def settle() -> None:
    """Load what the first request would load, and leave all of it out of garbage collection from now on.

    It lives as long as the process: walking it stopped every request under way for a fifth of a second now and then.
    What a large page is made of is young when the page is done, so it is looked through less often, too.
    """
    get_resolver().url_patterns  # noqa: B018 - reading it imports every page and every call of the API
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG_OBJECTS)


application = Application()
settle()
