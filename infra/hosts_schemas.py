"""Hosts and their heartbeats on the wire. Agents of several ages speak here: what they say more is left out."""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import BeforeValidator, ConfigDict, Field

from alai.kernel.masking import mask_text
from infra.models import Host, Service
from infra.selectors_hosts import Freshness, freshness_of
from infra.services.beats import Told, Vitals

DOWN_WORDS = ("down", "stopped", "failed", "dead", "false")
UP_WORDS = ("up", "running", "ok", "active", "true")


def _listed(value: Any) -> Any:
    """One number stands for the load over a minute."""
    return [value] if isinstance(value, int | float) else value


def _percent(value: Any) -> Any:
    """A number, or an object with the percentage in one of the usual names, or with `used` and `total`."""
    if not isinstance(value, dict):
        return value
    for name in ("percent", "used_percent", "used_pct"):
        if name in value:
            return value[name]
    used, total = value.get("used"), value.get("total")
    if isinstance(used, int | float) and isinstance(total, int | float) and total > 0:
        return 100 * used / total
    raise ValueError('write the percentage that is used, or {"used": ..., "total": ...}')


def _services(value: Any) -> Any:
    """A list, or an object by name: true, "up", or an object with `up`."""
    if not isinstance(value, dict):
        return value
    return [
        {**told, "name": name} if isinstance(told, dict) else {"name": name, "up": told}
        for name, told in value.items()
    ]


def _is_up(value: Any) -> Any:
    if isinstance(value, str) and value.lower() in DOWN_WORDS + UP_WORDS:
        return value.lower() in UP_WORDS
    return value


def _texts(value: Any) -> Any:
    """Version numbers that were sent as numbers are text all the same."""
    if not isinstance(value, dict):
        return value
    return {str(name): str(text) for name, text in value.items() if text is not None}


Percent = Annotated[float, BeforeValidator(_percent), Field(ge=0, le=100)]
Number = Annotated[float, Field(ge=0, le=1e12)]


class ServiceToldIn(Schema):
    model_config = ConfigDict(extra="ignore")
    name: Annotated[str, Field(min_length=1, max_length=100)]
    up: Annotated[bool, BeforeValidator(_is_up)]
    restarted: bool = False
    detail: Annotated[str, Field(max_length=300)] = ""


class HeartbeatIn(Schema):
    """All of it is optional: a beat without a word still says that the host lives."""

    model_config = ConfigDict(extra="ignore")
    load: Annotated[list[Number], BeforeValidator(_listed), Field(max_length=3)] = Field(
        default_factory=list, description="Over 1, 5 and 15 minutes; a number alone is the first."
    )
    disk: Percent | None = Field(None, description="Percent used.")
    memory: Percent | None = Field(None, description="Percent used.")
    uptime: Number | None = Field(None, description="Seconds.")
    versions: Annotated[
        dict[str, Annotated[str, Field(max_length=200)]], BeforeValidator(_texts), Field(max_length=50)
    ] = Field(default_factory=dict)
    services: Annotated[list[ServiceToldIn], BeforeValidator(_services), Field(max_length=200)] = Field(
        default_factory=list, description="Each registered service: up or down, restarted or not."
    )

    def vitals(self) -> Vitals:
        told = [Told(one.name, one.up, one.restarted, mask_text(one.detail)[:300]) for one in self.services]
        return Vitals(self.load, self.disk, self.memory, self.uptime, self.versions, told)


class HeartbeatOut(Schema):
    host: str
    at: datetime
    unknown_services: list[str] = Field(description="Told, but not in the registry on this host.")


class ServiceOrderOut(Schema):
    name: str
    tier: int | None
    port: int | None
    path: str = Field(description="Asked for over HTTP on the port; empty: the port alone.")
    unit: str = Field(description="A launchd or systemd unit, or docker:NAME.")
    restart: bool = Field(description="Whether the host's agent restarts it when it is down.")

    @classmethod
    def of(cls, service: Service) -> "ServiceOrderOut":
        return cls(
            name=service.slug, tier=service.tier, port=service.port, path=service.path, unit=service.unit,
            restart=service.restart,
        )  # fmt: skip


class HostOrdersOut(Schema):
    """What a host's agent has to look after."""

    host: str
    every_seconds: int
    services: list[ServiceOrderOut]


class ServiceStateOut(Schema):
    name: str
    up: bool | None = Field(description="Null: the host has not told.")
    since: datetime | None
    restarts: int
    restarted_at: datetime | None
    detail: str

    @classmethod
    def of(cls, service: Service) -> "ServiceStateOut":
        state = getattr(service, "state", None)
        return cls(
            name=service.slug,
            up=state.up if state else None,
            since=state.since if state else None,
            restarts=state.restarts if state else 0,
            restarted_at=state.restarted_at if state else None,
            detail=state.detail if state else "",
        )


class HostOut(Schema):
    name: str
    title: str
    role: str
    hardware: str
    memory_gb: int | None
    addresses: list[dict[str, str]]
    beats: bool = Field(description="Whether it is expected to send heartbeats.")
    freshness: Literal["fresh", "late", "silent", "never"]
    last_beat_at: datetime | None
    age_seconds: float | None
    load: list[float]
    disk_percent: float | None
    memory_percent: float | None
    uptime_seconds: float | None
    versions: dict[str, str]
    services: list[ServiceStateOut]

    @classmethod
    def of(cls, host: Host) -> "HostOut":
        state = getattr(host, "state", None)
        fresh: Freshness = freshness_of(host)
        return cls(
            name=host.slug,
            title=host.name,
            role=host.role,
            hardware=host.hardware,
            memory_gb=host.memory_gb,
            addresses=host.addresses,
            beats=host.beats,
            freshness=fresh.word,
            last_beat_at=state.at if state else None,
            age_seconds=round(fresh.age, 1) if fresh.age is not None else None,
            load=state.load if state else [],
            disk_percent=state.disk_percent if state else None,
            memory_percent=state.memory_percent if state else None,
            uptime_seconds=state.uptime_seconds if state else None,
            versions=state.versions if state else {},
            services=[ServiceStateOut.of(one) for one in host.services.all()],
        )


class HostList(Schema):
    items: list[HostOut]
    next_cursor: None = None
