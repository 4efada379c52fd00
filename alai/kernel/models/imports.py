"""What an import remembers: its runs, where rows came from, which it could not take, and what nobody knows yet."""

from django.db import models
from django.db.models.functions import Now


class ImportRun(models.Model):
    """One run of `manage.py import_sqlite`; one that was killed has no end."""

    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    agrees = models.BooleanField(null=True, help_text="The sums agree and the sample of rows matched.")
    report = models.JSONField(default=dict, help_text="What `--json` prints.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Import of {', '.join(self.report.get('files', {})) or 'nothing'}"


class ImportRow(models.Model):
    """One imported source row. The hashes tell whether it changed there or its target changed here since."""

    pk = models.CompositePrimaryKey("source", "table", "key")
    source = models.CharField(max_length=100)
    table = models.CharField(max_length=200)
    key = models.CharField(max_length=250)
    target_id = models.BigIntegerField()
    source_hash = models.BinaryField()
    target_hash = models.BinaryField()
    # The target as the kernel's own upkeep may leave it (an expired lease that was swept): still untouched.
    settled_hash = models.BinaryField(null=True)
    unresolved = models.BooleanField(default=False)  # it names a row that may still come

    def __str__(self) -> str:
        return f"{self.source}.{self.table} {self.key}"


class ImportReject(models.Model):
    """A source row that could not be imported, whole, with the reason."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"  # it was imported later

    source = models.CharField(max_length=100)
    file = models.CharField(max_length=250, blank=True, help_text="The file's name when it was last read.")
    table = models.CharField(max_length=200)
    key = models.CharField(max_length=250)
    reason = models.CharField(max_length=40)
    detail = models.TextField()
    row = models.JSONField(help_text="Every column; bytes and undecodable text as base64.")
    source_hash = models.BinaryField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    at = models.DateTimeField(
        db_default=Now(), help_text="When this reason was found, or the row was imported."
    )

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["source", "table", "key"], name="import_reject_once")]
        indexes = [models.Index(fields=["state", "-id"], name="import_reject_state")]

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {self.reason}"


class LegacyRow(models.Model):
    """A source row of a table (or the unknown columns of one) that has no place here yet; one row a version."""

    source = models.CharField(max_length=100)
    table = models.CharField(max_length=200)
    key = models.CharField(max_length=250)
    row = models.JSONField(help_text="Every column; bytes and undecodable text as base64.")
    source_hash = models.BinaryField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "table", "key", "source_hash"], name="legacy_row_once")
        ]

    def __str__(self) -> str:
        return f"{self.source}.{self.table} {self.key}"
