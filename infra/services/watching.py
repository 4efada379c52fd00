"""The prober's parts: taking what is due, looking at all of it at once, writing what was seen in bulk."""

import asyncio
import json
import logging
import socket
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import aiohttp
import dns.asyncresolver
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from alai.kernel import audit, secret_references
from alai.kernel.principals import Principal
from alai.kernel.secret_references import SecretUnavailable
from infra import records
from infra.models import Check, CheckState, Edge, Result, Site
from infra.probes import Observation, Probe, Verdict, World, make
from infra.probes.base import BAD, USER_AGENT, SecretMissing
from infra.probes.guard import GuardedConnector
from infra.probes.kinds import BadSettings
from infra.services.limits import require_checks
from infra.watching import Standing, step
from missioncontrol.services.common import acting_as

logger = logging.getLogger(__name__)

BATCH = 200
AT_ONCE = 100
CLAIM_SECONDS = 120  # longer than any probe's time-out: a killed prober's checks come back by themselves
LONGEST_PROBE = 60.0

CLAIM = f"""
UPDATE {CheckState._meta.db_table} s SET claimed_until = statement_timestamp() + make_interval(secs => %(hold)s)
FROM (SELECT d.check_record_id, c.kind, c.settings, c.interval_seconds
      FROM {CheckState._meta.db_table} d JOIN {Check._meta.db_table} c ON c.id = d.check_record_id
      WHERE d.next_at <= statement_timestamp() AND c.enabled
        AND (d.claimed_until IS NULL OR d.claimed_until <= statement_timestamp())
      ORDER BY d.next_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED) due
WHERE s.check_record_id = due.check_record_id
RETURNING s.check_record_id, due.kind, due.settings::text, due.interval_seconds, s.verdict, s.since, s.pending,
          s.next_at
"""

WRITE = f"""
UPDATE {CheckState._meta.db_table} s SET
    verdict = w.verdict, since = w.since, pending = w.pending, seen = w.seen, detail = w.detail,
    latency_ms = w.latency, facts = w.facts::jsonb, looked_at = w.at, next_at = w.next_at, claimed_until = NULL
FROM unnest(%(id)s::bigint[], %(verdict)s::text[], %(since)s::timestamptz[], %(pending)s::int[], %(seen)s::text[],
            %(detail)s::text[], %(latency)s::float8[], %(facts)s::text[], %(at)s::timestamptz[],
            %(next_at)s::timestamptz[])
     AS w(id, verdict, since, pending, seen, detail, latency, facts, at, next_at)
WHERE s.check_record_id = w.id
"""


RESULTS = f"""
INSERT INTO {Result._meta.db_table} (check_record_id, at, verdict, latency_ms, detail)
SELECT w.id, w.at, w.seen, w.latency, CASE WHEN w.seen = 'up' THEN '' ELSE w.detail END
FROM unnest(%(id)s::bigint[], %(at)s::timestamptz[], %(seen)s::text[], %(latency)s::float8[], %(detail)s::text[])
     AS w(id, at, seen, latency, detail)
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A check that is ours to look at now."""

    check_id: int
    probe: Probe | None
    problem: str
    interval: timedelta
    standing: Standing
    planned: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """What a due check's probe saw, and when."""

    due: Due
    seen: Observation
    at: datetime


def ensure_states() -> int:
    """A state for each check that has none; first looks are spread over the interval by hash, not all at once."""
    missing = Check.objects.filter(state=None)
    now = timezone.now()
    rows = [
        CheckState(check_record=check, since=now, next_at=now + _offset(check.slug, check.interval_seconds))
        for check in missing
    ]
    CheckState.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def probe_now(*, by: Principal, site: Site) -> int:
    """Make a site's checks due at once; the prober takes them. Answers how many those are.

    Raises Forbidden for a token that is limited to hosts, unless all of them belong to these.
    """
    checks = Check.objects.filter(site=site, enabled=True)
    require_checks(by, checks.select_related("host", "service__host"))
    with acting_as(by), audit.writing():
        audit.record(action="probe", target_type="infra_site", target_id=site.pk)
        ensure_states()
        due = CheckState.objects.filter(check_record__in=checks)
        return due.update(next_at=timezone.now())


def take(limit: int = BATCH) -> list[Due]:
    """Claim what is due, the most overdue first; nobody else gets the same."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"hold": CLAIM_SECONDS, "limit": limit})
        return [_due(row) for row in cursor.fetchall()]


def look_round(limit: int = BATCH) -> int:
    """One round: claim, look, write. Answers how many checks were looked at."""
    due = take(limit)
    if due:
        write(asyncio.run(look(due, records.gather(sources(due)))))
    return len(due)


async def look(due: Sequence[Due], known: Mapping[str, Mapping[str, Any]] | None = None) -> list[Look]:
    """Look at all of them at once. While we ourselves are cut off, nothing was seen of anything."""
    async with world(known) as shared:
        room = asyncio.Semaphore(AT_ONCE)

        async def look_in_turn(one: Due) -> Look:
            async with room:
                return await look_at(shared, one)

        looks = await asyncio.gather(*map(look_in_turn, due))
        if any(one.seen.verdict in BAD for one in looks) and not await is_online():
            cut_off = Observation(Verdict.UNKNOWN, "We are cut off ourselves.")
            return [Look(one.due, cut_off, one.at) for one in looks]
        return looks


async def is_online() -> bool:
    """Whether any of the anchors (`WATCH_ANCHORS`, host:port) can be reached; without anchors we believe so."""
    anchors = [anchor.rsplit(":", 1) for anchor in settings.WATCH_ANCHORS]
    if not anchors:
        return True
    return any(await asyncio.gather(*(_reaches(host, int(port)) for host, port in anchors)))


@transaction.atomic
def write(looks: Sequence[Look]) -> list[Edge]:
    """States, results and edges of a batch, in three statements."""
    steps = [(one, step(one.due.standing, one.seen, one.at, one.due.interval)) for one in looks]
    columns: dict[str, list[Any]] = {
        name: [] for name in ("id", "verdict", "since", "pending", "seen", "detail")
    }
    columns |= {name: [] for name in ("latency", "facts", "at", "next_at")}
    for one, after in sorted(steps, key=lambda pair: pair[0].due.check_id):
        row = (
            one.due.check_id, after.standing.verdict.value, after.standing.since, after.standing.pending,
            one.seen.verdict.value, one.seen.detail[:300], one.seen.latency_ms,
            json.dumps(dict(one.seen.facts)), one.at, _next(one, after.again_in),
        )  # fmt: skip
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    with connection.cursor() as cursor:
        cursor.execute(WRITE, columns)
        cursor.execute(RESULTS, columns)
    edges = [
        Edge(
            check_record_id=one.due.check_id, at=after.standing.since, before=after.changed_from.value,
            after=after.standing.verdict.value, detail=one.seen.detail[:300],
        )
        for one, after in steps
        if after.changed_from is not None
    ]  # fmt: skip
    return Edge.objects.bulk_create(edges)


def sources(due: Sequence[Due]) -> set[str]:
    """The records that these probes judge."""
    return {one.probe.source for one in due if one.probe is not None and hasattr(one.probe, "source")}


@lru_cache(maxsize=20_000)
def _made(kind: str, raw: str) -> tuple[Probe | None, str]:
    """The probe of these settings, or why there is none; settings seldom change."""
    try:
        return make(kind, json.loads(raw)), ""
    except BadSettings as error:
        return None, str(error)


def _due(row: Sequence[Any]) -> Due:
    check_id, kind, raw, interval, verdict, since, pending, planned = row
    probe, problem = _made(kind, raw)
    return Due(
        check_id,
        probe,
        problem,
        timedelta(seconds=interval),
        Standing(Verdict(verdict), since, pending),
        planned,
    )


async def look_at(shared: World, due: Due) -> Look:
    """One look, which never raises for what the world does."""
    if due.probe is None:
        seen = Observation(Verdict.UNKNOWN, f"Its settings do not fit: {due.problem}")
    else:
        try:
            seen = await asyncio.wait_for(due.probe.run(shared), LONGEST_PROBE)
        except Exception as error:
            logger.exception("A probe failed by itself")
            seen = Observation(Verdict.UNKNOWN, f"The probe itself failed: {type(error).__name__}.")
    return Look(due, seen, timezone.now())


@asynccontextmanager
async def world(known: Mapping[str, Mapping[str, Any]] | None = None) -> AsyncIterator[World]:
    """What probes share, for as long as it is open; `known` is what our own records say."""
    options: dict[str, Any] = {"limit": 0, "force_close": True, "enable_cleanup_closed": True}
    headers = {"User-Agent": USER_AGENT}
    jar = aiohttp.DummyCookieJar()
    resolver = dns.asyncresolver.Resolver()
    async with (
        aiohttp.ClientSession(
            connector=GuardedConnector(**options), headers=headers, cookie_jar=jar
        ) as guarded,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(use_dns_cache=False, **options), headers=headers, cookie_jar=jar
        ) as trusted,
    ):
        yield World(guarded, trusted, resolver, known or {}, _secret)


def _secret(reference: str) -> str:
    try:
        return secret_references.resolve(reference)
    except SecretUnavailable as error:
        raise SecretMissing(str(error)) from None


async def _reaches(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(host, port, family=socket.AF_UNSPEC)
            writer.close()
            return True
    except (OSError, TimeoutError):
        return False


def _next(one: Look, again_in: timedelta) -> datetime:
    """The plan's rhythm is kept; what was missed is not made up for."""
    planned = one.due.planned + again_in
    return planned if planned > one.at else one.at + again_in


def _offset(name: str, interval: int) -> timedelta:
    return timedelta(seconds=zlib.crc32(name.encode()) % max(1, interval))
