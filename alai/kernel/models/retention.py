"""How long each kind of record is kept."""

from django.core.validators import MinValueValidator
from django.db import models


class Retention(models.Model):
    """A kind's days; what is older is deleted once a day. The kinds come from `alai.kernel.retention`."""

    kind = models.CharField(max_length=60, primary_key=True, editable=False)
    days = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: kept for ever."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["kind"]
        verbose_name_plural = "retention"

    def __str__(self) -> str:
        return f"{self.kind}: {f'{self.days} days' if self.days else 'for ever'}"
