"""Reactor pushes: one for each mail that needs the CEO, at most so many in a cycle, the rest in the next one.

What waits stands in its mail (`push_due_at`), so that no restart can lose it. Handbook: "Push Path", "Dedup".
"""

import hashlib
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.notifications import enqueue
from alai.kernel.slack import escape
from inbox.models import Mail, Message
from inbox.triage.verdicts import Action

PUSHES_LOCK = 0x494E_5055  # one at a time counts what the cycle has left
SENDER_LOCK = 0x4953
SUBJECT_LENGTH = 150
LABELS = {
    Action.LINKED: "KNOWN CONTACT",
    Action.LLM_YES: "NEW LEAD",
}


def want(mail: Mail, message: Message) -> None:
    """A mail that was just decided shall be pushed: at once when the cycle has room, else in the next one.

    Call it in the decision's transaction, with the mail locked. An LLM's YES brings a sender so many pushes a day.
    """
    if mail.reactor_pushed_at is not None or mail.push_due_at is not None:
        return
    if mail.action == Action.LLM_YES and _has_had_enough(message.sender):
        return
    mail.push_due_at = timezone.now()
    mail.save(update_fields=["push_due_at"])
    if _lock(wait=False) and _room() > 0:
        _push(mail, message)


def push_waiting() -> int:
    """Push what waits, the oldest first, as far as the cycle has room; answers how many went out."""
    with audit.writing(history=Mail._meta.db_table):
        _lock(wait=True)
        mails = list(Mail.objects.push_waits().select_for_update()[: max(0, _room())])
        for mail in mails:
            message = mail.messages.select_related("account").order_by("id").first()
            if message is not None:
                _push(mail, message)
    return len(mails)


def text_of(mail: Mail, message: Message) -> str:
    """The handbook's words: `[TIER-1 PARTNER] <name> emailed <account> — <subject>`."""
    name = mail.partner_name or message.sender_name or message.sender or "Somebody"
    subject = " ".join(message.subject.split())[:SUBJECT_LENGTH] or "(no subject)"
    task = f" (task {mail.task_id})" if mail.task_id else ""
    return (
        f"[{_label(mail)}] {escape(name)} emailed {escape(message.account.address)} — {escape(subject)}{task}"
    )


def _label(mail: Mail) -> str:
    if mail.action in (Action.PARTNER, Action.PARTNER_UNVERIFIED):
        doubt = ", UNVERIFIED" if mail.action == Action.PARTNER_UNVERIFIED else ""
        return f"TIER-{mail.partner_tier} PARTNER{doubt}"
    return LABELS.get(Action(mail.action), "MAIL")


def _push(mail: Mail, message: Message) -> None:
    enqueue(
        event=f"mail:{mail.pk}",
        step="push",
        recipient=settings.INBOX_SLACK_CHANNEL,
        text=text_of(mail, message),
    )
    Mail.objects.filter(pk=mail.pk).update(reactor_pushed_at=Now())
    mail.refresh_from_db(fields=["reactor_pushed_at"])


def _room() -> int:
    """How many more may go out in the cycle that ends now."""
    cycle = timedelta(seconds=settings.INBOX_CYCLE_SECONDS)
    gone = Mail.objects.filter(reactor_pushed_at__gt=Now() - cycle).count()
    return int(settings.INBOX_PUSHES_PER_CYCLE) - gone


def _has_had_enough(sender: str) -> bool:
    """Whether the LLM's YES brought this sender its share of the day's pushes."""
    key = int.from_bytes(hashlib.sha256(sender.encode()).digest()[:4], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SENDER_LOCK, key])
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    today = Mail.objects.filter(
        messages__sender=sender, push_due_at__gte=midnight, decisions__action=Action.LLM_YES
    )
    return today.distinct().count() >= int(settings.INBOX_LLM_PUSHES_PER_SENDER)


def _lock(*, wait: bool) -> bool:
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [PUSHES_LOCK])
        row = cursor.fetchone()
    return wait or bool(row and row[0])
