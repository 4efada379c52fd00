"""Incidents: one for each trouble, with the escalation that it climbs and everything that happened to it."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from infra.models.checks import Check
from missioncontrol.models import Task


class Incident(models.Model):
    """A trouble from its first confirmed sight until it is resolved.

    `steps` is the policy as it stood when the incident opened: later edits change no incident under way. `step` counts
    those that were told; `next_step_at` is when the next one is due, None when nothing more will be told.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        RESOLVED = "resolved", "Resolved"

    check_record = models.ForeignKey(
        Check,
        null=True,
        on_delete=models.SET_NULL,
        related_name="incidents",
        help_text="What showed it first.",
    )
    title = models.CharField(max_length=200)
    detail = models.CharField(max_length=300, blank=True, default="")
    severity = models.CharField(max_length=100)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True, default="")
    assigned_to = models.CharField(max_length=200, blank=True, default="")
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=200, blank=True, default="")
    reopened = models.PositiveIntegerField(
        default=0, help_text="How often it came back within the quiet time."
    )
    steps = models.JSONField(default=list)
    step = models.PositiveSmallIntegerField(default=0)
    told_from = models.DateTimeField(help_text="The steps' delays count from here.")
    next_step_at = models.DateTimeField(null=True)
    task = models.ForeignKey(Task, null=True, on_delete=models.SET_NULL, related_name="incidents")
    part_of = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="parts",
        help_text="The incident that explains it.",
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["check_record"], condition=~Q(state="resolved"), name="one_open_incident_a_check"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_step_at"], condition=Q(next_step_at__isnull=False), name="incident_climbs"
            ),
            models.Index(fields=["state", "-id"], name="incident_state"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"


class IncidentEntry(models.Model):
    """One line of an incident's timeline. Append-only."""

    class Kind(models.TextChoices):
        OPENED = "opened", "opened"
        WORSENED = "changed", "changed"
        TOLD = "told", "told"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        ASSIGNED = "assigned", "assigned"
        NOTE = "note", "noted"
        RECOVERED = "recovered", "recovered"
        REOPENED = "reopened", "came back"
        RESOLVED = "resolved", "resolved"
        JOINED = "joined", "joined"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=12, choices=Kind)
    by = models.CharField(max_length=200, blank=True, default="")
    text = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "incident entries"
        indexes = [models.Index(fields=["at"], name="incident_entry_at")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.by}"
