"""One open stream: what it wants, what waits for it, and how far it is."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from alai.kernel.principals import Principal
from alai.kernel.streams.source import Item, Position, Source, Wanted

QUEUE_LIMIT = 1000
OFFER = "alai.stream"  # the key of the server's offer in the WSGI environ


@dataclass(eq=False)
class Subscription:
    """A listener. Events that it cannot take in time are not kept for it: it reads them from the table later."""

    source: Source
    wanted: list[Wanted]
    position: Position
    principal: Principal
    check: Callable[[], Principal | None]  # asks the database again; in a thread
    queue: list[Item] = field(default_factory=list)
    behind: bool = True  # it has to read the table before it can follow
    refused: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def suits(self, item: Item) -> bool:
        return all(item.suits(wanted) for wanted in self.wanted)

    def offer(self, items: Sequence[Item]) -> None:
        """Queue what it wants; forget the queue when it is too slow."""
        suitable = [] if self.behind else [item for item in items if self.suits(item)]
        if not suitable:
            return
        if len(self.queue) + len(suitable) > QUEUE_LIMIT:
            self.queue, self.behind = [], True
        else:
            self.queue.extend(suitable)
        self.woken.set()

    def take(self) -> list[Item]:
        """All that waits, without what was read from the table already."""
        items, self.queue = self.queue, []
        self.woken.clear()
        return [item for item in items if item.position > self.position]

    def follow(self) -> None:
        """From now on new events queue up, while the table is read up to them."""
        self.queue, self.behind = [], False

    @property
    def is_idle(self) -> bool:
        return not self.queue and not self.behind and not self.refused

    def refuse(self) -> None:
        self.refused = True
        self.woken.set()


@dataclass
class Offer:
    """What the ASGI server lays into the environ: it will take a subscription over, if it has room."""

    has_room: bool
    subscription: Subscription | None = None
