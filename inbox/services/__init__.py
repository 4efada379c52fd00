"""All writes of the inbox. Each is keyword-only and leaves its decision or audit entry."""

from inbox.services.accounts import account_for
from inbox.services.parsing import parse_stored
from inbox.services.storing import Incoming, store_many, store_message

__all__ = [
    "Incoming",
    "account_for",
    "parse_stored",
    "store_many",
    "store_message",
]
