"""What the inbox tells the kernel when Django is ready."""

from collections.abc import Sequence

from django.db import DatabaseError
from django.utils import timezone

from alai.kernel import audit, health, importing, limits, metrics, retention
from alai.kernel.api import register_lookup
from inbox import legacy, selectors, watching_wiring
from inbox.access import normal
from inbox.models import (
    Account,
    Content,
    Decision,
    Digest,
    Escalation,
    Feedback,
    Folder,
    LlmCall,
    Mail,
    Message,
    MessageSearch,
    Partner,
    Sender,
    StageEvidence,
)
from inbox.services.coming_back import missing_digest

# What strangers wrote never stands in the audit trail: it would outlive erasure and retention.
WRITTEN_BY_STRANGERS = ("subject", "sender_name", "to", "cc", "snippet", "attachments", "findings", "legacy")
LATE_MINUTES = 15
SENDER_UPKEEP = ("sent_count", "last_sent_at", "paperless_name", "paperless_checked_at")


def register() -> None:
    limits.register("account", accounts_among)
    audit.register(Account, quiet=Account.HEALTH)
    audit.register(Folder, quiet=Folder.PROGRESS)
    audit.register(Partner)
    audit.register(Sender, quiet=SENDER_UPKEEP)
    audit.register(Mail, omit=("references",), quiet=("next_try_at", "llm_attempts", "thread_id"))
    audit.register(Message, omit=WRITTEN_BY_STRANGERS, quiet=("attempts", "next_try_at"))
    audit.register(Digest)
    for history in (Decision, StageEvidence, Feedback, LlmCall, Escalation):
        audit.append_only(history)
    audit.exempt(
        Content, reason="bodies never stand in the audit trail; an erasure is recorded by its service"
    )
    audit.exempt(MessageSearch, reason="derived from the message by a trigger")
    _keep()
    register_lookup("message_id", selectors.visible_message)
    metrics.gauge("alai_inbox_mails", "Mails.", ["action"], selectors.mails_by_action)
    metrics.queue_depth(selectors.waiting)
    health.register("inbox-digest", _digest)
    watching_wiring.register()
    health.register("inbox-triage", _triage)
    importing.register(legacy.EMAIL_INBOX)


def _keep() -> None:
    retention.register(
        "mail-contents", Content, "kept_since", 180, "Raw mail and its text; what was decided stays."
    )
    retention.register("mail-evidence", StageEvidence, "at", 365, "What each stage saw in a mail.")
    retention.register("llm-calls", LlmCall, "at", 365, "What the LLM answered, how fast, at what cost.")
    retention.register("mail-feedback", Feedback, "at", None, "Corrections of decisions by people.")
    retention.register("escalations", Escalation, "at", 365, "What nobody answered in time.")
    retention.register("digests", Digest, "created_at", 365, "One row a day.")
    retention.permanent(Account, reason="one row a mailbox")
    retention.permanent(Partner, reason="few, and kept until somebody removes them")
    retention.permanent(Sender, reason="who is known and who is blocked")
    retention.permanent(Mail, reason="what was decided of each mail, without its text")
    retention.permanent(Message, reason="that a mail came, without its text")
    retention.permanent(Decision, reason="the record of what was decided, and of corrections")


def _digest() -> health.Finding | None:
    """Only worth an entry when it is missing; a database that is away has its own."""
    try:
        reason = missing_digest(timezone.now())
    except DatabaseError:
        return None
    return health.Finding("degraded", reason) if reason else None


def _triage() -> health.Finding | None:
    """Only worth an entry while mail waits for long."""
    try:
        minutes = selectors.oldest_wait()
    except DatabaseError:
        return None
    return (
        health.Finding("degraded", f"mail waits to be judged for {minutes} min")
        if minutes > LATE_MINUTES
        else None
    )


def accounts_among(names: Sequence[str]) -> set[str]:
    known = set(
        Account.objects.filter(address__in=[normal(name) for name in names]).values_list("address", flat=True)
    )
    return {name for name in names if normal(name) in known}
