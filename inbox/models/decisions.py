"""How it came about: every decision, what each stage saw, what people said of it, what the LLM cost. Append-only."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from inbox.models.messages import Mail, Message


class Decision(models.Model):
    """One ruling on a mail. `number` counts from 1: two at once cannot both be the next one."""

    mail = models.ForeignKey(Mail, on_delete=models.PROTECT, related_name="decisions", db_index=False)
    number = models.PositiveIntegerField()
    message = models.ForeignKey(
        Message, null=True, on_delete=models.PROTECT, related_name="decisions", help_text="The copy judged."
    )
    verdict = models.CharField(max_length=10)
    action = models.CharField(max_length=30)
    classification = models.CharField(max_length=13)
    priority = models.CharField(max_length=6)
    reasons = ArrayField(models.CharField(max_length=60), default=list)
    score = models.FloatField(default=0)
    stage = models.CharField(max_length=60, help_text="Which stage decided, or `person`.")
    task_id = models.BigIntegerField(null=True, help_text="The task that it led to.")
    detail = models.CharField(max_length=300, blank=True, default="")
    by = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["mail", "number"], name="decision_number_once")]
        indexes = [
            models.Index(fields=["action", "-id"], name="decision_action"),
            models.Index(fields=["at"], name="decision_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.stage}"


class StageEvidence(models.Model):
    """What one stage of the pipeline made of a mail, for one decision."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="evidence")
    position = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=60)
    signals = models.JSONField(default=list, help_text="Code, weight and sentence of each.")
    facts = models.JSONField(default=dict)
    decided = models.BooleanField(default=False)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["decision", "position"]
        verbose_name_plural = "stage evidence"
        indexes = [models.Index(fields=["at"], name="stage_evidence_at")]

    def __str__(self) -> str:
        return f"{self.stage}: {len(self.signals)} signals"


class Feedback(models.Model):
    """A person corrected a decision: what was decided by which stage, and what it became."""

    class Kind(models.TextChoices):
        RELEASED = "released"
        PROMOTED = "promoted"
        RECLASSIFIED = "reclassified"
        NEVER_AGAIN = "never_again"
        PARTNER = "partner"

    mail = models.ForeignKey(Mail, on_delete=models.PROTECT, related_name="feedback")
    kind = models.CharField(max_length=12, choices=Kind)
    stage = models.CharField(max_length=60, help_text="Whose decision was corrected.")
    action = models.CharField(max_length=30)
    before = models.CharField(max_length=30)
    after = models.CharField(max_length=30)
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True, default="")
    by = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "feedback"
        indexes = [models.Index(fields=["at"], name="feedback_at")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.by}"


class LlmCall(models.Model):
    """One question to the LLM: what it answered, how long it took, what it cost. Never what was asked."""

    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="llm_calls")
    attempt = models.PositiveSmallIntegerField(help_text="1, or 2 with the stricter prompt.")
    endpoint = models.CharField(max_length=10, help_text="local or cloud.")
    model = models.CharField(max_length=200)
    outcome = models.CharField(max_length=20, help_text="yes, no, or why there was no usable answer.")
    latency_ms = models.PositiveIntegerField()
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        verbose_name = "LLM call"
        indexes = [models.Index(fields=["at"], name="llm_call_at")]

    def __str__(self) -> str:
        return f"{self.outcome} from {self.model} in {self.latency_ms} ms"
