from alai.kernel.models.access import Authenticator, RecoveryCode, Session
from alai.kernel.models.actors import ACTOR_NAME, RECIPIENT, SCOPES, Actor, Token
from alai.kernel.models.audit import AuditEntry
from alai.kernel.models.idempotency import IdempotencyRecord
from alai.kernel.models.imports import ImportReject, ImportRow, ImportRun, LegacyRow
from alai.kernel.models.notifications import Notification, NotificationChannel
from alai.kernel.models.retention import Retention

__all__ = [
    "ACTOR_NAME",
    "RECIPIENT",
    "SCOPES",
    "Actor",
    "AuditEntry",
    "Authenticator",
    "IdempotencyRecord",
    "ImportReject",
    "ImportRow",
    "ImportRun",
    "LegacyRow",
    "Notification",
    "NotificationChannel",
    "RecoveryCode",
    "Retention",
    "Session",
    "Token",
]
