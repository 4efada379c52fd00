"""Jobs that ping when they are done, as at Healthchecks: the schedule of each, how it stands, and its pings."""

import re
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from infra.models.records import Record, reference, text
from infra.probes.jobs import bad_schedule

SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
YEAR = 366 * 86_400


class Job(Record):
    """Something that runs by itself and says so. It has a period, or a cron expression in its time zone."""

    name = models.CharField(max_length=100)
    host = reference("infra.Host", related_name="jobs")
    period_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(30), MaxValueValidator(YEAR)],
        help_text="How long after a run the next one is due.",
    )  # fmt: skip
    cron = models.CharField(
        max_length=100, blank=True, default="", help_text="Instead of a period, e.g. 0 2 * * 0."
    )
    time_zone = models.CharField(
        max_length=50, blank=True, default="", help_text="Of the cron expression; empty: the installation's."
    )
    grace_seconds = models.PositiveIntegerField(
        default=3600, validators=[MinValueValidator(30), MaxValueValidator(YEAR)],
        help_text="How late it may be, and how long a run may take, before it is down.",
    )  # fmt: skip
    rule = reference("infra.AlertRule", "Who hears when it is down; empty: the board alone shows it.")
    guarded = models.BooleanField(
        default=False,
        help_text="Pings by name need a token with infra:write; those by the secret address do not.",
    )
    notes = text()
    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta(Record.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(period_seconds=None, cron__gt="") | Q(period_seconds__isnull=False, cron=""),
                name="job_period_or_cron",
            )
        ]

    def clean(self) -> None:
        super().clean()
        problems: dict[str, Any] = {}
        if not SLUG.fullmatch(self.slug) or _is_uuid(self.slug):
            problems["slug"] = (
                "A job's name stands in an address: letters, digits and . _ - only, and no UUID."
            )
        if bool(self.cron) == (self.period_seconds is not None):
            problems["cron" if self.cron else "period_seconds"] = "Give either period_seconds or cron."
        elif self.cron and (wrong := bad_schedule(self.cron, self.time_zone or "UTC")):
            problems["time_zone" if "zone" in wrong else "cron"] = wrong
        if problems:
            raise ValidationError({name: f"{said}" for name, said in problems.items()})


class JobState(models.Model):
    """How a job stands; times are the database's. `last_at` is its last end, well or not."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="state")
    pings = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField(null=True)
    failed = models.BooleanField(default=False)
    exit_status = models.PositiveSmallIntegerField(null=True)
    last_start_at = models.DateTimeField(null=True, help_text="Of a run that has not ended.")
    last_start_rid = models.UUIDField(null=True)
    last_duration = models.FloatField(null=True, help_text="Seconds.")

    def __str__(self) -> str:
        return f"{self.job_id}: {self.pings} pings"


class Ping(models.Model):
    """One ping with what it carried: masked as logs are, and cut."""

    class Kind(models.TextChoices):
        SUCCESS = "success", "Success"
        START = "start", "Start"
        FAIL = "fail", "Failure"
        LOG = "log", "Log"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="pings", db_index=False)
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=7, choices=Kind)
    exit_status = models.PositiveSmallIntegerField(null=True)
    rid = models.UUIDField(null=True, help_text="Names a run, so that its end finds its start.")
    duration = models.FloatField(null=True, help_text="Seconds from the run's start.")
    method = models.CharField(max_length=4)
    source = models.CharField(
        max_length=45, blank=True, default="", help_text="Its address, the last part cut."
    )
    agent = models.CharField(max_length=200, blank=True, default="")
    body = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["job", "-at"], name="ping_of_job"),
            models.Index(fields=["job", "rid"], condition=Q(rid__isnull=False), name="ping_of_run"),
            models.Index(fields=["at"], name="ping_at"),  # retention
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at}"


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
