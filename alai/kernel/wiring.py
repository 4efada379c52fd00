"""What the kernel registers with itself when Django is ready."""

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError
from django.db.models.signals import post_save

from alai.kernel import audit, checks, health, metrics, notifications, pool, retention, sessions
from alai.kernel.models import (
    Actor,
    AuditEntry,
    Authenticator,
    IdempotencyRecord,
    ImportReject,
    ImportRow,
    ImportRun,
    LegacyRow,
    Notification,
    NotificationChannel,
    RecoveryCode,
    Retention,
    Session,
    Token,
)

SYSTEM_CHECKS = checks  # importing it registers them
# Signing in with an authenticator is no change of it.
USED = ("last_step", "last_used_at", "throttling_failure_timestamp", "throttling_failure_count")


def register() -> None:
    pool.install()
    user_logged_in.connect(sessions.signed_in, dispatch_uid="session-place")
    post_save.connect(sessions.person_changed, sender=User, dispatch_uid="person-ends-sessions")
    audit.register(Actor)
    audit.register(Token, omit=("digest",), quiet=("last_used_at", "last_used_from"))
    audit.register(Authenticator, omit=("sealed_secret",), quiet=USED)
    audit.register(RecoveryCode, omit=("digest",))
    audit.register(Retention)
    audit.register(ImportReject)
    audit.register(LegacyRow)
    audit.append_only(AuditEntry)
    audit.exempt(Session, reason="sessions hold secrets and change all the time; their ends are recorded")
    audit.exempt(IdempotencyRecord, reason="a copy of answers, kept for a day")
    audit.exempt(ImportRow, reason="the import's own bookkeeping, written beside each audited row")
    audit.exempt(Notification, reason="a notification is the record of its own delivery")
    audit.exempt(NotificationChannel, reason="the state of a queue")
    audit.exempt(ImportRun, reason="a log itself")
    retention.register_kernel()
    retention.register("import-runs", ImportRun, "started_at", 365, "When what was imported, with its sums.")
    retention.permanent(Authenticator, reason="one row a person")
    retention.permanent(RecoveryCode, reason="ten rows a person, replaced with the authenticator")
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
