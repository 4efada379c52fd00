"""Reads of hosts: their last beats, how fresh those are, and what probes judge of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from infra import records
from infra.models import Host, HostState, Service, ServiceState
from infra.probes.beats import SLACK, HostRecord, ServiceRecord

EVERY = 60  # seconds between beats
MISSED = 2  # beats in a row that make a host silent


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the last beat is, in seconds; None when none ever came."""

    word: Literal["fresh", "late", "silent", "never"]
    age: float | None


def hosts() -> QuerySet[Host]:
    """Hosts with their last beats and services, and the database's clock beside them; two queries."""
    services = Service.objects.select_related("state").order_by("slug")
    rows = Host.objects.select_related("state").prefetch_related(Prefetch("services", queryset=services))
    return rows.annotate(clock=Now())


def freshness_of(host: Host) -> Freshness:
    state: HostState | None = getattr(host, "state", None)
    if state is None:
        return Freshness("never", None)
    clock: datetime = getattr(host, "clock", None) or timezone.now()
    age = max(0.0, (clock - state.at).total_seconds())
    if age > MISSED * EVERY + SLACK:
        return Freshness("silent", age)
    return Freshness("late" if age > EVERY + SLACK else "fresh", age)


def services_of(host: Host) -> QuerySet[Service]:
    """What the host's agent looks after: whatever it can see by port or unit."""
    return Service.objects.filter(host=host).order_by("slug")


def host_records() -> Mapping[str, HostRecord]:
    """Each host's last beat, for probes."""
    now = records.clock()
    awake = records.awake_since(now)
    return {
        state.host.slug: HostRecord(state.at, _quiet(state.at, awake, now), _used(state))
        for state in HostState.objects.select_related("host")
    }


def service_records() -> Mapping[str, ServiceRecord]:
    """Each service as its host last told, for probes."""
    now = records.clock()
    awake = records.awake_since(now)
    return {
        state.service.slug: ServiceRecord(
            state.up, state.downs, state.since, _quiet(state.at, awake, now), state.detail
        )
        for state in ServiceState.objects.select_related("service")
    }


def _quiet(at: datetime, awake: datetime, now: datetime) -> float:
    return max(0.0, (now - max(at, awake)).total_seconds())


def _used(state: HostState) -> dict[str, float]:
    found = {"load": next(iter(state.load), None), "disk": state.disk_percent, "memory": state.memory_percent}
    return {name: round(value, 2) for name, value in found.items() if value is not None}
