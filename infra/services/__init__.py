"""All writes of the watch."""

from infra.services.incidents import (
    acknowledge,
    assign,
    deal_with_edges,
    escalate,
    note,
    resolve,
    revive_stalled,
)
from infra.services.records import take_from_file
from infra.services.rolling import roll_up
from infra.services.watching import ensure_states, look_round, probe_now, watch

__all__ = [
    "acknowledge",
    "assign",
    "deal_with_edges",
    "ensure_states",
    "escalate",
    "look_round",
    "note",
    "probe_now",
    "resolve",
    "revive_stalled",
    "roll_up",
    "take_from_file",
    "watch",
]
