"""What is watched, how it stands, and what was seen. Results are many and short-lived; edges are few and kept."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from alai.kernel import secret_references
from alai.kernel.secret_references import SecretUnavailable
from infra.models.hosts import Host
from infra.models.records import Record, reference, text
from infra.models.struct import StructField
from infra.probes import KINDS, Verdict, make
from infra.probes.kinds import BadSettings


def verdicts() -> list[tuple[str, str]]:
    return [(one.value, one.value.capitalize()) for one in Verdict]


class Check(Record):
    """One thing that is looked at again and again. `settings` are the fields of its kind."""

    kind = models.CharField(max_length=20, choices=[(name, name) for name in KINDS])
    settings = StructField(shape=dict[str, Any], default=dict, help_text="The fields of its kind.")
    site = reference("infra.Site", related_name="checks")
    host = reference("infra.Host", related_name="checks")
    service = reference("infra.Service", related_name="checks")
    interval_seconds = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(5), MaxValueValidator(7 * 86_400)]
    )
    rule = reference("infra.AlertRule", "Who hears of it, and how soon; empty: the board alone shows it.")
    enabled = models.BooleanField(default=True)
    depends_on = models.ManyToManyField(
        "self",
        symmetrical=False,
        blank=True,
        help_text="While one of these is down, this one's failures are its.",
    )
    notes = text()

    @property
    def on_host(self) -> Host | None:
        """Where it happens, when that is one of our hosts: its own, else its service's."""
        return self.host or (self.service.host if self.service else None)

    def clean(self) -> None:
        super().clean()
        settings = {} if self.settings is None else self.settings
        try:
            make(self.kind, settings)
        except BadSettings as error:
            raise ValidationError({"settings": str(error)}) from None
        token = settings.get("token")
        if token:
            try:
                secret_references.check(token)
            except SecretUnavailable as refused:
                raise ValidationError({"settings": f"token: {refused}"}) from None


class CheckState(models.Model):
    """How a check stands. `verdict` changes only when it was confirmed; `pending` counts sightings that differ."""

    check_record = models.OneToOneField(
        Check, on_delete=models.CASCADE, primary_key=True, related_name="state"
    )
    verdict = models.CharField(max_length=10, choices=verdicts, default=Verdict.UNKNOWN)
    since = models.DateTimeField(db_default=Now())
    pending = models.PositiveSmallIntegerField(default=0, db_default=0)
    seen = models.CharField(max_length=10, blank=True, default="", help_text="The last look's verdict.")
    detail = models.CharField(max_length=300, blank=True, default="")
    latency_ms = models.FloatField(null=True)
    facts = models.JSONField(default=dict, db_default={})
    looked_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(db_default=Now())
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["next_at"], name="check_due")]

    def __str__(self) -> str:
        return f"{self.check_record_id}: {self.verdict}"


class Result(models.Model):
    """One look. Kept for days; the hours' summaries stay."""

    check_record = models.ForeignKey(Check, on_delete=models.CASCADE, related_name="results", db_index=False)
    at = models.DateTimeField()
    verdict = models.CharField(max_length=10)
    latency_ms = models.FloatField(null=True)
    detail = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["check_record", "-at"], name="result_of_check"),
            models.Index(fields=["at"], name="result_at"),  # retention, roll-up
        ]

    def __str__(self) -> str:
        return f"{self.verdict} at {self.at}"


class HourSummary(models.Model):
    """An hour of a check in seconds of each verdict; what nobody looked at is unknown, never up."""

    check_record = models.ForeignKey(Check, on_delete=models.CASCADE, related_name="hours", db_index=False)
    hour = models.DateTimeField()
    up = models.FloatField(default=0)
    degraded = models.FloatField(default=0)
    down = models.FloatField(default=0)
    blocked = models.FloatField(default=0)
    unknown = models.FloatField(default=0)
    looks = models.PositiveIntegerField(default=0)
    latency_median = models.FloatField(null=True)
    latency_p95 = models.FloatField(null=True)

    class Meta:
        verbose_name_plural = "hour summaries"
        constraints = [models.UniqueConstraint(fields=["check_record", "hour"], name="hour_once")]
        indexes = [models.Index(fields=["hour"], name="hour_summary_hour")]

    def __str__(self) -> str:
        return f"{self.check_record_id} at {self.hour}"


class DaySummary(models.Model):
    """A local day of a check in seconds of each verdict, added up from its hours: what bars of 90 days show."""

    check_record = models.ForeignKey(Check, on_delete=models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    up = models.FloatField(default=0)
    degraded = models.FloatField(default=0)
    down = models.FloatField(default=0)
    blocked = models.FloatField(default=0)
    unknown = models.FloatField(default=0)

    class Meta:
        verbose_name_plural = "day summaries"
        constraints = [models.UniqueConstraint(fields=["check_record", "day"], name="day_once")]
        indexes = [models.Index(fields=["day"], name="day_summary_day")]

    def __str__(self) -> str:
        return f"{self.check_record_id} on {self.day}"


class Edge(models.Model):
    """A confirmed change. Incidents follow from edges that nobody has dealt with yet."""

    check_record = models.ForeignKey(Check, on_delete=models.CASCADE, related_name="edges")
    at = models.DateTimeField()
    before = models.CharField(max_length=10)
    after = models.CharField(max_length=10)
    detail = models.CharField(max_length=300, blank=True, default="")
    dealt_with = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(dealt_with=False), name="edge_waits"),
            models.Index(fields=["at"], name="edge_at"),
        ]

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"
