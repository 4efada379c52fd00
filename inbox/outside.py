"""Bounded HTTP calls to services that may be slow, away or hostile; each failure is one word."""

import json
import time
from typing import Any

import httpx

from alai.kernel import tls

BODY_LIMIT = 1024 * 1024


class Failed(Exception):
    """A call without a usable answer. `outcome` is a word: timeout, unreachable, http_503, unreadable."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def call(
    method: str,
    url: str,
    *,
    seconds: float,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The JSON object that the service answers with HTTP 200; the whole exchange takes at most about `seconds`."""
    until = time.monotonic() + seconds
    try:
        with (
            httpx.Client(
                timeout=seconds, follow_redirects=False, trust_env=False, verify=tls.context()
            ) as client,
            client.stream(method, url, headers=headers, params=params, json=body) as response,
        ):
            content = _read(response, until)
            status = response.status_code
    except httpx.TimeoutException:
        raise Failed("timeout") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):  # its text may quote our headers
        raise Failed("unreachable") from None
    if status != 200:
        raise Failed(f"http_{status}")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        raise Failed("unreadable") from None
    if not isinstance(answer, dict):
        raise Failed("unreadable")
    return answer


def _read(response: httpx.Response, until: float) -> bytes:
    """The body, bounded in size and time: a read time-out alone never ends a trickle."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > BODY_LIMIT or time.monotonic() > until:
            raise httpx.ReadTimeout("The answer does not end.")
    return bytes(content)
