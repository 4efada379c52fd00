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
from missioncontrol.services.evidence import EvidenceItem, attach_file, register_evidence
from missioncontrol.services.hivemind import post_message, remember
from missioncontrol.services.tasks import add_comment, create_task, finish_task, update_task

__all__ = [
    "MAX_SWEEP",
    "EvidenceItem",
    "add_comment",
    "attach_file",
    "claim_next",
    "claim_task",
    "create_task",
    "extend_claim",
    "finish_task",
    "post_message",
    "record_grant",
    "register_evidence",
    "release_claim",
    "remember",
    "sweep_claims",
    "update_task",
]
