"""Reads of the routing of models: everything that it depends on in one statement, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from infra.models import CheckState, FailoverRule, Host, ModelServer, ModelTier, RoutingOverride
from infra.models.checks import Check
from infra.routing import Health, Route, Rule, Server, Tier, routes
from infra.selectors import STALE_INTERVALS

GOOD = ("up", "degraded")
BAD = ("down", "blocked")
# Of addresses that lead to a host from elsewhere; a host reaches itself by loopback.
FROM_AFAR = ("tailscale", "public", "lan", "thunderbolt", "loopback")

EVERYTHING = f"""
SELECT statement_timestamp(),
  (SELECT coalesce(json_agg(s ORDER BY s.name), '[]') FROM (
     SELECT m.slug AS name, m.port, m.path, m.timeout_ms, m.role, h.slug AS host, h.addresses,
            c.slug AS check, c.enabled, c.interval_seconds, c.settings -> 'models' AS expected,
            st.verdict, st.seen, st.detail, st.looked_at, st.facts -> 'models' AS models
     FROM {ModelServer._meta.db_table} m JOIN {Host._meta.db_table} h ON h.id = m.host_id
          LEFT JOIN {Check._meta.db_table} c ON c.id = m.watched_by_id
          LEFT JOIN {CheckState._meta.db_table} st ON st.check_record_id = c.id) s),
  (SELECT coalesce(json_agg(t ORDER BY t.name), '[]') FROM (
     SELECT t.slug AS name, m.slug AS server, t.model FROM {ModelTier._meta.db_table} t
          JOIN {ModelServer._meta.db_table} m ON m.id = t.server_id) t),
  (SELECT coalesce(json_agg(r ORDER BY r.rank, r.name), '[]') FROM (
     SELECT r.slug AS name, m.slug AS server, r.rank, r.tiers, coalesce(o.slug, '') AS to_server, r.to_models, r.cloud,
            r.cloud_model, r.notes
     FROM {FailoverRule._meta.db_table} r JOIN {ModelServer._meta.db_table} m ON m.id = r.server_id
          LEFT JOIN {ModelServer._meta.db_table} o ON o.id = r.to_server_id) r),
  (SELECT coalesce(json_agg(v ORDER BY v.expires_at), '[]') FROM (
     SELECT m.slug AS server, t.slug AS tier, v.healthy, v.reason, v.by, v.expires_at
     FROM {RoutingOverride._meta.db_table} v JOIN {ModelServer._meta.db_table} m ON m.id = v.server_id
          LEFT JOIN {ModelTier._meta.db_table} t ON t.id = v.tier_id
     WHERE v.expires_at > statement_timestamp()) v)
"""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody's word that stands now."""

    server: str
    tier: str | None
    healthy: bool | None
    reason: str
    by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A model server with what is known of it. `addresses` are (via, url), in the host's order of preference."""

    server: Server
    host: str
    role: str
    port: int
    path: str
    timeout_ms: int
    addresses: list[tuple[str, str]]
    looked_at: datetime | None
    detail: str
    override: Override | None


@dataclass(frozen=True, slots=True)
class Routing:
    at: datetime
    tiers: dict[str, Tier]
    rules: list[Rule]
    notes: dict[str, str]
    servers: dict[str, Seen]
    overrides: list[Override]
    routes: dict[str, Route]


def routing(*, seen_from: str = "") -> Routing:
    """How every tier is routed now. With `seen_from`, a host's name, addresses are those that it would use."""
    now, servers, tiers, rules, overrides = _read()
    standing = [
        Override(**{**row, "expires_at": datetime.fromisoformat(row["expires_at"])}) for row in overrides
    ]
    forced = {one.server: one for one in standing if one.tier is None}
    pins = {one.tier: one.server for one in standing if one.tier is not None}
    known = {row["name"]: _seen(row, forced.get(row["name"]), now, seen_from) for row in servers}
    planned = {row["name"]: Tier(**row) for row in tiers}
    notes = {row["name"]: row.pop("notes") for row in rules}
    ruled = [Rule(**row) for row in rules]
    found = routes(planned.values(), {name: one.server for name, one in known.items()}, ruled, pins)
    return Routing(now, planned, ruled, notes, known, standing, found)


def _read() -> tuple[datetime, list[Any], list[Any], list[Any], list[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(EVERYTHING)
        row: tuple[datetime, list[Any], list[Any], list[Any], list[Any]] = cursor.fetchone()
    return row


def _seen(row: Mapping[str, Any], override: Override | None, now: datetime, seen_from: str) -> Seen:
    looked_at = datetime.fromisoformat(row["looked_at"]) if row["looked_at"] else None
    health, why = _health(row, looked_at, now)
    models = row["models"] if health == Health.UP and row["models"] is not None else row["expected"] or []
    if override is not None:
        health = Health.UP if override.healthy else Health.DOWN
        why = f"{override.by} says so: {override.reason}"
        models = row["models"] or row["expected"] or []
    addresses = [(one["via"], f"http://{one['address']}:{row['port']}") for one in row["addresses"]]
    url = f"http://127.0.0.1:{row['port']}" if row["host"] == seen_from else _url(addresses, seen_from)
    return Seen(
        Server(row["name"], health, models, url, why), row["host"], row["role"], row["port"], row["path"],
        row["timeout_ms"], addresses, looked_at, row["detail"] or "", override,
    )  # fmt: skip


def _health(row: Mapping[str, Any], looked_at: datetime | None, now: datetime) -> tuple[Health, str]:
    """One bad look is enough to go elsewhere; to come back takes a confirmed recovery."""
    if row["check"] is None or not row["enabled"] or looked_at is None:
        return Health.UNKNOWN, "it is not looked at"
    if now - looked_at > timedelta(seconds=row["interval_seconds"] * STALE_INTERVALS + 60):
        return Health.UNKNOWN, "nobody looks any more"
    if row["seen"] in BAD or row["verdict"] in BAD:
        return Health.DOWN, str(row["detail"]).rstrip(".") if row["seen"] in BAD else "just coming back"
    if row["seen"] in GOOD and row["verdict"] in GOOD:
        return Health.UP, ""
    return Health.UNKNOWN, str(row["detail"]).rstrip(".")


def _url(addresses: list[tuple[str, str]], seen_from: str) -> str:
    """A neighbour takes the host's first address; anybody else one that leads there from afar."""
    if seen_from:
        return addresses[0][1] if addresses else ""
    ranked = sorted(addresses, key=lambda one: FROM_AFAR.index(one[0]))
    return ranked[0][1] if ranked else ""
