"""What the company has and pays: environments, variables, flags, secrets by name, costs, risks, failure modes."""

from typing import Literal

from django.contrib.postgres.fields import ArrayField
from django.db import models

from infra.models.records import Record, reference, text
from infra.models.struct import StructField


class Environment(Record):
    """Handbook: "Environment Configuration" 1 and 2."""

    purpose = text()
    url = models.CharField("address", max_length=200, blank=True, default="")
    access = models.CharField(max_length=100, blank=True, default="")
    managed_by = models.CharField(max_length=100, blank=True, default="")
    parameters = StructField(shape=dict[str, str], default=dict, blank=True)
    notes = text()


class EnvironmentVariable(Record):
    """A variable that a service reads; never its value where that is sensitive."""

    description = text(blank=False)
    required = models.BooleanField(default=False)
    when = models.CharField(max_length=100, blank=True, default="", help_text="Required only then.")
    default = models.CharField(max_length=200, blank=True, default="")
    sensitive = models.BooleanField(default=False)
    environments = ArrayField(
        models.CharField(max_length=50), default=list, blank=True, help_text="Empty: all."
    )


class FeatureFlag(Record):
    """Handbook: "Feature Flags Per Environment"."""

    states = StructField(
        shape=dict[str, Literal["on", "off"]], default=dict, help_text="Environment: on or off."
    )
    notes = text()


class Secret(Record):
    """That a secret exists, where it lies and when it must change. Its value never comes here."""

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=50, blank=True, default="")
    location = text("Where it is kept: a vault, a store, a file; not the value.", blank=False)
    used_by = text()
    owner = models.CharField(max_length=100, blank=True, default="")
    rotation_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: only when it was compromised."
    )
    before_expiry_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Renewed so many days before it expires."
    )
    last_rotated = models.DateField(null=True, blank=True, help_text="Empty: nobody knows.")
    expires_on = models.DateField(null=True, blank=True)
    notes = text()


class Cost(Record):
    """What something costs, now and as planned, as ranges in euro a month."""

    what = text(blank=False)
    site = reference("infra.Site", related_name="costs")
    platform = reference("infra.Platform", related_name="costs")
    current_min = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    current_max = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    target_min = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    target_max = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True, help_text="A projection for that year.")
    counts = models.BooleanField(
        default=True, help_text="Part of the totals; not for a share of another cost."
    )
    notes = text()

    class Meta(Record.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(current_max__gte=models.F("current_min"))
                | models.Q(current_min=None)
                | models.Q(current_max=None),
                name="cost_current_range",
            ),
            models.CheckConstraint(
                condition=models.Q(target_max__gte=models.F("target_min"))
                | models.Q(target_min=None)
                | models.Q(target_max=None),
                name="cost_target_range",
            ),
        ]


class Risk(Record):
    """Handbook: "Risk Register"."""

    class Level(models.TextChoices):
        VERY_LOW = "very low", "Very low"
        LOW = "low", "Low"
        MEDIUM = "medium", "Medium"
        HIGH = "high", "High"

    risk = text(blank=False)
    likelihood = models.CharField(max_length=10, choices=Level)
    impact = models.CharField(max_length=10, choices=Level)
    mitigation = text()


class FailureMode(Record):
    """Handbook: "Failure Mode Catalog"."""

    failure = text(blank=False)
    detection = text()
    response = text()
    recovery = text()
    host = reference("infra.Host")
