"""How long records are kept: every table that grows has a setting, edited in the admin.

Apps say in `AppConfig.ready` what grows (`register`) and what is kept for good (`permanent`); a test fails
for a table about which nobody said anything. The kinds' defaults become rows of `Retention` after each
migrate, and what was edited there stays. Handbook: "Log Retention Policy".
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.db.models import DateTimeField, Field, Model, Q
from django.db.models.functions import Now
from django.db.models.signals import post_migrate
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.models import (
    Actor,
    AuditEntry,
    IdempotencyRecord,
    Notification,
    NotificationChannel,
    Retention,
    Session,
    Token,
)

logger = logging.getLogger(__name__)

BATCH = 5_000
LOG_FILES = "log-files"
LOG_DAYS = {"development": 7, "staging": 30, "production": 90}


@dataclass(frozen=True)
class Kind:
    """Records that are deleted some days after `column`, if `where` holds."""

    name: str
    model: type[Model]
    column: str
    default_days: int | None
    help: str
    where: Q = field(default_factory=Q)


_kinds: dict[str, Kind] = {}
_permanent: dict[type[Model], str] = {}


def register(
    kind: str, model: type[Model], column: str, default_days: int | None, help: str, where: Q | None = None
) -> None:
    """Delete the model's rows some days after their `column`; None keeps them until somebody sets a number.

    `where` limits it to rows that are done with. Call it in `AppConfig.ready`.
    """
    _kinds[kind] = Kind(kind, model, column, default_days, help, Q() if where is None else where)


def permanent(model: type[Model], *, reason: str) -> None:
    """Say that the model's rows are kept for good, and why."""
    _permanent[model] = reason


def kinds() -> dict[str, tuple[int | None, str]]:
    """Each kind's default days and what it is, for the admin."""
    known = {kind.name: (kind.default_days, kind.help) for kind in _kinds.values()}
    return {**known, LOG_FILES: (_log_days(), "Files under DATA_DIR/logs, by their last line's time.")}


def unaccounted() -> Iterator[str]:
    """For each model that grows and about which nobody said anything, what to add."""
    registered = {kind.model for kind in _kinds.values()}
    for model in apps.get_models(include_auto_created=True):
        grows = [column.name for column in model._meta.local_fields if _stamps(column)]
        if grows and model not in registered and model not in _permanent:
            name = model.__name__
            yield (
                f"{model._meta.label} grows: add to its AppConfig.ready "
                f"retention.register('{name.lower()}s', {name}, '{grows[0]}', 90, 'what they are') "
                f"or retention.permanent({name}, reason='why they are few or kept for good')."
            )


def seed(**_: object) -> None:
    """Add the missing kinds with their defaults; for `post_migrate`."""
    if Retention._meta.db_table in connection.introspection.table_names():
        rows = [Retention(kind=name, days=days) for name, (days, _help) in kinds().items()]
        Retention.objects.bulk_create(rows, ignore_conflicts=True)


def prune() -> str:
    """Delete what is older than its kind's days; answers a sentence. A kind that fails stops no other."""
    rows = Retention.objects.exclude(days=None).values_list("kind", "days")
    days = {kind: limit for kind, limit in rows if limit is not None}
    counts = {kind.name: _prune_kind(kind, days[kind.name]) for kind in _kinds.values() if kind.name in days}
    if LOG_FILES in days:
        counts[LOG_FILES] = prune_log_files(settings.DATA_DIR / "logs", days=days[LOG_FILES])
    parts = [f"{count} {name.replace('-', ' ')}" for name, count in counts.items() if count]
    failed = [name.replace("-", " ") for name, count in counts.items() if count is None]
    sentence = f"Deleted {', '.join(parts)}" if parts else "Nothing was old enough to delete"
    return sentence + (f"; failed for {', '.join(failed)}" if failed else "")


def prune_log_files(folder: Path, *, days: int) -> int:
    """Remove rotated files and empty `*.log` files last written over `days` days ago; answers how many."""
    oldest = time.time() - days * 86_400
    old = [path for path in _files(folder) if path.lstat().st_mtime < oldest]
    for path in old:
        # A quiet server still holds its .log open: unlinked, its next lines would go nowhere.
        os.truncate(path, 0) if path.suffix == ".log" else path.unlink(missing_ok=True)
    return len(old)


def register_kernel() -> None:
    """What the kernel and the libraries that it brings store. For `KernelConfig.ready`."""
    decided = ~Q(state__in=Notification.UNDECIDED)
    register("audit-entries", AuditEntry, "at", 365, "Who changed what (handbook: one year).")
    register("notifications", Notification, "created_at", 90, "Messages sent, failed or expired.", decided)
    register("idempotency-records", IdempotencyRecord, "created_at", 2, "Answers kept for repeated requests.")
    register("sessions", Session, "expire_date", 1, "People's sessions, counted from their expiry.")
    register("sign-in-attempts", AccessAttempt, "attempt_time", 90, "Failed sign-ins.")
    register("sign-in-failures", AccessFailureLog, "attempt_time", 90, "Failed sign-ins, one row each.")
    register("sign-ins", AccessLog, "attempt_time", 90, "Sign-ins and sign-outs.")
    register("admin-log", LogEntry, "action_time", 365, "The admin's own list of recent actions.")
    permanent(Actor, reason="history names actors")
    permanent(Token, reason="few, and a revoked one still explains old audit entries")
    permanent(NotificationChannel, reason="one row a channel")
    permanent(get_user_model(), reason="people are deactivated, not deleted")
    post_migrate.connect(seed, sender=apps.get_app_config("kernel"), dispatch_uid="retention.seed")


def _prune_kind(kind: Kind, days: int) -> int | None:
    """How many rows went; None when it failed, after which the next run goes on."""
    total = 0
    try:
        while count := _prune_batch(kind, days):
            total += count
    except DatabaseError:
        logger.exception("Retention failed", extra={"kind": kind.name})
        return None
    return total


def _prune_batch(kind: Kind, days: int) -> int:
    """Delete up to BATCH rows in one short transaction, with one audit entry for all of them."""
    table = kind.model._meta.db_table
    rows = kind.model._base_manager.filter(kind.where, **{f"{kind.column}__lt": Now() - timedelta(days=days)})
    with audit.writing(history=table, why=f"{kind.name}: kept for {days} days"):
        # SKIP LOCKED: two runs at once share the work.
        free = rows.order_by(kind.column).select_for_update(skip_locked=True)
        old = list(free.values_list("pk", flat=True)[:BATCH])
        if old:
            with _append_only_lifted():
                kind.model._base_manager.filter(pk__in=old).delete()
            audit.record(action="retention", target_type=table, target_id="", rows=len(old))
    return len(old)


@contextmanager
def _append_only_lifted() -> Iterator[None]:
    """Let append-only tables shrink; an error ends it with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL alai.retention = 'on'")
        yield
        cursor.execute("SET LOCAL alai.retention = 'off'")


def _stamps(column: "Field[Any, Any]") -> bool:
    """Whether the column is filled with a row's birth: a table with such rows grows."""
    if not isinstance(column, DateTimeField):
        return False
    return column.auto_now_add or column.default is timezone.now or isinstance(column.db_default, Now)


def _log_days() -> int:
    """Handbook: 7 days in development, 30 in staging, 90 in production."""
    return LOG_DAYS.get(settings.ENVIRONMENT, LOG_DAYS["production"])


def _files(folder: Path) -> list[Path]:
    """The plain files below a folder; links are not followed."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
