"""Incidents: one for each trouble, with the escalation that it climbs and everything that happened to it."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from infra.models.checks import Check
from infra.models.hosts import Service
from infra.models.objectives import Objective
from infra.models.sites import Site
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
    objective = models.ForeignKey(
        Objective,
        null=True,
        on_delete=models.SET_NULL,
        related_name="incidents",
        help_text="Whose budget burns.",
    )
    tier = models.CharField(
        max_length=100, blank=True, default="", help_text="How fast it burns: a burn tier's name, or budget."
    )
    sites = models.ManyToManyField(Site, related_name="+", help_text="What somebody who declared it named.")
    services = models.ManyToManyField(Service, related_name="+")
    title = models.CharField(max_length=200)
    detail = models.CharField(max_length=300, blank=True, default="")
    severity = models.CharField(max_length=100)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True, default="")
    assigned_to = models.CharField(max_length=200, blank=True, default="")
    commander = models.CharField(max_length=200, blank=True, default="")
    technical = models.CharField("technical lead", max_length=200, blank=True, default="")
    communications = models.CharField("communications lead", max_length=200, blank=True, default="")
    scribe = models.CharField(max_length=200, blank=True, default="")
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=200, blank=True, default="")
    reopened = models.PositiveIntegerField(
        default=0, help_text="How often it came back within the quiet time."
    )
    steps = models.JSONField(default=list)
    step = models.PositiveSmallIntegerField(default=0)
    told_from = models.DateTimeField(help_text="The steps' delays count from here.")
    next_step_at = models.DateTimeField(null=True)
    silenced_until = models.DateTimeField(null=True, help_text="Nobody is told anything until then.")
    update_every = models.PositiveIntegerField(
        default=0, help_text="Seconds between two words about how it stands; 0: nobody owes any."
    )
    next_update_at = models.DateTimeField(null=True)
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
            models.UniqueConstraint(
                fields=["objective", "tier"],
                condition=~Q(state="resolved") & Q(objective__isnull=False),
                name="one_open_incident_a_tier",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_step_at"], condition=Q(next_step_at__isnull=False), name="incident_climbs"
            ),
            models.Index(
                fields=["next_update_at"],
                condition=Q(next_update_at__isnull=False),
                name="incident_owes_update",
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
        ROLE = "role", "gave a role"
        PUBLISHED = "published", "told the public"
        REMINDED = "reminded", "reminded of an update"
        SILENCED = "silenced", "silenced"
        REVIEWED = "reviewed", "reviewed"
        HELD = "held", "held"

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


class Postmortem(models.Model):
    """What an incident taught. Handbook: "Alert Fatigue Prevention": every critical one is reviewed afterwards."""

    incident = models.OneToOneField(
        Incident, on_delete=models.CASCADE, primary_key=True, related_name="postmortem"
    )
    summary = models.TextField(blank=True, default="")
    impact = models.TextField(blank=True, default="", help_text="Whom it hit, and how.")
    root_cause = models.TextField("root cause", blank=True, default="")
    detection = models.TextField(
        blank=True, default="", help_text="How it was noticed, and whether soon enough."
    )
    response = models.TextField(blank=True, default="", help_text="What was done, and what helped.")
    went_well = models.TextField("what went well", blank=True, default="")
    went_wrong = models.TextField("what went wrong", blank=True, default="")
    actions = models.TextField(
        "actions", blank=True, default="", help_text="One a line: what, who, until when."
    )
    written_by = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Postmortem of #{self.incident_id}"
