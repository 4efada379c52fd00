"""What every registry record is: a name, and what the file last said of it."""

import re
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]*")


class Record(models.Model):
    """A fact about the company, loaded from `registry/*.yaml` or made by hand in the admin.

    `origin` holds the fields as the file last gave them (only those that differ from their defaults); None means
    that no file knows the record. Where a field differs from its origin, somebody edited it here.
    """

    slug = models.CharField(
        "name",
        max_length=100,
        unique=True,
        validators=[
            RegexValidator(rf"^{NAME.pattern}\Z", "Letters, digits and . _ : / # - only, no blanks.")
        ],
        help_text="What the files and other records call it.",
    )
    origin = models.JSONField(null=True, editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    @property
    def is_from_file(self) -> bool:
        return self.origin is not None


def text(help_text: str = "", *, blank: bool = True, verbose_name: str | None = None) -> Any:
    """A line or more of text that may be empty."""
    return models.TextField(verbose_name, blank=blank, default="", help_text=help_text)


def reference(to: str, help_text: str = "", *, required: bool = False, related_name: str = "+") -> Any:
    """A record of another kind, named by its slug in the files. One that is named cannot be deleted."""
    return models.ForeignKey(
        to,
        on_delete=models.PROTECT,
        null=not required,
        blank=not required,
        related_name=related_name,
        help_text=help_text,
    )
