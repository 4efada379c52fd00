"""What needs a person now: a registry that every app adds to, and the home page reads.

    def waiting(request) -> Found: ...
    needs.register("acceptance", waiting)          # in the app's `admin` package

A provider answers for the person who asks: it checks permissions itself, and reads a bounded number of rows.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db import DatabaseError
from django.http import HttpRequest

logger = logging.getLogger(__name__)

Tone = Literal["danger", "warning", "info", "success", "unknown"]
SHOWN = 2  # of one kind; the rest is a link
COUNT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Action:
    """A button beside the fact. `post` actions send their `fields`; one with `ask` asks for a reason first."""

    label: str
    url: str
    post: bool = False
    primary: bool = False
    ask: str = ""
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing: a tag in a word, a sentence, what else is worth knowing, and what to do about it."""

    tag: str
    tone: Tone
    sentence: str
    subject: str = ""
    meta: str = ""
    url: str = ""
    since: datetime | None = None
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a provider found: the most pressing few, how many there are in all, and where the rest is."""

    needs: Sequence[Need] = ()
    total: int = 0
    url: str = ""
    more: str = ""

    @property
    def hidden(self) -> int:
        return max(0, self.total - len(self.needs))


NOTHING = Found()
Provider = Callable[[HttpRequest], Found]
_providers: dict[str, tuple[int, Provider]] = {}


def register(name: str, provider: Provider, *, weight: int = 50) -> None:
    """Add a provider; a higher weight stands further up."""
    _providers[name] = (weight, provider)


def unregister(name: str) -> None:
    _providers.pop(name, None)


def collect(request: HttpRequest) -> list[Found]:
    """What every provider found, the weightiest first. One that fails is logged and stops no other."""
    ordered = sorted(_providers.items(), key=lambda item: -item[1][0])
    found = [_ask(name, provider, request) for name, (_, provider) in ordered]
    return [answer for answer in found if answer.total]


def _ask(name: str, provider: Provider, request: HttpRequest) -> Found:
    try:
        return provider(request)
    except DatabaseError:
        logger.exception("What needs somebody could not be found", extra={"provider": name})
        sentence = f"It could not be found out what {name} needs; the log says why."
        return Found([Need("Unknown", "unknown", sentence)], 1)
