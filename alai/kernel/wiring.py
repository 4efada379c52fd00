"""What the kernel registers with itself when Django is ready."""

from django.db import DatabaseError

from alai.kernel import audit, checks, health, metrics, notifications, pool, retention
from alai.kernel.models import (
    Actor,
    AuditEntry,
    IdempotencyRecord,
    ImportReject,
    ImportRow,
    ImportRun,
    LegacyRow,
    Notification,
    NotificationChannel,
    Retention,
    Token,
)

SYSTEM_CHECKS = checks  # importing it registers them


def register() -> None:
    pool.install()
    audit.register(Actor)
    audit.register(Token, omit=("digest",), quiet=("last_used_at",))
    audit.register(Retention)
    audit.register(ImportReject)
    audit.register(LegacyRow)
    audit.append_only(AuditEntry)
    audit.exempt(IdempotencyRecord, reason="a copy of answers, kept for a day")
    audit.exempt(ImportRow, reason="the import's own bookkeeping, written beside each audited row")
    audit.exempt(Notification, reason="a notification is the record of its own delivery")
    audit.exempt(NotificationChannel, reason="the state of a queue")
    audit.exempt(ImportRun, reason="a log itself")
    retention.register_kernel()
    retention.register("import-runs", ImportRun, "started_at", 365, "When what was imported, with its sums.")
    retention.permanent(ImportReject, reason="what an import could not take is kept until somebody needs it")
    retention.permanent(LegacyRow, reason="the only copy of what has no place here yet")
    metrics.queue_depth(lambda: {("notifications",): float(notifications.waiting())})
    health.register("notifications", _delivery)


def _delivery() -> health.Finding | None:
    """Only worth an entry while something waits; a database that is away has its own."""
    try:
        hindrance = notifications.delivery_status() if notifications.waiting() else ""
    except DatabaseError:
        return None
    return health.Finding("degraded", hindrance) if hindrance else None
