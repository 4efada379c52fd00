"""How an endpoint opens a stream: the caller was checked like any other, then the connection changes hands."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from alai.kernel import pagination
from alai.kernel.auth import authenticate
from alai.kernel.errors import Forbidden, Invalid, Unavailable
from alai.kernel.principals import Principal
from alai.kernel.streams.source import Page, Position, Row, Source, Wanted, mark
from alai.kernel.streams.subscription import OFFER, Offer, Subscription

RETRY = b"retry: 2000\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
STREAM_REPLY: dict[str, Any] = {
    "description": (
        "Server-Sent Events. Each has an `id` to go on from (`Last-Event-ID`) and JSON `data`; "
        "a comment every 15 seconds keeps the connection, an `id` without data moves the position on."
    ),
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


def open_stream(
    request: HttpRequest, principal: Principal, source: Source, wanted: Sequence[Wanted], last_event_id: str
) -> HttpResponse:
    """The beginning of the stream, after `last_event_id` or from now on.

    A plain WSGI server cannot hold streams open: there the reply ends after what is there already, and an
    EventSource asks again two seconds later.
    """
    _same_origin(request, principal)
    position = _position(last_event_id)
    offer: Offer | None = request.META.get(OFFER)
    if offer is None:
        return _reply(_present(source, list(wanted), position))
    if not offer.has_room:
        raise Unavailable(
            "Too many streams are open; try again later.",
            code="too_many_streams",
            headers={"Retry-After": "10"},
        )
    offer.subscription = Subscription(source, list(wanted), position, principal, _asking_again(request))
    return _reply(mark(position))


def _reply(frames: bytes) -> HttpResponse:
    return HttpResponse(RETRY + frames, content_type="text/event-stream; charset=utf-8", headers=HEADERS)


def _same_origin(request: HttpRequest, principal: Principal) -> None:
    """A session's cookie comes along whoever asks: another site's page may not listen."""
    if not principal.is_session:
        return
    origin = request.headers.get("Origin", "")
    elsewhere = bool(origin) and urlsplit(origin).netloc != request.get_host()
    if elsewhere or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("A session's stream opens from its own pages only.", code="cross_origin")


def _position(last_event_id: str) -> Position:
    if not last_event_id:
        return pagination.safe_xid(), 0
    try:
        return pagination.decode_position(last_event_id)
    except Invalid as error:
        raise Invalid(
            "Last-Event-ID is not one that this stream sent; start again without it.",
            code=error.code,
            errors=[{"loc": ["header", "Last-Event-ID"], "msg": "not a position of this stream"}],
        ) from None


def _present(source: Source, wanted: list[Wanted], position: Position) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(source.sql, source.parameters(position))
        names = [column.name for column in cursor.description or ()]
        rows: list[Row] = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    page = Page.of(source, rows, position)
    frames = [item.frame for item in page.items if all(item.suits(one) for one in wanted)]
    return b"".join([*frames, mark(page.end)])


def _asking_again(request: HttpRequest) -> Callable[[], Principal | None]:
    """Judges the request's credentials anew, as they stand in the database by then."""
    authorization = request.headers.get("Authorization", "")
    session_key = None if authorization else request.session.session_key
    cookies = request.COOKIES.copy()

    def check() -> Principal | None:
        fresh = HttpRequest()
        if authorization:
            fresh.META["HTTP_AUTHORIZATION"] = authorization
        else:
            fresh.COOKIES = cookies
            fresh.session = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(session_key)
            fresh.user = get_user(fresh)
        return authenticate(fresh)

    return check
