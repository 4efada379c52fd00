"""The kinds of checks by name, and how a kind's settings become a probe."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from infra.probes.base import Probe
from infra.probes.beats import HeartbeatProbe, MeasureProbe, ServiceProbe
from infra.probes.builds import BuildsProbe
from infra.probes.cloudflare import CloudflareProbe
from infra.probes.conditions import BadCondition, read
from infra.probes.house import AliveProbe, BackupProbe, QueueProbe, SecretsProbe
from infra.probes.http import HttpProbe
from infra.probes.jobs import JobProbe
from infra.probes.models import ModelServerProbe
from infra.probes.network import DnsProbe, TcpProbe, TlsProbe

# A drift check is an HTTP check whose conditions stand in its settings.
KINDS: dict[str, type[Any]] = {
    "http": HttpProbe,
    "tls": TlsProbe,
    "dns": DnsProbe,
    "tcp": TcpProbe,
    "heartbeat": HeartbeatProbe,
    "service": ServiceProbe,
    "measure": MeasureProbe,
    "job": JobProbe,
    "model-server": ModelServerProbe,
    "queue": QueueProbe,
    "alive": AliveProbe,
    "secrets": SecretsProbe,
    "backup": BackupProbe,
    "cloudflare": CloudflareProbe,
    "builds": BuildsProbe,
}
_adapters = {name: TypeAdapter(kind) for name, kind in KINDS.items()}


class BadSettings(ValueError):
    """Settings that no probe can be made of; its text says which and why."""


def make(kind: str, settings: dict[str, Any]) -> Probe:
    """The probe that these settings describe; `BadSettings` in words when they do not fit."""
    if kind not in KINDS:
        raise BadSettings(f"no kind of check is called {kind}: {', '.join(KINDS)}")
    if not isinstance(settings, dict):
        raise BadSettings('settings are an object: {"name": value}')
    known = set(KINDS[kind].__dataclass_fields__)
    unknown = sorted(set(settings) - known)
    if unknown:
        raise BadSettings(f"a {kind} check has no {unknown[0]}; it has {', '.join(sorted(known))}")
    try:
        probe: Probe = _adapters[kind].validate_python(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadSettings(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
    for name in ("down_unless", "degraded_unless"):
        for text in getattr(probe, name, ()):
            try:
                read(text)
            except BadCondition as error:
                raise BadSettings(f"{name}: {error}") from None
    return probe
