"""Hosts' heartbeats: the last one and its services in a few statements, and the history beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from alai.kernel import audit
from alai.kernel.errors import NotFound
from alai.kernel.principals import Principal
from infra.models import Beat, Host, HostState, Service, ServiceState
from missioncontrol.services.common import acting_as

KEEP = f"""
INSERT INTO {HostState._meta.db_table} AS s
    (host_id, at, beats, load, disk_percent, memory_percent, uptime_seconds, versions, services)
VALUES (%(host)s, statement_timestamp(), 1, %(load)s::float8[], %(disk)s, %(memory)s, %(uptime)s, %(versions)s::jsonb,
        %(services)s::jsonb)
ON CONFLICT (host_id) DO UPDATE SET
    at = excluded.at, beats = s.beats + 1, load = excluded.load, disk_percent = excluded.disk_percent,
    memory_percent = excluded.memory_percent, uptime_seconds = excluded.uptime_seconds, versions = excluded.versions,
    services = excluded.services
RETURNING at
"""

# Ordered by id, so that two beats of one host never wait for each other in a ring.
TELL = f"""
INSERT INTO {ServiceState._meta.db_table} AS s
    (service_id, at, up, since, downs, detail, restarts, restarted_at)
SELECT t.id, %(at)s, t.up, %(at)s, CASE WHEN t.up THEN 0 ELSE 1 END, t.detail, t.restarted::int,
       CASE WHEN t.restarted THEN %(at)s::timestamptz END
FROM unnest(%(id)s::bigint[], %(up)s::bool[], %(restarted)s::bool[], %(detail)s::text[])
     AS t(id, up, restarted, detail)
ORDER BY t.id
ON CONFLICT (service_id) DO UPDATE SET
    at = excluded.at, up = excluded.up, detail = excluded.detail,
    since = CASE WHEN s.up = excluded.up THEN s.since ELSE excluded.at END,
    downs = CASE WHEN excluded.up THEN 0 ELSE s.downs + 1 END,
    restarts = s.restarts + excluded.restarts, restarted_at = coalesce(excluded.restarted_at, s.restarted_at)
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A service as its host tells it."""

    name: str
    up: bool
    restarted: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a host says of itself. Percentages are of what is used, `load` is over 1, 5 and 15 minutes."""

    load: Sequence[float] = ()
    disk_percent: float | None = None
    memory_percent: float | None = None
    uptime_seconds: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    services: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """When the beat came, by the database's clock, and which services the registry does not know on that host."""

    at: datetime
    unknown: list[str]


def record_beat(*, by: Principal, host: str, vitals: Vitals) -> Recorded:
    """Keep a host's beat. Raises NotFound, or Forbidden for a token that is limited to other hosts."""
    by.require_host(host)
    found = host_named(host)
    told = {one.name: one for one in vitals.services}
    known = dict(Service.objects.filter(host=found, slug__in=told).values_list("slug", "pk"))
    with acting_as(by), audit.writing():
        at = _keep(found, vitals)
        _tell(at, {pk: told[slug] for slug, pk in known.items()})
        Beat.objects.create(
            host=found, at=at, load_1=next(iter(vitals.load), None), disk_percent=vitals.disk_percent,
            memory_percent=vitals.memory_percent, uptime_seconds=vitals.uptime_seconds,
            down=sorted(name for name, one in told.items() if not one.up),
            restarted=sorted(name for name, one in told.items() if one.restarted),
        )  # fmt: skip
    return Recorded(at, sorted(set(told) - set(known)))


def host_named(name: str) -> Host:
    found = Host.objects.filter(slug=name).first()
    if found is None:
        raise NotFound(f"There is no host {name[:100]} in the registry.", code="host_not_found")
    return found


def _keep(host: Host, vitals: Vitals) -> datetime:
    services = [
        {"name": one.name, "up": one.up, "restarted": one.restarted, "detail": one.detail}
        for one in vitals.services
    ]
    fields: dict[str, Any] = {
        "host": host.pk, "load": list(vitals.load), "disk": vitals.disk_percent, "memory": vitals.memory_percent,
        "uptime": vitals.uptime_seconds, "versions": json.dumps(vitals.versions), "services": json.dumps(services),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(KEEP, fields)
        row: tuple[datetime] = cursor.fetchone()
    return row[0]


def _tell(at: datetime, told: dict[int, Told]) -> None:
    if not told:
        return
    columns: dict[str, Any] = {
        "at": at,
        "id": list(told),
        "up": [one.up for one in told.values()],
        "restarted": [one.restarted for one in told.values()],
        "detail": [one.detail for one in told.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(TELL, columns)
