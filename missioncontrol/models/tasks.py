"""The task ledger: a task, the lease that stands on it, what it waits for, and its words for searching."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from missioncontrol.querysets import TaskQuerySet


class Status(models.TextChoices):
    OPEN = "open", "Open"  # nobody works on it
    IN_PROGRESS = "in_progress", "In progress"  # somebody does, under a lease or by hand
    PAUSED = "paused", "Paused"  # put aside by its owner
    BLOCKED = "blocked", "Blocked"  # waits for something outside
    READY = "ready", "Ready"  # finished and waiting for acceptance
    DONE = "done", "Done"  # accepted, with evidence
    CANCELLED = "cancelled", "Cancelled"  # will not be done


CLOSED = (Status.DONE, Status.CANCELLED)
UNFINISHED = (Status.OPEN, Status.IN_PROGRESS, Status.PAUSED, Status.BLOCKED)


class Priority(models.IntegerChoices):
    LOW = 0, "Low"
    MEDIUM = 1, "Medium"
    HIGH = 2, "High"
    CRITICAL = 3, "Critical"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a task, until when. Whether it still counts is the database clock's decision."""

    actor: str
    session: str
    until: datetime
    fencing_token: int

    @property
    def holder(self) -> str:
        return f"{self.actor}:{self.session}"


class Task(models.Model):
    """A piece of work. Lease columns are written by `missioncontrol.leases` alone."""

    title = models.TextField()
    description = models.TextField(blank=True, default="")
    status = models.CharField(max_length=12, choices=Status, default=Status.OPEN)
    priority = models.SmallIntegerField(choices=Priority, default=Priority.MEDIUM)
    owner = models.CharField(max_length=100, blank=True, default="")
    team = models.CharField(max_length=100, blank=True, default="")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children", db_index=False
    )
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    requires = ArrayField(
        models.CharField(max_length=100),
        default=list,
        db_default=[],
        blank=True,
        help_text="What a worker must be able to do to be handed it, e.g. gpu.",
    )
    source = models.CharField(max_length=100, blank=True, default="")
    dedup_key = models.CharField(max_length=200, null=True, blank=True, editable=False)
    depends_on = models.ManyToManyField(
        "self",
        through="Dependency",
        through_fields=("task", "depends_on"),
        symmetrical=False,
        related_name="dependants",
    )
    due_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    legacy = models.JSONField(default=dict, blank=True, editable=False)

    lease_actor = models.CharField(max_length=100, default="", blank=True, editable=False)
    lease_session = models.CharField(max_length=250, default="", blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    lease_enforced = models.BooleanField(default=True, editable=False)
    fencing_token = models.BigIntegerField(default=0, editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="task_status_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="task_priority_known"),
            models.CheckConstraint(
                condition=Q(lease_actor="", lease_session="", lease_until=None)
                | (~Q(lease_actor="") & ~Q(lease_session="") & Q(lease_until__isnull=False)),
                name="task_lease_whole",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=CLOSED) | Q(lease_actor=""), name="task_closed_without_lease"
            ),
            models.UniqueConstraint(
                fields=["dedup_key"], condition=~Q(status__in=CLOSED), name="task_one_open_per_dedup_key"
            ),
        ]
        indexes = [
            # claims/next walks this one in order
            models.Index(
                F("priority").desc(),
                F("due_at").asc(nulls_last=True),
                "created_at",
                "id",
                condition=Q(status__in=[Status.OPEN, Status.IN_PROGRESS]),
                name="task_next",
            ),
            models.Index(
                "team",
                F("priority").desc(),
                F("due_at").asc(nulls_last=True),
                "created_at",
                "id",
                condition=Q(status__in=[Status.OPEN, Status.IN_PROGRESS]),
                name="task_next_of_team",
            ),  # and this one for an agent of one team
            models.Index(
                fields=["id"], condition=~Q(lease_actor=""), name="task_leased"
            ),  # sweep, "agents now"
            models.Index(fields=["status", "-id"], name="task_status"),
            # the board's columns, each in the order in which its tasks press, and their counts
            models.Index(
                "status",
                F("priority").desc(),
                F("due_at").asc(nulls_last=True),
                "created_at",
                "id",
                "team",
                "owner",
                condition=~Q(status__in=CLOSED),
                name="task_board",
            ),
            models.Index(fields=["team", "-id"], name="task_team"),
            models.Index(fields=["owner", "-id"], condition=~Q(owner=""), name="task_owner"),
            models.Index(fields=["source", "-id"], name="task_source"),
            models.Index(fields=["parent", "id"], condition=Q(parent__isnull=False), name="task_parent"),
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False) & ~Q(status__in=CLOSED), name="task_due"
            ),
            models.Index(
                F("priority").desc(),
                "due_at",
                condition=Q(due_at__isnull=False, priority__gte=Priority.HIGH, status__in=UNFINISHED),
                name="task_pressing",
            ),  # what is late and matters, on the home page
            models.Index(
                "status",
                F("priority").desc(),
                "updated_at",
                condition=Q(status__in=[Status.READY, Status.BLOCKED]),
                name="task_waiting",
            ),  # what waits for a person, on the home page
            models.Index(
                fields=["-id"], condition=~Q(status__in=CLOSED), name="task_not_closed"
            ),  # the admin's list
            models.Index(fields=["created_at"], condition=Q(status=Status.OPEN), name="task_oldest_open"),
            # charts read a period of these two without touching the table
            models.Index(fields=["created_at"], include=["team"], name="task_created"),
            models.Index(
                fields=["completed_at"],
                include=["id", "status", "team", "cost_usd", "created_at"],
                condition=Q(completed_at__isnull=False),
                name="task_completed",
            ),
            models.Index(
                fields=["team", "completed_at"],
                include=["id", "status", "created_at"],
                condition=Q(completed_at__isnull=False),
                name="task_completed_of_team",
            ),  # the last of each week, measured
            GinIndex(fields=["tags"], name="task_tags"),
            # the dearest tasks, on the page of costs
            models.Index(fields=["cost_usd", "id"], condition=Q(cost_usd__gt=0), name="task_dearest"),
            models.Index(
                fields=["team", "cost_usd", "id"], condition=Q(cost_usd__gt=0), name="task_dearest_of_team"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"

    @property
    def lease(self) -> Lease | None:
        """The lease that was last granted and not yet ended; it may have run out."""
        if self.lease_until is None:
            return None
        return Lease(self.lease_actor, self.lease_session, self.lease_until, self.fencing_token)

    @property
    def is_closed(self) -> bool:
        return self.status in CLOSED


class Dependency(models.Model):
    """`task` waits until `depends_on` is done."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="dependency_rows")
    depends_on = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="dependant_rows")

    class Meta:
        verbose_name_plural = "dependencies"
        constraints = [
            models.UniqueConstraint(fields=["task", "depends_on"], name="dependency_once"),
            models.CheckConstraint(condition=~Q(task=F("depends_on")), name="dependency_not_itself"),
        ]

    def __str__(self) -> str:
        return f"#{self.task_id} waits for #{self.depends_on_id}"


class TaskSearch(models.Model):
    """A task's words, kept beside it by a trigger so that a claim never touches the full-text index."""

    task = models.OneToOneField(Task, on_delete=models.CASCADE, primary_key=True, related_name="search")
    vector = SearchVectorField()

    class Meta:
        db_table_comment = "derived: kept by a trigger of the tasks"
        indexes = [GinIndex(fields=["vector"], name="task_search_vector")]

    def __str__(self) -> str:
        return f"words of #{self.task_id}"


class TaskTally(models.Model):
    """So many tasks more (or fewer) of a team in a status: the sum of all rows is what there is.

    Triggers append, whoever writes, so that writers never wait for one another; `services.upkeep` adds rows up.
    """

    team = models.CharField(max_length=100)
    status = models.CharField(max_length=12)
    n = models.BigIntegerField()

    class Meta:
        db_table_comment = "derived: kept by triggers of the tasks"

    def __str__(self) -> str:
        return f"{self.n:+} {self.status} of {self.team or 'no team'}"


class TaskPace(models.Model):
    """So many tasks more (or fewer) created, closed or due in a while; appended and added up like `TaskTally`."""

    class What(models.TextChoices):
        CREATED = "created", "Created"  # in a quarter of an hour
        DONE = "done", "Done"  # in a quarter of an hour, and still done
        CANCELLED = "cancelled", "Cancelled"  # in a quarter of an hour, and still cancelled
        DUE = "due", "Due"  # on a day (UTC), and not closed

    what = models.CharField(max_length=12, choices=What)
    at = models.DateTimeField()
    n = models.BigIntegerField()

    class Meta:
        db_table_comment = "derived: kept by triggers of the tasks"
        indexes = [models.Index(fields=["what", "at"], include=["n"], name="pace_what_at")]

    def __str__(self) -> str:
        return f"{self.n:+} {self.what} at {self.at}"


class TeamPace(models.Model):
    """The same of each team, by the hour: a team's days begin with an hour's beginning."""

    team = models.CharField(max_length=100)
    what = models.CharField(max_length=12, choices=TaskPace.What)
    at = models.DateTimeField()
    n = models.BigIntegerField()

    class Meta:
        db_table_comment = "derived: kept by triggers of the tasks"
        indexes = [models.Index(fields=["team", "what", "at"], include=["n"], name="team_pace_at")]

    def __str__(self) -> str:
        return f"{self.n:+} {self.what} of {self.team or 'no team'} at {self.at}"
