"""Slack's Web API as far as notifications need it: post, open a direct message, find what was posted.

Slack tells what happened in `ok`, not in the HTTP status. Three kinds of failure matter to a sender, and each
is an exception of its own: refused for good, certainly not taken, and nobody knows.
Source: https://docs.slack.dev/reference/methods (chat.postMessage, conversations.{open,history}).
"""

import json
import math
import re
import time
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from alai.kernel import metrics, tls

TEXT_LIMIT = 40_000  # characters
EVENT_TYPE = "alai_notification"
CONNECT_SECONDS = 5.0
CALL_SECONDS = 15.0
TOTAL_SECONDS = 60.0  # one post or one look-up, all its calls together
BODY_LIMIT = 16 * 1024 * 1024
PAGE_SIZE = 200
PAGE_LIMIT = 20
LOOK_AROUND_SECONDS = 3600.0  # wide enough for clocks that disagree
RETRY_AFTER_SECONDS = 30.0  # when Slack names no usable time
RETRY_AFTER_LIMIT = 600.0

# Slack refused before doing anything.
TRY_LATER = {"ratelimited", "rate_limited", "request_timeout", "team_added_to_org", "message_limit_exceeded"}
# "It's possible some aspect of the operation succeeded before the error was raised", say Slack's pages.
MAYBE_DONE = {"internal_error", "fatal_error", "service_unavailable"}
# These are raised before the first byte of a request left.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)


class SlackError(Exception):
    """A call that did not succeed; its text is a reason without secrets. `status` labels the metric."""

    status: ClassVar[str] = "error"


class Refused(SlackError):
    """Slack will not take this, however often it is tried: e.g. channel_not_found."""

    status = "refused"


class NotTaken(SlackError):
    """Certainly not posted; worth another try, after `seconds` if Slack named them."""

    status = "unreachable"

    def __init__(self, reason: str, *, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class RateLimited(NotTaken):
    status = "rate_limited"


class Uncertain(SlackError):
    """It may have been posted: time-out, reset, 5xx, an unreadable answer."""

    status = "uncertain"


def usable_token(token: str) -> str:
    """The token without surrounding blanks; empty when it could not stand in a header."""
    token = token.strip()
    return token if re.fullmatch(r"[!-~]+", token) else ""


def escape(text: str) -> str:
    """Text that strangers wrote, so that it cannot mention (`<!channel>`) or link anything."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Slack:
    """One connection pool to Slack. Use it as a context manager."""

    def __init__(self, *, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._client = httpx.Client(headers={"Authorization": f"Bearer {token}"}, verify=tls.context())
        self._until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def post(self, *, target: str, text: str, key: str, payload: dict[str, Any] | None = None) -> str:
        """Post a message that carries `key` as metadata; answers Slack's ts.

        `target` is a channel id or `user:U123`. Raises Refused, NotTaken or Uncertain.
        """
        self._until = time.monotonic() + TOTAL_SECONDS
        try:
            channel = self._channel(target)
        except Uncertain as error:  # opening a conversation twice harms nobody
            raise NotTaken(str(error)) from None
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
        message = {**(payload or {}), "channel": channel, "text": clip(text), "metadata": metadata}
        return str(self._call("POST", "chat.postMessage", json=message).get("ts", ""))

    def find(self, *, target: str, key: str, near: float) -> str | None:
        """The ts of the message with this key, posted within an hour of `near` (Unix seconds), or None.

        Raises a SlackError when it cannot tell; Refused when asking again will not help.
        """
        self._until = time.monotonic() + TOTAL_SECONDS
        params: dict[str, str | int] = {
            "channel": self._channel(target),
            "oldest": f"{near - LOOK_AROUND_SECONDS:.6f}",
            "latest": f"{near + LOOK_AROUND_SECONDS:.6f}",
            "limit": PAGE_SIZE,
            "include_all_metadata": "true",
        }
        for _ in range(PAGE_LIMIT):
            page = self._call("GET", "conversations.history", params=params)
            if (ts := _found(page, key)) is not None:
                return ts
            cursor = _next_cursor(page)
            if not cursor:
                return None
            params["cursor"] = cursor
        raise Refused(f"the message was not among the {PAGE_LIMIT * PAGE_SIZE} around its time")

    def _channel(self, target: str) -> str:
        if not target.startswith("user:"):
            return target
        reply = self._call("POST", "conversations.open", json={"users": target.removeprefix("user:")})
        channel = reply.get("channel")
        if not isinstance(channel, dict) or not channel.get("id"):
            raise NotTaken("conversations.open named no channel")
        return str(channel["id"])

    def _call(self, verb: str, method: str, **content: Any) -> dict[str, Any]:
        """One counted call; answers the reply's fields when `ok` is true."""
        status = "ok"
        try:
            return self._judge(method, *self._exchange(verb, method, **content))
        except SlackError as error:
            status = error.status
            raise
        finally:
            metrics.external_call("slack", status)

    def _exchange(self, verb: str, method: str, **content: Any) -> tuple[httpx.Response, bytes]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise NotTaken(f"no time was left for {method}")
        timeout = httpx.Timeout(min(CALL_SECONDS, left), connect=min(CONNECT_SECONDS, left))
        try:
            with self._client.stream(verb, f"{self._url}/{method}", timeout=timeout, **content) as response:
                return response, self._read(response)
        except NOT_SENT as error:  # its text may quote our header: name the type only
            raise NotTaken(f"Slack could not be reached ({type(error).__name__})") from None
        except httpx.HTTPError as error:
            raise Uncertain(f"no answer to {method} ({type(error).__name__})") from None

    def _read(self, response: httpx.Response) -> bytes:
        """The body, bounded in size and time: a read time-out alone never ends a trickle."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > BODY_LIMIT or time.monotonic() > self._until:
                raise httpx.ReadTimeout("The answer does not end.")
        return bytes(body)

    def _judge(self, method: str, response: httpx.Response, body: bytes) -> dict[str, Any]:
        if response.status_code == 429:
            raise RateLimited("rate limited", seconds=retry_after(response.headers.get("Retry-After", "")))
        reply = _decoded(body)
        if response.status_code >= 500 or not isinstance(reply.get("ok"), bool):
            raise Uncertain(f"{method} answered HTTP {response.status_code} without a usable result")
        if reply["ok"]:
            return reply
        reason = str(reply.get("error") or "no reason given").replace(self._token, "[TOKEN_OMITTED]")[:200]
        if reason in MAYBE_DONE:
            raise Uncertain(reason)
        if reason in TRY_LATER:
            raise NotTaken(reason)
        raise Refused(reason)


def clip(text: str) -> str:
    """The text within Slack's limit."""
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def retry_after(header: str) -> float:
    """Seconds to wait: the header's, within 1 s and 10 min; 30 s when it holds no number."""
    try:
        seconds = float(header)
    except ValueError:
        return RETRY_AFTER_SECONDS
    if not math.isfinite(seconds) or seconds < 0:
        return RETRY_AFTER_SECONDS
    return min(max(seconds, 1.0), RETRY_AFTER_LIMIT)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return reply if isinstance(reply, dict) else {}


def _found(page: dict[str, Any], key: str) -> str | None:
    messages = page.get("messages")
    if not isinstance(messages, list):
        raise Uncertain("conversations.history answered without messages")
    return next((str(message.get("ts", "")) for message in messages if _key_of(message) == key), None)


def _key_of(message: Any) -> object:
    try:
        return message["metadata"]["event_payload"]["key"]
    except (KeyError, TypeError):
        return None


def _next_cursor(page: dict[str, Any]) -> str:
    about = page.get("response_metadata")
    cursor = about.get("next_cursor") if isinstance(about, dict) else ""
    if page.get("has_more") and not cursor:
        raise Uncertain("conversations.history has more messages but no cursor")
    return str(cursor or "")
