"""What governs the flow of work: evidence that policies want, who was mentioned, what it cost."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from alai.kernel.models import Actor
from missioncontrol.models.history import Comment
from missioncontrol.models.tasks import Priority, Task


class GatePolicy(models.Model):
    """Evidence that some tasks need before they are ready or done, beyond the one piece that every task needs."""

    team = models.CharField(max_length=100, blank=True, default="", help_text="Empty: every team.")
    priority_at_least = models.SmallIntegerField(
        "priority",
        choices=Priority,
        default=Priority.LOW,
        help_text="Tasks of this priority or a higher one; low: all.",
    )
    before_ready = models.BooleanField(default=True)
    before_done = models.BooleanField(default=True)
    minimum = models.PositiveSmallIntegerField(
        "pieces", default=1, validators=[MinValueValidator(1)], help_text="At least so many."
    )
    verified_only = models.BooleanField(
        default=False, help_text="Only files that were uploaded here, and so hashed by the server, count."
    )
    kinds = ArrayField(
        models.CharField(max_length=50),
        default=list,
        blank=True,
        help_text="One of each, as named at the upload: screenshot, test-report. Separated by commas.",
    )
    enabled = models.BooleanField(default=True)
    why = models.CharField(max_length=300, help_text="Shown to whoever is refused.")

    class Meta:
        verbose_name = "evidence policy"
        verbose_name_plural = "evidence policies"
        ordering = ["team", "priority_at_least", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(before_ready=True) | Q(before_done=True),
                name="gate_policy_before_something",
                violation_error_message="Choose before what it is needed: ready, done or both.",
            ),
            models.CheckConstraint(condition=Q(minimum__gte=1), name="gate_policy_wants_something"),
        ]

    def __str__(self) -> str:
        return self.why


class Mention(models.Model):
    """An actor that a comment names; answered once it comments on the task, or says that it has seen it."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="mentions")
    actor = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="mentions", db_index=False)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["comment", "actor"], name="mention_once")]
        indexes = [
            models.Index(fields=["actor", "-id"], name="mention_actor"),  # tasks that mention somebody
            models.Index(
                fields=["actor", "-id"], condition=Q(answered_at=None), name="mention_unanswered"
            ),  # the home page
        ]

    def __str__(self) -> str:
        return f"@{self.actor.name} in comment {self.comment_id}"


class CostEntry(models.Model):
    """An amount spent on a task. Append-only: a correction is an entry too. Their sum is the task's `cost_usd`."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="costs")
    at = models.DateTimeField(db_default=Now(), help_text="When it was spent.")
    amount_usd = models.DecimalField(max_digits=14, decimal_places=4)
    kind = models.CharField(max_length=50, help_text="e.g. tokens, compute, manual")
    note = models.CharField(max_length=500, blank=True, default="")
    actor = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = "cost entry", "cost entries"
        constraints = [models.CheckConstraint(condition=~Q(amount_usd=0), name="cost_is_something")]
        indexes = [models.Index(fields=["at"], name="cost_at")]  # figures by month

    def __str__(self) -> str:
        return f"${self.amount_usd} on #{self.task_id}"


class CostTally(models.Model):
    """So much more (or less) spent on tasks that are a team's now, in `n` entries of a day (UTC); appended and added
    up like `TaskTally`."""

    team = models.CharField(max_length=100)
    at = models.DateTimeField()
    amount_usd = models.DecimalField(max_digits=20, decimal_places=4)
    n = models.BigIntegerField()

    class Meta:
        db_table_comment = "derived: kept by triggers of the tasks and their costs"
        indexes = [models.Index(fields=["at"], include=["team", "amount_usd", "n"], name="cost_tally_at")]

    def __str__(self) -> str:
        return f"${self.amount_usd:+} of {self.team or 'no team'} on {self.at:%Y-%m-%d}"
