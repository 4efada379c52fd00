"""All writes of the watch."""

from infra.services.beats import host_named, record_beat
from infra.services.declaring import declare
from infra.services.importing import import_checks
from infra.services.incidents import (
    acknowledge,
    assign,
    deal_with_edges,
    escalate,
    note,
    resolve,
    revive_stalled,
)
from infra.services.objectives import end_override, judge_objectives, override_freeze, sum_up_objectives
from infra.services.pings import Call as PingCall
from infra.services.pings import ping, tend_jobs, trim_pings
from infra.services.records import take_from_file
from infra.services.responding import give_role, publish, remind, silence, write_postmortem
from infra.services.rolling import roll_up
from infra.services.routing import clear_override, override_server, pin_tier
from infra.services.shift import watch
from infra.services.watching import ensure_states, look_round, probe_now

__all__ = [
    "PingCall",
    "acknowledge",
    "assign",
    "clear_override",
    "deal_with_edges",
    "declare",
    "end_override",
    "ensure_states",
    "escalate",
    "give_role",
    "host_named",
    "import_checks",
    "judge_objectives",
    "look_round",
    "note",
    "override_freeze",
    "override_server",
    "pin_tier",
    "ping",
    "probe_now",
    "publish",
    "record_beat",
    "remind",
    "resolve",
    "revive_stalled",
    "roll_up",
    "silence",
    "sum_up_objectives",
    "take_from_file",
    "tend_jobs",
    "trim_pings",
    "watch",
    "write_postmortem",
]
