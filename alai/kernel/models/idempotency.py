"""What a creating request answered, so that its repetition answers the same."""

from django.db import models
from django.db.models.functions import Now


class IdempotencyRecord(models.Model):
    """One answered request, written in the transaction of its effect."""

    owner = models.CharField(max_length=64, help_text="SHA-256 of the credentials.")
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=100)
    response = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "method", "path", "key"], name="one_answer_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
