"""Sites and the platforms that serve them. Handbook: "ALAI Static Hosting Blueprint"."""

from django.db import models

from infra.models.records import Record, reference, text
from infra.models.struct import StructField


class Platform(Record):
    """Where sites run, with the criteria by which platforms were compared."""

    name = models.CharField(max_length=100)
    provider = models.CharField(max_length=100, blank=True, default="")
    criteria = StructField(
        shape=dict[str, str], default=dict, blank=True, help_text="Criterion: what was found."
    )
    decision = text("Why it was chosen or not.")
    notes = text()


class Site(Record):
    """A site or an address that people use. Its name is the domain."""

    class Kind(models.TextChoices):
        STATIC = "static", "Static"
        DYNAMIC = "dynamic", "Dynamic"

    class Migration(models.TextChoices):
        NONE = "none", "No action"
        PLANNED = "planned", "Planned"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"

    kind = models.CharField(max_length=10, choices=Kind)
    watched = models.BooleanField(default=False, help_text="Checked for being up.")
    platform = reference("infra.Platform", "Where it runs now.", related_name="sites")
    target = reference("infra.Platform", "Where it shall run.", related_name="future_sites")
    owner = models.CharField(max_length=100, blank=True, default="", help_text="Who answers for it.")
    client_site = models.BooleanField(default=False, help_text="A client's: changes are agreed with them.")
    project = models.CharField(max_length=100, blank=True, default="", help_text="Its name on the platform.")
    dns = models.CharField("DNS", max_length=100, blank=True, default="", help_text="Who serves its zone.")
    migration = models.CharField(max_length=10, choices=Migration, default=Migration.NONE)
    priority = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="1 at once, 3 blocked outside."
    )
    downtime = models.CharField(max_length=100, blank=True, default="", help_text="The window that it takes.")
    dependency = text("What must happen first.")
    task = models.CharField(max_length=20, blank=True, default="", help_text="The ledger's task, e.g. #8482.")
    public_status = models.BooleanField(default=False, help_text="Shown on the public status page.")
    notes = text()
