"""Lists of tasks that people keep under a name."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now


class SavedView(models.Model):
    """What somebody likes to look at: a query of the task list, for its owner or for everyone.

    `query` is written by `narrowing`, e.g. `status=ready&team=sales`; what it no longer knows is left out on reading.
    """

    owner = models.CharField(max_length=200, editable=False)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, blank=True)
    shared = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("owner", Lower("name"), name="savedview_one_name_per_owner"),
        ]
        indexes = [models.Index(fields=["name"], condition=Q(shared=True), name="savedview_shared")]

    def __str__(self) -> str:
        return self.name
