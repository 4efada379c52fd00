"""The record of every write."""

from django.db import models
from django.db.models.functions import Now


class AuditEntry(models.Model):
    """One change of one row (or one bulk statement), written by a database trigger: see `alai.kernel.audit`."""

    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=200, help_text="Who; empty when a write came around the application.")
    on_behalf_of = models.CharField(max_length=200, blank=True)
    action = models.CharField(
        max_length=40, help_text="insert, update, delete, bulk-insert, ..., or an event."
    )
    target_type = models.CharField(max_length=63, help_text="The table.")
    target_id = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    why = models.TextField(blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    db_user = models.CharField(max_length=63, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(
                fields=["target_type", "target_id", "-id"], name="audit_target"
            ),  # a record's history
            models.Index(fields=["actor", "-id"], name="audit_actor"),  # what somebody did
            models.Index(fields=["at"], name="audit_at"),  # retention
        ]

    def __str__(self) -> str:
        return f"{self.actor or self.db_user or '?'}: {self.action} {self.target_type} {self.target_id}"
