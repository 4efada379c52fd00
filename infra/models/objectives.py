"""What is promised of a check, how fast the promise may break, and what was measured. Handbook: "SLOs / SLIs"."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from infra.models.records import Record, reference, text


class Objective(Record):
    """A service level objective: of the time that was seen, so many percent are good.

    Availability: it answered. Latency: of the time in which it answered, the answer came within the threshold.
    """

    class Sli(models.TextChoices):
        AVAILABILITY = "availability", "Availability"
        LATENCY = "latency", "Latency"

    name = models.CharField(max_length=100)
    check_record = reference(
        "infra.Check", "The check that measures it.", required=True, related_name="objectives"
    )
    sli = models.CharField("SLI", max_length=15, choices=Sli, default=Sli.AVAILABILITY)
    target = models.FloatField(
        null=True, blank=True, help_text="Percent, below 100. Empty: nobody has decided; no budget, no alert."
    )
    threshold_ms = models.FloatField(
        "threshold (ms)", null=True, blank=True, help_text="Latency alone: slower is bad."
    )
    window_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    rule = reference("infra.AlertRule", "Who hears when less of the budget is left than its threshold.")
    notes = text()

    def clean(self) -> None:
        super().clean()
        if self.target is not None and not 0 < self.target < 100:
            raise ValidationError({"target": f"{self.target:g} is not between 0 and 100, both excluded."})
        if self.sli == self.Sli.LATENCY and self.target is not None and not (self.threshold_ms or 0) > 0:
            raise ValidationError({"threshold_ms": "A latency objective with a target needs its threshold."})


class BurnTier(Record):
    """How fast a budget may burn before somebody hears: in the long window, and in the short one still.

    Factor 1 spends the budget in just the objective's window. Source: Google's SRE workbook, "Alerting on SLOs" 6.
    """

    factor = models.FloatField(validators=[MinValueValidator(0.01)])
    long_seconds = models.PositiveIntegerField(
        validators=[MinValueValidator(60), MaxValueValidator(7 * 86_400)]
    )
    short_seconds = models.PositiveIntegerField(
        validators=[MinValueValidator(60), MaxValueValidator(7 * 86_400)], help_text="It burns still."
    )
    severity = reference("infra.Severity", required=True)
    policy = reference("infra.EscalationPolicy")

    def clean(self) -> None:
        super().clean()
        if self.short_seconds is None or self.long_seconds is None:
            return  # its field says what is wrong
        if self.short_seconds >= self.long_seconds:
            raise ValidationError({"short_seconds": "The short window is shorter than the long one."})


class ObjectiveState(models.Model):
    """How far an objective's hours are summed up, and on what basis: another check or threshold starts anew."""

    objective = models.OneToOneField(
        Objective, on_delete=models.CASCADE, primary_key=True, related_name="state"
    )
    basis = models.CharField(max_length=200)
    maintenance = models.CharField(max_length=40, blank=True, default="")
    summed_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.objective_id}: until {self.summed_until}"


class ObjectiveHour(models.Model):
    """An hour of an objective, in seconds. What is neither good, bad nor excluded was not seen."""

    objective = models.ForeignKey(Objective, on_delete=models.CASCADE, related_name="hours", db_index=False)
    hour = models.DateTimeField()
    good = models.FloatField()
    bad = models.FloatField()
    excluded = models.FloatField(help_text="Maintenance.")
    bad_looks = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["objective", "hour"], name="objective_hour_once"),
        ]
        indexes = [models.Index(fields=["hour"], name="objective_hour")]

    def __str__(self) -> str:
        return f"{self.objective_id} at {self.hour}"


class DeployOverride(models.Model):
    """Somebody lets deployments through though the budget says no: why, and until when."""

    objective = models.ForeignKey(Objective, on_delete=models.CASCADE, related_name="overrides")
    reason = models.TextField()
    granted_by = models.CharField(max_length=200)
    granted_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"until {self.expires_at} by {self.granted_by}"
