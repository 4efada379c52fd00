"""The outbox: what must be told to somebody, written in the transaction of what happened."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class Notification(models.Model):
    """One message to one recipient about one step of one event; see `alai.kernel.notifications`."""

    class State(models.TextChoices):
        PENDING = "pending"  # waits for its turn, or to be tried again; Slack certainly does not have it
        SENDING = "sending"  # with Slack, the answer is not known (yet): looked up before another try
        SENT = "sent"  # Slack confirmed it, or it was found in the channel
        FAILED = "failed"  # Slack refuses it for good; `last_error` says why; "send again" is up to a person
        EXPIRED = "expired"  # `not_after` passed before it could be sent; kept and shown
        COALESCED = "coalesced"  # travels as a line of the message `carried_by`, after an outage

    UNDECIDED = (State.PENDING, State.SENDING)

    event = models.CharField(max_length=300, help_text="What happened, e.g. incident:17.")
    recipient = models.CharField(
        max_length=100, help_text="A Slack channel, user:U123 for a direct message, or default."
    )
    step = models.CharField(max_length=100, blank=True, help_text="Which message about it, e.g. resolved.")
    channel = models.CharField(max_length=100, help_text="The queue that it stands in.")
    text = models.TextField()
    payload = models.JSONField(null=True, blank=True, help_text="Further fields of the message, e.g. blocks.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    carried_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="carried"
    )
    not_before = models.DateTimeField(db_default=Now(), help_text="Stands in its queue from then on.")
    not_after = models.DateTimeField(null=True, blank=True, help_text="Not worth sending later than this.")
    attempts = models.PositiveIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, help_text="When it was last handed to Slack.")
    last_error = models.CharField(max_length=300, blank=True)
    provider_ref = models.CharField(max_length=64, blank=True, help_text="Slack's ts of the message.")
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "recipient", "step"], name="one_notification_per_step"),
            models.CheckConstraint(
                name="coalesced_names_its_carrier",
                condition=Q(state="coalesced", carried_by__isnull=False)
                | (~Q(state="coalesced") & Q(carried_by__isnull=True)),
            ),
            models.CheckConstraint(name="carried_by_another", condition=~Q(carried_by=F("id"))),
        ]
        indexes = [
            # the head of each channel's queue
            models.Index(
                fields=["channel", "id"],
                name="notification_queue",
                condition=Q(state__in=["pending", "sending"]),
            ),
            # what expires, read at each turn
            models.Index(
                fields=["not_after"],
                name="notification_expiry",
                condition=Q(state="pending", not_after__isnull=False),
            ),
            models.Index(fields=["created_at"], name="notification_created"),  # retention
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.recipient}{f' ({self.step})' if self.step else ''}: {self.state}"

    @property
    def key(self) -> str:
        """What the message carries as metadata, so that it can be found in the channel."""
        return "|".join((self.event, self.recipient, self.step))


class NotificationChannel(models.Model):
    """A channel's queue: who sends from it now, and when it may go on."""

    name = models.CharField(max_length=100, primary_key=True)
    ready_at = models.DateTimeField(db_default=Now(), help_text="By pace, Retry-After or backoff.")
    locked_until = models.DateTimeField(null=True, help_text="Until then one sender has it.")
    fence = models.PositiveBigIntegerField(default=0, help_text="Rises with each sender.")
    failures = models.PositiveIntegerField(default=0, help_text="Tries in a row without success.")
    unreached_since = models.DateTimeField(null=True, help_text="Since then messages pile up.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
