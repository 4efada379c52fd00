"""All writes of the watch."""

from infra.services.beats import host_named, record_beat
from infra.services.incidents import (
    acknowledge,
    assign,
    deal_with_edges,
    escalate,
    note,
    resolve,
    revive_stalled,
)
from infra.services.pings import Call as PingCall
from infra.services.pings import ping, tend_jobs, trim_pings
from infra.services.records import take_from_file
from infra.services.rolling import roll_up
from infra.services.routing import clear_override, override_server, pin_tier
from infra.services.watching import ensure_states, look_round, probe_now, watch

__all__ = [
    "PingCall",
    "acknowledge",
    "assign",
    "clear_override",
    "deal_with_edges",
    "ensure_states",
    "escalate",
    "host_named",
    "look_round",
    "note",
    "override_server",
    "pin_tier",
    "ping",
    "probe_now",
    "record_beat",
    "resolve",
    "revive_stalled",
    "roll_up",
    "take_from_file",
    "tend_jobs",
    "trim_pings",
    "watch",
]
