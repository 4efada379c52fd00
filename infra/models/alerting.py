"""Who hears of what, how soon, and who next. Handbook: "Monitoring & Observability" 3, "Static Hosting Blueprint" 4."""

from typing import Annotated, NotRequired, TypedDict

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from pydantic import Field

from infra.models.records import Record, reference, text
from infra.models.struct import StructField


class Step(TypedDict):
    """A step of an escalation: so many seconds after the incident was confirmed, this channel hears."""

    after_seconds: Annotated[int, Field(ge=0)]
    level: str
    channel: str
    action: NotRequired[str]


class Channel(Record):
    """Where messages go. Addresses of people stand in the environment, never here."""

    class Kind(models.TextChoices):
        SLACK = "slack", "Slack channel"
        DIRECT = "direct", "Direct message"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SLACK)
    address = models.CharField(
        max_length=100, help_text="A channel's name, or env:NAME for what the environment names."
    )
    purpose = text()


class Severity(Record):
    """How soon somebody must answer. Handbook: "Alert Routing & Escalation"."""

    label = models.CharField(max_length=50)
    rank = models.PositiveSmallIntegerField(unique=True, help_text="1 is the worst.")
    acknowledge_minutes = models.PositiveIntegerField(null=True, blank=True)
    resolve_minutes = models.PositiveIntegerField(null=True, blank=True)
    update_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="How often people say how it stands; empty: nobody is reminded."
    )
    answer = text("What is expected, in words.")
    opens_task = models.BooleanField(default=False, help_text="An incident also opens a task in the ledger.")
    policy = reference(
        "infra.EscalationPolicy",
        "Who hears of an incident of it that somebody declares; empty: the board alone.",
    )

    class Meta(Record.Meta):
        verbose_name_plural = "severities"


class EscalationPolicy(Record):
    """Steps that an unacknowledged incident climbs."""

    name = models.CharField(max_length=100)
    steps = StructField(shape=list[Step], default=list)
    notes = text()

    class Meta(Record.Meta):
        verbose_name_plural = "escalation policies"


class Rotation(Record):
    """Who is on call. Members are actors of the ledger."""

    name = models.CharField(max_length=100)
    schedule = models.CharField(max_length=100, blank=True, default="")
    members = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    minimum = models.PositiveSmallIntegerField(default=3, help_text="Fewer members burn out.")
    notes = text()


class AlertRule(Record):
    """What counts as trouble, and who hears of it at which level."""

    metric = models.CharField(max_length=100)
    condition = text("In words, as the handbook has it.", blank=False)
    source = models.CharField(
        max_length=50, blank=True, default="", help_text="The kind of check that feeds it."
    )
    threshold = models.FloatField(null=True, blank=True)
    unit = models.CharField(max_length=20, blank=True, default="")
    duration_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="How long it must last; empty: at once."
    )
    severity = reference("infra.Severity", required=True)
    channel = reference("infra.Channel")
    policy = reference("infra.EscalationPolicy")
    level_1 = text(verbose_name="level 1")
    level_2 = text(verbose_name="level 2")
    level_3 = text(verbose_name="level 3")


class AlertPolicy(Record):
    """What keeps alerts few enough to be read. Handbook: "Alert Fatigue Prevention"."""

    minimum_duration_seconds = models.PositiveIntegerField(default=120, help_text="No single-spike alerts.")
    dedup_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: the handbook leaves it open."
    )
    suppress_from = models.TimeField(
        null=True,
        blank=True,
        help_text="What is not critical waits from here on (local time), told afterwards.",
    )
    suppress_until = models.TimeField(
        null=True, blank=True, help_text="Before the start: the next morning. Both empty: nothing waits."
    )
    review = models.CharField(max_length=50, blank=True, default="")
    actionable_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    postmortem_for = reference("infra.Severity", "Each incident of it is reviewed afterwards.")

    class Meta(Record.Meta):
        verbose_name_plural = "alert policies"

    def clean(self) -> None:
        super().clean()
        if (self.suppress_from is None) != (self.suppress_until is None):
            raise ValidationError(
                {"suppress_until": "Hours in which alerts wait have a start and an end, or neither."}
            )
        if self.suppress_from is not None and self.suppress_from == self.suppress_until:
            raise ValidationError(
                {"suppress_until": "Hours that start and end at the same time have no length."}
            )


class MaintenanceWindow(Record):
    """A time in which nobody is disturbed about the named sites and hosts."""

    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    sites = models.ManyToManyField("infra.Site", blank=True, related_name="+")
    hosts = models.ManyToManyField("infra.Host", blank=True, related_name="+")
    reason = text(blank=False)

    class Meta(Record.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="maintenance_ends_after_it_starts"
            )
        ]
