"""What happened to a task, what was said, what proves it, and what a CEO allowed."""

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Now

from missioncontrol.models.tasks import Task

GRANT_LIFETIME = timedelta(hours=24)
FREQUENT = (
    "created", "edited", "commented", "evidence_added", "claimed", "lease_refreshed", "lease_extended",
    "lease_released", "ready", "done",
)  # fmt: skip
BEGUN = ("claimed", "in_progress")  # the kinds by which work begins

if TYPE_CHECKING:
    BaseField = models.Field[str, str]
else:
    BaseField = models.Field


class XidField(BaseField):
    """PostgreSQL's xid8: the writing transaction, by which readers know what is safely in the past."""

    def db_type(self, connection: object) -> str:
        return "xid8"


class CurrentXid(Func):
    function = "pg_current_xact_id"
    arity = 0
    output_field: ClassVar[XidField] = XidField()


class TaskEvent(models.Model):
    """One thing that happened to a task. Append-only; it is the task's audit entry too."""

    xid = XidField(db_default=CurrentXid(), editable=False)
    at = models.DateTimeField(db_default=Now())
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="events", db_index=False)
    kind = models.CharField(max_length=40)
    actor = models.CharField(max_length=200)
    on_behalf_of = models.CharField(max_length=200, blank=True, default="")
    data = models.JSONField(default=dict)
    why = models.TextField(blank=True, default="")
    request_id = models.CharField(max_length=128, blank=True, default="")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["task", "id"], name="event_task"),  # a task's timeline
            models.Index(fields=["xid", "id"], name="event_cursor"),  # streams and updated_since
            models.Index(fields=["at"], name="event_at"),  # charts and "since you last looked"
            models.Index(
                fields=["at"], condition=Q(kind="lease_expired"), name="event_expired"
            ),  # the latter
            models.Index(
                fields=["task", "at"], condition=Q(kind__in=BEGUN), name="event_begun"
            ),  # how long tasks took
            # The admin's list of one kind; those that are found anywhere need none.
            models.Index(fields=["kind", "-id"], condition=~Q(kind__in=FREQUENT), name="event_rare_kind"),
        ]

    def __str__(self) -> str:
        return f"#{self.task_id} {self.kind} by {self.actor}"


class Comment(models.Model):
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="comments")
    author = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    legacy = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.author} on #{self.task_id}"


class Evidence(models.Model):
    """A proof: a stored file, a file whose hash its owner registered, or a mere reference in words."""

    class Kind(models.TextChoices):
        FILE = "file", "File"  # its bytes are here
        REGISTERED = "registered", "Registered file"  # hash, size and time of a file on a host
        REFERENCE = "reference", "Reference"  # words only, unverified

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="evidence")
    form = models.CharField(max_length=12, choices=Kind)
    kind = models.CharField(max_length=50, blank=True, default="", help_text="e.g. image, trace, log, report")
    name = models.TextField(help_text="File name, path on its host, or the reference itself.")
    host = models.CharField(max_length=100, blank=True, default="")
    sha256 = models.CharField(max_length=64, blank=True, default="", db_index=True)
    size = models.BigIntegerField(null=True)
    mtime = models.DateTimeField(null=True)
    file = models.FileField(upload_to="evidence/%Y/%m/", blank=True)
    verified = models.BooleanField(
        default=False, help_text="The server itself has the bytes and hashed them."
    )
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "evidence"

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """A CEO's recorded permission to override a lease once."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="grants")
    action = models.CharField(max_length=20)
    reason = models.TextField()
    granted_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_default=Now() + GRANT_LIFETIME)
    used_at = models.DateTimeField(null=True, editable=False)
    used_by = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} on #{self.task_id}, by {self.granted_by}"
