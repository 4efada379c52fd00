"""Calls of the REST API: who asks, what a refusal means, and what to do when an answer is lost."""

from __future__ import annotations

import json
import os
import time

from alai.cli.errors import Refused, Unreachable, Usage
from alai.cli.http import Away, exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

BASE = "/api/v1"
PATIENCE = 0.2  # seconds between looks at a request that is still under way


class Server:
    """One server and one token. `call` answers the JSON of a reply below 300, or None for an empty one."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise Usage("The token holds characters that no token has; set ALAI_TOKEN again.")
        self.url = url
        self._token = token
        self.timeout = timeout

    def get(self, path: str) -> Any:
        return self.call("GET", path)

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
        content = b"" if body is None else json.dumps(body).encode()
        return self.send(
            method, path, headers, content, fence=fence, key=key, repeatable=repeatable, stands=stands
        )

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
    ) -> Any:
        headers["Authorization"] = f"Bearer {self._token}"
        headers["Accept"] = "application/json"
        headers["User-Agent"] = "alai"
        if fence is not None:
            headers["X-Fencing-Token"] = str(fence)
        if key:
            headers["Idempotency-Key"] = key
        try:
            return self._once(method, path, headers, content)
        except Away as away:
            if not away.sent:
                raise self._away(away, "so nothing was done") from None
            if not repeatable:
                raise self._away(away, "and whether the request was carried out is unknown") from None
        try:
            return self._again(method, path, headers, content)
        except Away as away:
            unknown = "and whether the request was carried out is unknown: run the same command again"
            raise self._away(away, "so nothing was read" if method == "GET" else unknown) from None
        except Refused:
            answer = stands() if stands is not None else None
            if answer is None:
                raise
            return answer

    def _again(self, method: str, path: str, headers: dict[str, str], content: bytes) -> Any:
        """The same request; the first may still be under way, which its Idempotency-Key tells."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return self._once(method, path, headers, content)
            except Refused as refusal:
                if refusal.code != "in_progress" or time.monotonic() > deadline:
                    raise
            time.sleep(PATIENCE)

    def _once(self, method: str, path: str, headers: dict[str, str], content: bytes) -> Any:
        reply = exchange(self.url, method, BASE + path, headers, content, self.timeout)
        if reply.status >= 500:  # whose fault it is, and what came of the request, nobody here can tell
            raise Away(f"it answered {reply.status}", sent=True)
        if 300 <= reply.status < 400:
            raise Refused(f"{self.url} answers from another address: set ALAI_MC_URL to that one.")
        answer = self._json(reply.body) if reply.body else None
        if reply.status >= 400:
            raise self._refusal(reply.status, answer)
        return answer

    def _json(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise Refused(f"{self.url} does not answer like Mission Control; check the address.") from None

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

    def _away(self, away: Away, outcome: str) -> Unreachable:
        return Unreachable(f"Mission Control at {self.url} cannot be reached ({away.why}), {outcome}.")


def new_key() -> str:
    """An Idempotency-Key for one run of one command."""
    return os.urandom(16).hex()


def _field(error: dict[str, Any]) -> str:
    """`{"loc": ["body", "title"], "msg": ...}` as `title: ...`."""
    place = ".".join(str(part) for part in error.get("loc", [])[1:] if part != "body")
    return f"{place}: {error.get('msg')}" if place else str(error.get("msg"))
