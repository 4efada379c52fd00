"""All open streams of a process: one poller a source, only while somebody listens, fanned out to them.

No LISTEN/NOTIFY: in the write path it costs most of the claims a second, and it does not pass PgBouncer.
"""

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import Executor
from typing import Any

import psycopg
from django.conf import settings
from django.db import close_old_connections

from alai.kernel.principals import Principal
from alai.kernel.streams.reader import Reader
from alai.kernel.streams.source import Position, Source, mark
from alai.kernel.streams.subscription import Subscription
from alai.kernel.wsgi_bridge import PIECE, Message, Receive, Send

logger = logging.getLogger(__name__)

MAX_STREAMS = 1000  # of one process
POLL_SECONDS = 0.2
STALL_SECONDS = 30.0
PATIENCE_SECONDS = 1.0  # after an error of the database


class Feed:
    """A source's listeners, and how far its table has been read for them."""

    def __init__(self, source: Source, reader: Reader) -> None:
        self.source = source
        self.reader = reader
        self.listeners: set[Subscription] = set()
        self.head: Position = (0, 0)
        self.read = asyncio.Event()  # that `head` is known
        self.running = False

    async def follow(self) -> None:
        """Read on and fan out until nobody listens."""
        while self.listeners:
            started = asyncio.get_running_loop().time()
            try:
                complete = await self._step()
            except Exception as error:  # a poller that died would leave its listeners waiting for good
                logger.warning("The stream of %s waits for the database: %s", self.source.name, error)
                complete = True
                await asyncio.sleep(PATIENCE_SECONDS)
            if complete:
                spent = asyncio.get_running_loop().time() - started
                await asyncio.sleep(max(0.01, POLL_SECONDS - spent))
        self.running = False
        self.read.clear()

    async def _step(self) -> bool:
        if not self.read.is_set():  # where the table ends now; older rows are for each listener to read
            self.head = (await self.reader.page(self.source, (0, 0), limit=0)).end
            self.read.set()
            return True
        page = await self.reader.page(self.source, self.head)
        self.head = page.end
        for listener in self.listeners if page.items else ():
            listener.offer(page.items)
        return page.complete


class Hub:
    """Serves subscriptions; `threads` check from time to time that their callers may still listen."""

    def __init__(self, threads: Executor) -> None:
        self.threads = threads
        self.open = 0
        self._feeds: dict[str, Feed] = {}
        self._poll, self._catch_up = Reader("stream"), Reader("stream catch-up")
        self._tasks: set[asyncio.Task[None]] = set()
        self._guarding = False

    @property
    def has_room(self) -> bool:
        return self.open < MAX_STREAMS

    async def serve(self, subscription: Subscription, receive: Receive, send: Send) -> None:
        """Send events until the client leaves, stalls or may no longer listen. The reply has begun already."""
        self.open += 1
        feed = self._join(subscription)
        leaving = asyncio.create_task(_left(receive))
        telling = asyncio.create_task(self._tell(feed, subscription, send))
        try:
            await asyncio.wait((leaving, telling), return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
        except TimeoutError:
            return  # the client does not read
        finally:
            leaving.cancel()
            telling.cancel()
            feed.listeners.discard(subscription)
            self.open -= 1

    def _join(self, subscription: Subscription) -> Feed:
        source = subscription.source
        feed = self._feeds.setdefault(source.name, Feed(source, self._poll))
        feed.listeners.add(subscription)
        if not feed.running:
            feed.running = True
            self._start(feed.follow())
        if not self._guarding:
            self._guarding = True
            self._start(self._guard())
        return feed

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop itself would let it be collected
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, feed: Feed, subscription: Subscription, send: Send) -> None:
        while not subscription.refused:
            if subscription.behind:
                await self._read_up(feed, subscription, send)
                continue
            items = subscription.take()
            if items:
                subscription.position = items[-1].position
                await _write(send, b"".join(item.frame for item in items))
            elif not await _wake(subscription) and subscription.is_idle:
                # All up to the head has been told or is not for this listener.
                subscription.position = max(subscription.position, feed.head)
                await _write(send, b": still here\n" + mark(subscription.position))
        await _write(send, b": ask again with valid credentials\nretry: 5000\n\n")

    async def _read_up(self, feed: Feed, subscription: Subscription, send: Send) -> None:
        """Read the table from the listener's position to the head; what is newer queues up meanwhile."""
        subscription.follow()
        await feed.read.wait()
        head = feed.head
        while subscription.position < head and not subscription.behind and not subscription.refused:
            try:
                page = await self._catch_up.page(feed.source, subscription.position)
            except (psycopg.Error, OSError):
                await asyncio.sleep(PATIENCE_SECONDS)
                continue
            frames = [item.frame for item in page.items if subscription.suits(item)]
            subscription.position = page.end
            await _write(send, b"".join([*frames, mark(page.end)]))

    async def _guard(self) -> None:
        """End the streams of tokens and sessions that expired, were revoked or lost a scope."""
        loop = asyncio.get_running_loop()
        while listeners := [one for feed in self._feeds.values() for one in feed.listeners]:
            pause = settings.STREAM_CHECK_SECONDS / len(listeners)
            for listener in listeners:
                await asyncio.sleep(pause)
                if not await loop.run_in_executor(self.threads, _may_listen, listener):
                    listener.refuse()
        self._guarding = False
        await self._poll.close()
        await self._catch_up.close()


def _may_listen(subscription: Subscription) -> bool:
    """False when its caller is not the one any more that opened it. A database that is away decides nothing."""
    try:
        now: Principal | None = subscription.check()
    except Exception:
        logger.warning("A stream's caller could not be checked", exc_info=True)
        return True
    finally:
        close_old_connections()
    return now == subscription.principal


async def _left(receive: Receive) -> None:
    message: Message = {}
    while message.get("type") != "http.disconnect":
        message = await receive()


async def _wake(subscription: Subscription) -> bool:
    """Wait for events; False when it is time for a heartbeat."""
    try:
        async with asyncio.timeout(settings.STREAM_HEARTBEAT_SECONDS):
            await subscription.woken.wait()
    except TimeoutError:
        return False
    return True


async def _write(send: Send, frames: bytes) -> None:
    """In pieces, since the server holds some of them for a client that does not read."""
    for start in range(0, len(frames), PIECE):
        async with asyncio.timeout(STALL_SECONDS):
            await send(
                {"type": "http.response.body", "body": frames[start : start + PIECE], "more_body": True}
            )
