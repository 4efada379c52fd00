"""HTTP: status, time, text and JSON of an answer, over TLS that is verified."""

import asyncio
import os
import socket
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp

from infra.probes.base import USER_AGENT, Observation, Verdict, World, down
from infra.probes.conditions import failing
from infra.probes.guard import Refused

MAX_BODY = 256 * 1024  # bytes that conditions see; the rest is not read
MAX_REDIRECTS = 5
BROWSER_CHECK = ("error code: 1010", "error code 1010")  # a CDN that dislikes the client's name
AGENTS = {"own": USER_AGENT, "python": "Python-urllib/3.12", "node": "node"}


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """`down_unless` decides between up and down, `degraded_unless` between up and degraded.

    A header's value `env:NAME` stands in the environment; while it is not there, the header is left out.
    """

    url: str
    down_unless: tuple[str, ...] = ("[STATUS] == any(200, 301, 302)",)
    degraded_unless: tuple[str, ...] = ()
    method: Literal["GET", "HEAD"] = "GET"
    redirects: Literal["stay", "follow"] = "stay"
    agent: Literal["own", "python", "node"] = "own"
    timeout: float = 10.0
    private: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    async def run(self, world: World) -> Observation:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout):
                return await self._look(world.session(private=self.private), started)
        except TimeoutError:
            return down(f"No answer within {self.timeout:g} s.", _since(started))
        except Refused as error:
            return Observation(Verdict.UNKNOWN, f"Not looked at: {error}.")
        except aiohttp.ClientConnectorError as error:
            return down(_connecting(error), _since(started))
        except aiohttp.TooManyRedirects:
            return down(f"More than {MAX_REDIRECTS} redirects.", _since(started))
        except (aiohttp.ClientError, OSError, ValueError, ssl.SSLError) as error:
            return down(f"{_name(error)}.", _since(started))

    async def _look(self, session: aiohttp.ClientSession, started: float) -> Observation:
        async with session.request(
            self.method,
            self.url,
            headers={"User-Agent": AGENTS[self.agent], "Accept": "*/*", **_from_environment(self.headers)},
            allow_redirects=self.redirects == "follow",
            max_redirects=MAX_REDIRECTS,
        ) as reply:
            body = await _read(reply)
            latency = _since(started)
            seen = self._seen(reply, body, latency)
        facts = {"status": reply.status, **({"tls_expires_at": seen["expires"]} if "expires" in seen else {})}
        if reply.status == 403 and any(words in body for words in BROWSER_CHECK):
            return Observation(
                Verdict.BLOCKED, "A browser check in front of it refuses our client.", latency, facts
            )
        return self.judge(seen, facts)

    def judge(self, seen: dict[str, Any], facts: dict[str, Any]) -> Observation:
        """The verdict on an answer."""
        latency = seen["RESPONSE_TIME"]
        wrong = failing(self.down_unless, seen)
        if wrong:
            return Observation(Verdict.DOWN, "; ".join(wrong), latency, facts)
        worse = failing(self.degraded_unless, seen)
        if worse:
            return Observation(Verdict.DEGRADED, "; ".join(worse), latency, facts)
        return Observation(Verdict.UP, f"{seen['STATUS']} in {latency:.0f} ms", latency, facts)

    def _seen(self, reply: aiohttp.ClientResponse, body: str, latency: float) -> dict[str, Any]:
        seen: dict[str, Any] = {
            "STATUS": reply.status,
            "RESPONSE_TIME": latency,
            "BODY": body,
            "CONNECTED": True,
        }
        expires = _expiry(reply)
        if expires is not None:
            seen["CERTIFICATE_EXPIRATION"] = (expires - datetime.now(UTC)).total_seconds() * 1000
            seen["expires"] = expires.isoformat()
        return seen


def _from_environment(headers: dict[str, str]) -> dict[str, str]:
    """The headers with their values; secrets stand in no file of ours."""
    values = {
        name: os.environ.get(value[4:], "") if value.startswith("env:") else value
        for name, value in headers.items()
    }
    return {name: value for name, value in values.items() if value}


async def _read(reply: aiohttp.ClientResponse) -> str:
    """The first part of the body; a body that never ends is cut, not waited for."""
    parts, size = [], 0
    async for chunk in reply.content.iter_chunked(16 * 1024):
        parts.append(chunk)
        size += len(chunk)
        if size >= MAX_BODY:
            reply.close()
            break
    try:
        return b"".join(parts)[:MAX_BODY].decode(reply.charset or "utf-8", "replace")
    except LookupError:
        return b"".join(parts)[:MAX_BODY].decode("utf-8", "replace")


def _expiry(reply: aiohttp.ClientResponse) -> datetime | None:
    """When the certificate of the connection runs out, while the connection is still there."""
    transport = reply.connection.transport if reply.connection else None
    certificate = transport.get_extra_info("peercert") if transport else None
    return expiry_of(certificate)


def expiry_of(certificate: Any) -> datetime | None:
    if not certificate or "notAfter" not in certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _connecting(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"Its certificate is not good: {_name(error.certificate_error)}."
    if isinstance(error.os_error, socket.gaierror):
        return "Its name cannot be resolved."
    return f"No connection: {_name(error.os_error)}."


def _name(error: BaseException) -> str:
    """An error in few words, without addresses of objects."""
    text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    return f"{type(error).__name__}: {text}"[:200].rstrip(".") if text else type(error).__name__
