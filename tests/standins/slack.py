"""A Slack on loopback that remembers what it accepted and misbehaves when told to.

    with SlackStandIn() as slack:
        slack.misbehave("chat.postMessage", rate_limited("2"), accepted_then_silence())
        ...                       # the code under test talks to slack.url
        assert slack.texts("C1") == ["Hello"]

Each misbehaviour answers one request of its method; without one the stand-in behaves.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from tests.standins.loopback import Handler, StandIn

TOKEN = "xoxb-stand-in-token"
Fields = dict[str, Any]


@dataclass(frozen=True)
class Behaviour:
    """What happens to one request: is it carried out, and what does the caller see of it."""

    carried_out: bool = True
    sees: Literal["result", "answer", "silence", "reset"] = "result"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0


def rate_limited(retry_after: str = "1") -> Behaviour:
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Behaviour(
        carried_out=False, sees="answer", status=429, headers=headers, body=_error("ratelimited")
    )


def refused(error: str) -> Behaviour:
    """HTTP 200 with `ok: false`."""
    return Behaviour(carried_out=False, sees="answer", body=_error(error))


def accepted_then(error: str) -> Behaviour:
    """Carried out, but answered with HTTP 200 and `ok: false`, as fatal_error may be."""
    return Behaviour(sees="answer", body=_error(error))


def accepted_then_silence() -> Behaviour:
    """Carried out, and no answer until the caller gives up."""
    return Behaviour(sees="silence")


def accepted_then_reset() -> Behaviour:
    return Behaviour(sees="reset")


def reset() -> Behaviour:
    """The connection is reset and nothing was carried out."""
    return Behaviour(carried_out=False, sees="reset")


def server_error(status: int = 500, *, accepted: bool = False) -> Behaviour:
    return Behaviour(carried_out=accepted, sees="answer", status=status, body=b"<h1>Oops</h1>")


def garbage(body: bytes = b"<html>hotel wifi</html>", *, accepted: bool = False) -> Behaviour:
    """HTTP 200 with something that is no Slack answer."""
    return Behaviour(carried_out=accepted, sees="answer", body=body)


def slow(seconds: float) -> Behaviour:
    """A right answer, late."""
    return Behaviour(delay=seconds)


class SlackStandIn(StandIn):
    """Start it as a context manager; `messages` is what channels hold, `requests` what was asked."""

    path = "/api"

    def __init__(self) -> None:
        self.messages: list[Fields] = []
        self.requests: list[tuple[str, Fields]] = []
        self.page_size = 200
        self._plans: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._lock = threading.Lock()
        super().__init__()

    def misbehave(self, method: str, *behaviours: Behaviour) -> None:
        """Treat the next requests of a method like this, one after the other."""
        with self._lock:
            self._plans[method].extend(behaviours)

    def texts(self, channel: str) -> list[str]:
        """The texts in a channel, oldest first."""
        with self._lock:
            return [message["text"] for message in self.messages if message["channel"] == channel]

    def asked(self, method: str) -> list[Fields]:
        """The fields of each request of a method."""
        with self._lock:
            return [fields for asked, fields in self.requests if asked == method]

    def wait_for(self, method: str, *, seconds: float = 10.0) -> None:
        """Until a request of the method has arrived."""
        until = time.monotonic() + seconds
        while not self.asked(method):
            assert time.monotonic() < until, f"Nobody called {method} in time."
            time.sleep(0.01)

    def handle(self, method: str, fields: Fields, authorization: str) -> Behaviour:
        """Carry a request out as planned; answers what the caller is to see."""
        with self._lock:
            self.requests.append((method, fields))
            plan = self._plans[method]
            behaviour = plan.popleft() if plan else Behaviour()
            if not behaviour.carried_out:
                return behaviour
            result = self._carry_out(method, fields, authorization)
        return (
            behaviour if behaviour.sees != "result" else replace(behaviour, body=json.dumps(result).encode())
        )

    def _carry_out(self, method: str, fields: Fields, authorization: str) -> Fields:
        if authorization != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        match method:
            case "chat.postMessage":
                return self._post(fields)
            case "conversations.open":
                return {"ok": True, "channel": {"id": f"D-{fields['users']}"}}
            case "conversations.history":
                return self._history(fields)
        return {"ok": False, "error": "unknown_method"}

    def _post(self, fields: Fields) -> Fields:
        if not fields.get("text"):
            return {"ok": False, "error": "no_text"}
        if len(fields["text"]) > 40_000:
            return {"ok": False, "error": "msg_too_long"}
        ts = f"{time.time():.3f}{len(self.messages):03d}"
        self.messages.append({**fields, "ts": ts, "type": "message"})
        return {"ok": True, "channel": fields["channel"], "ts": ts, "message": {"text": fields["text"]}}

    def _history(self, fields: Fields) -> Fields:
        oldest, latest = float(fields.get("oldest", 0)), float(fields.get("latest", "inf"))
        shown = [
            message if fields.get("include_all_metadata") == "true" else _without_metadata(message)
            for message in reversed(self.messages)
            if message["channel"] == fields["channel"] and oldest < float(message["ts"]) < latest
        ]
        start = int(fields.get("cursor") or 0)
        end = start + min(int(fields.get("limit", 100)), self.page_size)
        more = end < len(shown)
        return {
            "ok": True,
            "messages": shown[start:end],
            "has_more": more,
            "response_metadata": {"next_cursor": str(end) if more else ""},
        }


class _Handler(Handler[SlackStandIn]):
    def do_GET(self) -> None:
        self._serve(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.body()
        as_json = self.headers.get("Content-Type", "").startswith("application/json")
        self._serve(json.loads(body) if as_json else dict(parse_qsl(body.decode())))

    def _serve(self, fields: Fields) -> None:
        method = urlsplit(self.path).path.rsplit("/", 1)[-1]
        seen = self.stand_in.handle(method, fields, self.headers.get("Authorization", ""))
        self.stand_in.stopping.wait(seen.delay)
        if seen.sees == "silence":
            self._be_silent()
        elif seen.sees == "reset":
            self._reset()
        else:
            self.answer(seen.status, seen.body, **seen.headers)

    def _be_silent(self) -> None:
        self.close_connection = True
        self.connection.settimeout(0.05)
        while not self.stand_in.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.connection.recv(1):
                    return

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


SlackStandIn.handler = _Handler


def _error(code: str) -> bytes:
    return json.dumps({"ok": False, "error": code}).encode()


def _without_metadata(message: Fields) -> Fields:
    return {name: value for name, value in message.items() if name != "metadata"}
