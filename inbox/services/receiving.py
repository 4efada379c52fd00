"""The door for other feeders: store, judge without the network, and wake a worker for what is left."""

from alai.kernel import wake
from alai.kernel.principals import Principal
from inbox.models import Message
from inbox.services.accounts import account_for
from inbox.services.deciding import decide
from inbox.services.storing import Incoming, Place, store_and_read
from inbox.triage.verdicts import Verdict

ASK_TASK = "inbox.tasks.ask_llm"


def take_in(*, by: Principal, address: str, raw: bytes) -> tuple[Message, bool]:
    """Store a raw message for an account and judge it; answers the message, and whether it is new.

    Its sender counts as unauthenticated whatever its headers say: a feeder could write them itself.
    """
    account = account_for(by=by, address=address)
    read, new = store_and_read(Incoming(raw), Place(account), by)
    message = read.message
    message.mail = mail = decide(message_id=message.pk, parsed=read.parsed)
    if new and mail is not None and mail.verdict == Verdict.DEFERRED:
        wake.after_commit(ASK_TASK)
    return message, new
