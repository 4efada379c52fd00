from inbox.models.accounts import Account, Folder
from inbox.models.decisions import Decision, Feedback, LlmCall, StageEvidence
from inbox.models.messages import UNDECIDED, Content, Mail, Message, MessageSearch
from inbox.models.outward import Digest, Escalation
from inbox.models.senders import Partner, Sender

__all__ = [
    "UNDECIDED",
    "Account",
    "Content",
    "Decision",
    "Digest",
    "Escalation",
    "Feedback",
    "Folder",
    "LlmCall",
    "Mail",
    "Message",
    "MessageSearch",
    "Partner",
    "Sender",
    "StageEvidence",
]
