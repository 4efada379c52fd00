"""What a CDN's analytics say of a zone: the share of 5xx answers, traffic against its baseline, the month's bandwidth.

Source: Cloudflare's GraphQL Analytics API (`POST /client/v4/graphql`, datasets httpRequestsAdaptiveGroups and
httpRequests1dGroups). Handbook: "Static Hosting Blueprint" 4. An answer that cannot be judged is unknown, never up.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import aiohttp

from infra.probes.base import Observation, SecretMissing, Verdict, World
from infra.probes.guard import Refused
from infra.probes.http import _name, _since

API = "https://api.cloudflare.com/client/v4/graphql"
MAX_ANSWER = 2 * 1024 * 1024
RECENT = """
query ($zone: string!, $since: Time!, $until: Time!) {
  viewer { zones(filter: {zoneTag: $zone}) {
    seen: httpRequestsAdaptiveGroups(limit: 1000, filter: {datetime_geq: $since, datetime_lt: $until}) {
      count dimensions { edgeResponseStatus } } } } }
"""
COMPARED = """
query ($zone: string!, $before: Time!, $since: Time!, $until: Time!) {
  viewer { zones(filter: {zoneTag: $zone}) {
    seen: httpRequestsAdaptiveGroups(limit: 1, filter: {datetime_geq: $since, datetime_lt: $until}) { count }
    before: httpRequestsAdaptiveGroups(limit: 1, filter: {datetime_geq: $before, datetime_lt: $since}) { count } } } }
"""
MONTH = """
query ($zone: string!, $first: Date!) {
  viewer { zones(filter: {zoneTag: $zone}) {
    days: httpRequests1dGroups(limit: 31, filter: {date_geq: $first}) { sum { bytes } } } } }
"""
BASELINE = timedelta(hours=24)


class Unclear(Exception):
    """The answer cannot be judged; the text says why."""


@dataclass(frozen=True, slots=True)
class CloudflareProbe:
    """`token` is a reference (`env:NAME`, `file:/path`) and never stands in the registry itself; `zone` may be one.

    errors: more than `limit` percent of the answers in `minutes` are 5xx. traffic: more than `limit` times the
    baseline of the day before in `minutes`. bandwidth: more than `limit` percent of `plan_gb` this month.
    """

    zone: str
    token: str
    watch: Literal["errors", "traffic", "bandwidth"] = "errors"
    limit: float = 1.0
    minutes: int = 10
    plan_gb: float = 0.0
    fewest: int = 100  # requests; fewer of them tell nothing
    api: str = API
    timeout: float = 20.0
    private: bool = False

    async def run(self, world: World) -> Observation:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout):
                found = await self._ask(world, datetime.now(UTC))
            return self._judge(found, _since(started))
        except SecretMissing as error:
            return Observation(Verdict.UNKNOWN, f"Not looked at: {error}")
        except Refused as error:
            return Observation(Verdict.UNKNOWN, f"Not looked at: {error}.")
        except Unclear as error:
            return Observation(Verdict.UNKNOWN, str(error)[:300], _since(started))
        except TimeoutError:
            return Observation(Verdict.UNKNOWN, f"The analytics did not answer within {self.timeout:g} s.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Observation(Verdict.UNKNOWN, f"The analytics cannot be reached: {_name(error)}.")

    async def _ask(self, world: World, now: datetime) -> dict[str, Any]:
        query, variables = self._question(now)
        variables["zone"] = world.secret(self.zone) if ":" in self.zone else self.zone
        headers = {"Authorization": f"Bearer {world.secret(self.token)}"}
        body = {"query": query, "variables": variables}
        async with world.session(private=self.private).post(
            self.api, json=body, headers=headers, allow_redirects=False
        ) as reply:
            if reply.status == 429:
                again = reply.headers.get("Retry-After", "")
                raise Unclear(
                    f"Asked too often; again in {again} s." if again.isdigit() else "Asked too often."
                )
            if reply.status in (401, 403):
                raise Unclear(f"The token is refused ({reply.status}): it needs Analytics: Read of the zone.")
            if reply.status != 200:
                raise Unclear(f"The analytics answered {reply.status}.")
            return _zone(await reply.content.read(MAX_ANSWER))

    def _question(self, now: datetime) -> tuple[str, dict[str, Any]]:
        """The window ends a minute ago: what is newer is not counted yet."""
        until = now - timedelta(minutes=1)
        since = until - timedelta(minutes=self.minutes)
        span = {"since": _stamp(since), "until": _stamp(until)}
        if self.watch == "errors":
            return RECENT, span
        if self.watch == "traffic":
            return COMPARED, {**span, "before": _stamp(since - BASELINE)}
        return MONTH, {"first": now.replace(day=1).date().isoformat()}

    def _judge(self, found: dict[str, Any], latency: float) -> Observation:
        if self.watch == "bandwidth":
            return self._bandwidth(found, latency)
        seen = sum(_count(row) for row in _rows(found, "seen"))
        facts: dict[str, Any] = {
            "requests": seen,
            "requests_per_second": round(seen / (self.minutes * 60), 3),
        }
        return (
            self._errors(found, seen, facts, latency)
            if self.watch == "errors"
            else self._traffic(found, seen, facts, latency)
        )

    def _errors(self, found: dict[str, Any], seen: int, facts: dict[str, Any], latency: float) -> Observation:
        bad = sum(_count(row) for row in _rows(found, "seen") if 500 <= _status(row) <= 599)
        share = 100 * bad / seen if seen else 0.0
        facts |= {"errors": bad, "errors_percent": round(share, 4)}
        said = f"{bad:,} of {seen:,} answers in {self.minutes} min were 5xx ({share:.2f} %)"
        if seen < self.fewest:
            return Observation(Verdict.UP, f"{said}; fewer than {self.fewest} tell nothing", latency, facts)
        return _verdict(share > self.limit, f"{said}, more than {self.limit:g} %.", said, latency, facts)

    def _traffic(
        self, found: dict[str, Any], seen: int, facts: dict[str, Any], latency: float
    ) -> Observation:
        before = sum(_count(row) for row in _rows(found, "before"))
        usual = before * self.minutes * 60 / BASELINE.total_seconds()
        times = seen / usual if usual else 0.0
        facts |= {"baseline": round(usual, 3), "times": round(times, 3)}
        said = f"{seen:,} requests in {self.minutes} min, usually {usual:,.0f}"
        if not usual or seen < self.fewest:
            return Observation(Verdict.UP, f"{said}; too few to compare", latency, facts)
        return _verdict(
            times > self.limit, f"{said}: more than {self.limit:g} times that.", said, latency, facts
        )

    def _bandwidth(self, found: dict[str, Any], latency: float) -> Observation:
        octets = sum(_bytes(row) for row in _rows(found, "days"))
        if self.plan_gb <= 0:
            return Observation(
                Verdict.UNKNOWN,
                f"{octets / 1e9:,.1f} GB this month; plan_gb does not say of how much.",
                latency,
            )
        share = 100 * octets / (self.plan_gb * 1e9)
        said = f"{octets / 1e9:,.1f} of {self.plan_gb:,.0f} GB this month ({share:.0f} %)"
        facts = {"bytes": octets, "percent": round(share, 2)}
        return _verdict(share > self.limit, f"{said}, more than {self.limit:g} %.", said, latency, facts)


def _verdict(bad: bool, wrong: str, right: str, latency: float, facts: dict[str, Any]) -> Observation:
    return Observation(Verdict.DEGRADED if bad else Verdict.UP, wrong if bad else right, latency, facts)


def _zone(answer: bytes) -> dict[str, Any]:
    """The zone's part of the answer; `Unclear` for everything else."""
    try:
        body = json.loads(answer)
    except (ValueError, RecursionError):
        raise Unclear("The analytics answered something that is not JSON.") from None
    errors = body.get("errors") if isinstance(body, dict) else None
    if errors:
        first = errors[0] if isinstance(errors, list) else errors
        said = first.get("message") if isinstance(first, dict) else first
        raise Unclear(f"The analytics refuse: {str(said)[:200]}")
    try:
        zones = body["data"]["viewer"]["zones"]
        zone = zones[0]
    except (KeyError, TypeError, IndexError):
        raise Unclear("The analytics know no such zone, or the token may not see it.") from None
    if not isinstance(zone, dict):
        raise Unclear("The analytics answered in a shape that nobody knows.")
    return zone


def _rows(zone: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = zone.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unclear(f"The analytics left {name} out.")
    return rows


def _count(row: dict[str, Any]) -> int:
    return _whole(row.get("count"))


def _status(row: dict[str, Any]) -> int:
    dimensions = row.get("dimensions")
    return _whole(dimensions.get("edgeResponseStatus") if isinstance(dimensions, dict) else None)


def _bytes(row: dict[str, Any]) -> int:
    total = row.get("sum")
    return _whole(total.get("bytes") if isinstance(total, dict) else None)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unclear("The analytics answered figures that are none.")
    return value


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
