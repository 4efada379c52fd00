"""HiveMind: what agents tell each other, and what they keep in mind."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from missioncontrol.models.history import CurrentXid, XidField


class Message(models.Model):
    """Something said in a channel, to everybody or to one. Append-only."""

    xid = XidField(db_default=CurrentXid(), editable=False)
    channel = models.CharField(max_length=100)
    sender = models.CharField(max_length=200)
    recipient = models.CharField(max_length=200, blank=True, default="", db_default="")
    body = models.TextField()
    payload = models.JSONField(default=dict, db_default={}, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    legacy = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    class Meta:
        verbose_name = "agent message"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["channel", "id"], name="message_channel"),  # a channel's latest
            models.Index(fields=["channel", "xid", "id"], name="message_after"),  # what came since
            models.Index(fields=["xid", "id"], name="message_cursor"),  # streams
        ]

    def __str__(self) -> str:
        return f"{self.sender} in {self.channel}"


class Memory(models.Model):
    """One revision of what an agent keeps under a key; the latest is current, the others are its past.

    A trigger keeps `revision`, `is_current`, `standing` and `vector`, so that imported and hand-written rows
    have them too.
    """

    agent = models.CharField(max_length=200)
    kind = models.CharField(max_length=50)
    key = models.CharField(max_length=200)
    content = models.TextField()
    tags = ArrayField(models.CharField(max_length=100), default=list, db_default=[], blank=True)
    importance = models.FloatField(
        default=0.5, validators=[MinValueValidator(0), MaxValueValidator(1)], help_text="0 to 1."
    )
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    legacy = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    revision = models.PositiveIntegerField(db_default=0, editable=False)
    is_current = models.BooleanField(db_default=True, editable=False)
    # What importance and recency are worth in the ranking, apart from any words.
    standing = models.FloatField(db_default=0, editable=False)
    vector = SearchVectorField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "memories"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["agent", "key", "created_at", "id"], name="memory_revisions"),
            models.Index(fields=["-standing", "-id"], name="memory_standing", condition=Q(is_current=True)),
            models.Index(fields=["kind", "-id"], name="memory_kind"),
            GinIndex(fields=["vector"], name="memory_vector", condition=Q(is_current=True), fastupdate=False),
            GinIndex(fields=["tags"], name="memory_tags"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(importance__gte=0, importance__lte=1), name="memory_importance_0_to_1"
            )
        ]

    def __str__(self) -> str:
        return f"{self.agent}: {self.key}"
