"""What hosts told of themselves: the last beat of each, what became of its services, and the beats of some weeks."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from infra.models.hosts import Host, Service


class HostState(models.Model):
    """A host's last beat. Percentages are of what is used; times are the database's."""

    host = models.OneToOneField(Host, on_delete=models.CASCADE, primary_key=True, related_name="state")
    at = models.DateTimeField()
    beats = models.PositiveBigIntegerField(default=1)
    load = ArrayField(models.FloatField(), default=list, help_text="Over 1, 5 and 15 minutes.")
    disk_percent = models.FloatField(null=True)
    memory_percent = models.FloatField(null=True)
    uptime_seconds = models.FloatField(null=True)
    versions = models.JSONField(default=dict)
    services = models.JSONField(default=list, help_text="As the host told them, unregistered ones too.")

    def __str__(self) -> str:
        return f"{self.host_id} at {self.at}"


class Beat(models.Model):
    """One beat, for the history."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="beats_told", db_index=False)
    at = models.DateTimeField(db_default=Now())
    load_1 = models.FloatField(null=True)
    disk_percent = models.FloatField(null=True)
    memory_percent = models.FloatField(null=True)
    uptime_seconds = models.FloatField(null=True)
    down = ArrayField(models.CharField(max_length=100), default=list)
    restarted = ArrayField(models.CharField(max_length=100), default=list)

    class Meta:
        indexes = [
            models.Index(fields=["host", "-at"], name="beat_of_host"),
            models.Index(fields=["at"], name="beat_at"),  # retention
        ]

    def __str__(self) -> str:
        return f"{self.host_id} at {self.at}"


class ServiceState(models.Model):
    """A registered service as its host last told; `downs` counts the beats in a row that called it down."""

    service = models.OneToOneField(Service, on_delete=models.CASCADE, primary_key=True, related_name="state")
    at = models.DateTimeField()
    up = models.BooleanField()
    since = models.DateTimeField(help_text="Since when it has been up, or down.")
    downs = models.PositiveIntegerField(default=0)
    detail = models.CharField(max_length=300, blank=True, default="")
    restarts = models.PositiveIntegerField(default=0, help_text="How often the host's agent restarted it.")
    restarted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.service_id}: {'up' if self.up else 'down'}"
