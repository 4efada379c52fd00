"""Threads, answers and acquaintance: what a message says about other messages and about people."""

from datetime import datetime

from django.db.models import F, Q

from inbox.access import normal
from inbox.mail.parsed import Parsed
from inbox.models import Mail, Message, Sender

ANSWERED_BY_SENT = "sent"
RECIPIENTS = 200


def join(message: Message, mail: Mail, parsed: Parsed) -> None:
    """Find the mail's thread, what it answers, and whom we write to. Only a Sent folder speaks for us."""
    if mail.thread_id is None:
        _thread(mail)
    if message.outgoing:
        Mail.objects.filter(pk=mail.pk).update(outgoing=True)
        recipients = sorted({normal(one.email)[:320] for one in (*parsed.to, *parsed.cc) if one.email})
        answer(mail, recipients[:RECIPIENTS], message.received_at)
        remember_recipients(recipients[:RECIPIENTS], message.received_at)
    elif mail.message_id:
        _answered_already(mail)


def answer(reply: Mail, recipients: list[str], at: datetime) -> int:
    """Our reply answers the mail that it replies to, and what else its recipients had said; answers how many.

    References are copied from the mail that is answered, so that a stranger may have put anybody's into them.
    """
    earlier = Message.objects.filter(sender__in=recipients, mail__message_id__in=reply.named).values(
        "mail_id"
    )
    answered = Q(message_id=reply.in_reply_to) & ~Q(message_id="") | Q(pk__in=earlier)
    open_mails = Mail.objects.filter(answered, answered_at=None, outgoing=False).exclude(pk=reply.pk)
    return open_mails.update(answered_at=at, answered_by=ANSWERED_BY_SENT)


def remember_recipients(addresses: list[str], at: datetime) -> None:
    """Those we wrote to are known from then on. Addresses come sorted, lower case, each once."""
    Sender.objects.bulk_create([Sender(address=one) for one in addresses], ignore_conflicts=True)
    # In one order, or two messages to the same people could wait for each other.
    rows = Sender.objects.filter(address__in=addresses).order_by("pk").select_for_update()
    ids = [row.pk for row in rows]
    Sender.objects.filter(pk__in=ids).update(sent_count=F("sent_count") + 1)
    Sender.objects.filter(Q(last_sent_at=None) | Q(last_sent_at__lt=at), pk__in=ids).update(last_sent_at=at)


def _thread(mail: Mail) -> None:
    """The thread of what it names, else of what names it, else its own."""
    known = Mail.objects.filter(message_id__in=mail.named).exclude(pk=mail.pk)
    later = (
        Mail.objects.filter(references__contains=[mail.message_id])
        if mail.message_id
        else Mail.objects.none()
    )
    roots = {one.thread_id or one.pk for one in [*known[:50], *later.exclude(pk=mail.pk)[:50]]}
    root = min(roots, default=mail.pk)
    mail.thread_id = root
    Mail.objects.filter(Q(pk=mail.pk) | Q(thread_id__in=roots - {root})).update(thread_id=root)


def _answered_already(mail: Mail) -> None:
    """Our answer may have been fetched before the mail that it answers."""
    reply = Mail.objects.filter(in_reply_to=mail.message_id, outgoing=True).order_by("received_at").first()
    if reply is not None:
        Mail.objects.filter(pk=mail.pk, answered_at=None).update(
            answered_at=reply.received_at, answered_by=ANSWERED_BY_SENT
        )
