"""All writes of the ledger. Each is keyword-only, one transaction, and leaves its event or audit entry."""

from missioncontrol.leases import MAX_SWEEP
from missioncontrol.services.claims import (
    claim_next,
    claim_task,
    extend_claim,
    record_grant,
    release_claim,
    sweep_claims,
)
from missioncontrol.services.costs import record_cost
from missioncontrol.services.evidence import EvidenceItem, attach_file, register_evidence
from missioncontrol.services.hivemind import post_message, remember
from missioncontrol.services.mentions import see_mentions
from missioncontrol.services.tasks import add_comment, create_task, finish_task, update_task
from missioncontrol.services.views import change_view, delete_view, save_view

__all__ = [
    "MAX_SWEEP",
    "EvidenceItem",
    "add_comment",
    "attach_file",
    "change_view",
    "claim_next",
    "claim_task",
    "create_task",
    "delete_view",
    "extend_claim",
    "finish_task",
    "post_message",
    "record_cost",
    "record_grant",
    "register_evidence",
    "release_claim",
    "remember",
    "save_view",
    "see_mentions",
    "sweep_claims",
    "update_task",
]
