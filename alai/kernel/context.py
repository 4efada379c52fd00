"""Who is acting, for what request, and why: carried in a context variable from the door to the audit entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Acting:
    """The author of what happens now. Empty strings mean "not known"."""

    actor: str = ""
    on_behalf_of: str = ""
    request_id: str = ""
    why: str = ""
    trace_id: str = ""
    span_id: str = ""


_acting: ContextVar[Acting] = ContextVar("acting", default=Acting())  # noqa: B039 - frozen


def current() -> Acting:
    return _acting.get()


def assume(acting: Acting) -> None:
    """Replace the context for the rest of this thread's request or job."""
    _acting.set(acting)


@contextmanager
def acting(**changes: str) -> Iterator[Acting]:
    """Act with some fields changed, e.g. `with acting(actor="john", why="stuck lease"):`."""
    token = _acting.set(replace(_acting.get(), **changes))
    try:
        yield _acting.get()
    finally:
        _acting.reset(token)


def evolve(**changes: str) -> Acting:
    """The current context with some fields changed."""
    return replace(_acting.get(), **changes)
