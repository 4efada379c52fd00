"""All writes of the inbox. Each is keyword-only and leaves its decision or audit entry."""

from inbox.services.accounts import account_for
from inbox.services.asking import ask_waiting, resolve, triage_waiting
from inbox.services.coming_back import Sent, escalate, raise_digest_alarm, send_digest
from inbox.services.correcting import (
    declare_partner,
    forgive,
    mark_answered,
    never_again,
    promote,
    reclassify,
    release,
)
from inbox.services.deciding import decide
from inbox.services.erasing import erase_sender
from inbox.services.parsing import parse_stored
from inbox.services.partners import add_partner, import_partners, remove_partner
from inbox.services.receiving import take_in
from inbox.services.storing import Incoming, store_many, store_message

__all__ = [
    "Incoming",
    "Sent",
    "account_for",
    "add_partner",
    "ask_waiting",
    "decide",
    "declare_partner",
    "erase_sender",
    "escalate",
    "forgive",
    "import_partners",
    "mark_answered",
    "never_again",
    "parse_stored",
    "promote",
    "raise_digest_alarm",
    "reclassify",
    "release",
    "remove_partner",
    "resolve",
    "send_digest",
    "store_many",
    "store_message",
    "take_in",
    "triage_waiting",
]
