"""Calls of the REST API: who asks, what a refusal means, and what to do when an answer is lost."""

from __future__ import annotations

import os
import time

from alai.cli import quick_json
from alai.cli.config import Settings
from alai.cli.errors import Refused, Unreachable, Usage
from alai.cli.http import Away, Wire, exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from alai.cli.options import Given

BASE = "/api/v1"
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5  # seconds between looks at a request that is still under way
AGAIN = "run the same command again"


class Server:
    """One server and one token. `call` answers the JSON of a reply below 300, or None for an empty one."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise Usage("The token holds characters that no token has; set ALAI_TOKEN again.")
        self.url = url
        self._token = token
        self.timeout = timeout

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """`query` by names: a list for several values."""
        return self.call("GET", with_query(path, query or {}))

    def listen(self, path: str) -> Wire:
        """An event stream, its first bytes still to be read; raises Away or Refused."""
        headers = self._headers("text/event-stream")
        wire = Wire(self.url, self.timeout)
        try:
            wire.ask("GET", BASE + path, headers)
            if wire.status == 429:
                raise Away("it answered 429", sent=True)
            if wire.status != 200:
                self._judge(wire.status, wire.body())
            if not wire.headers.get("content-type", "").startswith("text/event-stream"):
                raise self._strange()
        except (OSError, ValueError) as error:
            wire.close()
            raise Away.because(error, sent=True) from None
        except BaseException:
            wire.close()
            raise
        return wire

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        fence: int | None = None,
        key: str = "",
        repeatable: bool = True,
        stands: Callable[[], Any] | None = None,
    ) -> Any:
        """Ask; when the answer is lost on the way, ask the same again, once.

        `key` is the request's Idempotency-Key. `repeatable` says that asking twice does no harm. `stands` answers
        what to return when the repetition is refused only because the first request had been carried out.
        """
        headers = {"Content-Type": "application/json"}
        content = b"" if body is None else quick_json.write(body).encode()
        return self.send(
            method, path, headers, content, fence=fence, key=key, repeatable=repeatable, stands=stands,
            again=f"{AGAIN} with --idempotency-key {key}" if key else AGAIN,
        )  # fmt: skip

    def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        content: bytes,
        *,
        fence: int | None = None,
        key: str = "",
        repeatable: bool = True,
        stands: Callable[[], Any] | None = None,
        again: str = AGAIN,
    ) -> Any:
        """The same with a body as it is; `again` says how to settle an outcome that stays unknown."""
        headers |= self._headers("application/json")
        if fence is not None:
            headers["X-Fencing-Token"] = str(fence)
        if key:
            headers["Idempotency-Key"] = _checked(key)
        try:
            return self._patiently(method, path, headers, content)
        except Away as away:
            if not away.sent:
                raise self.unreachable(away, "so nothing was done") from None
            if not repeatable:
                raise self.unreachable(away, "and whether the request was carried out is unknown") from None
        try:
            return self._patiently(method, path, headers, content)
        except Away as away:
            unknown = f"and whether the request was carried out is unknown: {again}"
            raise self.unreachable(away, "so nothing was read" if method == "GET" else unknown) from None
        except Refused:
            answer = stands() if stands is not None else None
            if answer is None:
                raise
            return answer

    def _patiently(self, method: str, path: str, headers: dict[str, str], content: bytes) -> Any:
        """One request; another with its Idempotency-Key may still be under way, whose answer is waited for."""
        deadline, pause = time.monotonic() + self.timeout, FIRST_PAUSE
        while True:
            try:
                return self._once(method, path, headers, content)
            except Refused as refusal:
                if refusal.code != "in_progress" or time.monotonic() > deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _headers(self, wanted: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "Accept": wanted, "User-Agent": "alai"}

    def _once(self, method: str, path: str, headers: dict[str, str], content: bytes) -> Any:
        reply = exchange(self.url, method, BASE + path, headers, content, self.timeout)
        return self._judge(reply.status, reply.body)

    def _judge(self, status: int, body: bytes) -> Any:
        """The JSON of an answer, if it is one to go on with."""
        if status >= 500:  # whose fault it is, and what came of the request, nobody here can tell
            raise Away(f"it answered {status}", sent=True)
        if 300 <= status < 400:
            raise Refused(f"{self.url} answers from another address: set ALAI_MC_URL to that one.")
        answer = self._json(body) if body else None
        if status >= 400:
            raise self._refusal(status, answer)
        return answer

    def _json(self, body: bytes) -> Any:
        try:
            return quick_json.read(body)
        except (ValueError, RecursionError):
            raise self._strange() from None

    def _strange(self) -> Refused:
        return Refused(f"{self.url} does not answer like Mission Control; check the address.")

    def _refusal(self, status: int, problem: Any) -> Refused:
        if not isinstance(problem, dict) or "code" not in problem:
            return Refused(f"{self.url} answered {status} and no reason; check the address.")
        code, detail = str(problem["code"]), str(problem.get("detail", ""))
        if status == 401:
            return Refused(
                f"{self.url} does not accept the token: run `alai login`, or set ALAI_TOKEN.", code
            )
        errors = problem.get("errors")
        if code == "invalid" and detail.startswith("Not valid:") and isinstance(errors, list):
            detail = "Not valid: " + "; ".join(map(_field, errors)) + "."
        return Refused(detail, code)

    def unreachable(self, away: Away, outcome: str) -> Unreachable:
        return Unreachable(f"Mission Control at {self.url} cannot be reached ({away.why}), {outcome}.")


def connected(given: Given) -> Server:
    """The server that flags, environment and configuration name, whatever legacy file there is."""
    settings = Settings(given, server_only=True)
    return Server(settings.url, settings.token, settings.timeout)


def with_query(path: str, query: Mapping[str, object]) -> str:
    """The path with its query; without one it needs no `urllib`."""
    several = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    pairs = [(name, _word(one)) for name, many in several.items() for one in many]
    if not pairs:
        return path
    from urllib.parse import urlencode

    return f"{path}?{urlencode(pairs)}"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def new_key() -> str:
    """An Idempotency-Key for one run of one command."""
    return os.urandom(16).hex()


def _checked(key: str) -> str:
    if not (key.isascii() and key.isprintable() and " " not in key and len(key) <= 255):
        raise Usage("--idempotency-key has at most 255 printable characters and no spaces.")
    return key


def _field(error: dict[str, Any]) -> str:
    """`{"loc": ["body", "title"], "msg": ...}` as `title: ...`."""
    place = ".".join(str(part) for part in error.get("loc", [])[1:] if part != "body")
    return f"{place}: {error.get('msg')}" if place else str(error.get("msg"))
