"""All writes of the inbox. Each is keyword-only and leaves its decision or audit entry."""

from inbox.services.accounts import account_for
from inbox.services.fetching import (
    Claim,
    ClaimLost,
    begin_reading,
    claim_account,
    end_badly,
    end_early,
    end_well,
    folder_of,
    note_stuck,
    renew_claim,
    step_back,
    store_fetched,
    try_again_now,
)
from inbox.services.parsing import parse_stored
from inbox.services.storing import Incoming, store_many, store_message

__all__ = [
    "Claim",
    "ClaimLost",
    "Incoming",
    "account_for",
    "begin_reading",
    "claim_account",
    "end_badly",
    "end_early",
    "end_well",
    "folder_of",
    "note_stuck",
    "parse_stored",
    "renew_claim",
    "step_back",
    "store_fetched",
    "store_many",
    "store_message",
    "try_again_now",
]
