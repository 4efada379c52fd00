"""Which model serves which tier, and where instead. Handbook: "ANVIL SPOF Elimination Plan" phase 4."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from infra.models.records import Record, reference, text
from infra.models.struct import StructField


class ModelServer(Record):
    """A server of models on a host, with the check that tells how it is and which models it has."""

    host = reference("infra.Host", required=True, related_name="model_servers")
    port = models.PositiveIntegerField(default=11434)
    path = models.CharField(max_length=100, default="/api/tags", help_text="Its list of models.")
    timeout_ms = models.PositiveIntegerField("patience (ms)", default=3000)
    role = models.CharField(max_length=50, blank=True, default="")
    watched_by = reference(
        "infra.Check", "A check of the kind model-server; its models are the expected ones."
    )


class ModelTier(Record):
    """A tier of work. Its name is what the dispatch calls it."""

    server = reference("infra.ModelServer", required=True, related_name="tiers")
    model = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="Empty: whatever the server has; it cannot be moved then.",
    )
    notes = text()


class FailoverRule(Record):
    """Where tiers go while their server does not serve them: another server, with that one's names, or a cloud."""

    server = reference(
        "infra.ModelServer", "While this one does not serve.", required=True, related_name="failover_rules"
    )
    rank = models.PositiveSmallIntegerField(
        default=1, help_text="The lowest is tried first; clouds come last in any case."
    )
    tiers = ArrayField(models.CharField(max_length=100), default=list)
    to_server = reference("infra.ModelServer", related_name="+")
    to_models = StructField(
        shape=dict[str, str],
        default=dict,
        blank=True,
        help_text="Its model there: the other server's name of it.",
    )
    cloud = models.CharField(
        max_length=50, blank=True, default="", help_text="A provider, instead of a server."
    )
    cloud_model = models.CharField(max_length=100, blank=True, default="")
    notes = text()

    class Meta(Record.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(to_server=None, cloud__gt="") | Q(to_server__isnull=False, cloud=""),
                name="failover_to_server_or_cloud",
            )
        ]


class RoutingOverride(models.Model):
    """Somebody's word against the checks', until it expires: a server counts as well or not, or a tier is pinned."""

    server = models.ForeignKey(ModelServer, on_delete=models.CASCADE, related_name="overrides")
    tier = models.ForeignKey(ModelTier, null=True, on_delete=models.CASCADE, related_name="pins")
    healthy = models.BooleanField(
        null=True, help_text="Of the server; empty for a tier that is pinned to it."
    )
    reason = models.CharField(max_length=500)
    by = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["expires_at"]
        constraints = [
            models.UniqueConstraint(fields=["server"], condition=Q(tier=None), name="one_override_a_server"),
            models.UniqueConstraint(fields=["tier"], condition=Q(tier__isnull=False), name="one_pin_a_tier"),
            models.CheckConstraint(
                condition=Q(tier=None, healthy__isnull=False) | Q(tier__isnull=False, healthy=None),
                name="override_of_server_or_tier",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier or self.server} until {self.expires_at}"
