"""What comes back to people: the daily digest, and escalations of what nobody answered."""

from django.db import models
from django.db.models.functions import Now

from alai.kernel.models import Notification
from inbox.models.messages import Mail


class Digest(models.Model):
    """The digest of a day. Its date makes it one a day; by force it is sent again, as a further notification."""

    date = models.DateField(unique=True)
    counts = models.JSONField(default=dict, help_text="How many each section listed.")
    notification = models.ForeignKey(Notification, null=True, on_delete=models.SET_NULL, related_name="+")
    by = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-date"]

    def __str__(self) -> str:
        return f"Digest of {self.date}"


class Escalation(models.Model):
    """A mail passed so many hours without an answer. The constraint makes each escalation happen once."""

    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="escalations", db_index=False)
    hours = models.PositiveSmallIntegerField()
    told = models.BooleanField(default=True, help_text="False: a later threshold had passed as well.")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["mail", "hours"], name="escalation_once")]
        indexes = [models.Index(fields=["at"], name="escalation_at")]

    def __str__(self) -> str:
        return f"{self.hours} h: {self.mail_id}"
