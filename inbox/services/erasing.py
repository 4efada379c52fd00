"""Erasing what somebody wrote to us, on their request: the text goes, that a mail came and what was decided stays."""

from django.db.models.functions import Now

from alai.kernel import audit
from alai.kernel.errors import Invalid
from alai.kernel.principals import Principal
from inbox.access import accounts_of, normal
from inbox.models import Content, Message
from missioncontrol.services.common import acting_as

ERASED = "[erased]"


def erase_sender(*, by: Principal, address: str, reason: str) -> int:
    """Take away contents, subjects, names and attachments' names of a sender's messages; answers how many messages."""
    sender = normal(address)
    if not sender or not reason.strip():
        raise Invalid("Erasing needs the sender's address and a reason.")
    with acting_as(by, why=reason), audit.writing():
        messages = Message.objects.for_accounts(accounts_of(by)).filter(sender=sender)
        ids = list(messages.filter(erased_at=None).values_list("pk", flat=True))
        Content.objects.filter(message_id__in=ids).delete()
        erased = Message.objects.filter(pk__in=ids).update(
            subject=ERASED,
            sender_name="",
            snippet="",
            attachments=[],
            legacy={},
            erased_at=Now(),
        )
        # Subjects stand among the search words.
        Message.objects.filter(pk__in=ids).forget_words()
        audit.record(action="mail-erased", target_type=Message._meta.db_table, target_id="", messages=erased)
    return erased
