"""The mailboxes that are watched, and how far each of their folders has been read."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Account(models.Model):
    """A mailbox. Its password is never stored: `secret_ref` names where it is found."""

    class Kind(models.TextChoices):
        IMAP = "imap", "IMAP"  # we fetch it ourselves
        FEED = "feed", "Feed"  # others post its mail; what they say of authentication counts for nothing

    class Triage(models.TextChoices):
        ON = "on", "On"
        DRY_RUN = "dry_run", "Dry run"  # judged and recorded; no task, no push
        OFF = "off", "Off"  # only stored

    class Llm(models.TextChoices):
        NONE = "none", "None"  # what only the LLM could decide stays undecided, and the digest lists it
        LOCAL = "local", "Local"
        CLOUD = "cloud", "Local, else cloud"

    address = models.CharField(max_length=254, unique=True, help_text="Lower case.")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.IMAP, db_default=Kind.IMAP)
    enabled = models.BooleanField(default=True, help_text="Fetched, and triaged as below.")
    host = models.CharField(max_length=253, blank=True, default="")
    port = models.PositiveIntegerField(
        default=993, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    login = models.CharField(
        max_length=254, blank=True, default="", db_default="", help_text="Empty: the address."
    )
    secret_ref = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Names the environment variable with the password.",
    )
    addresses = ArrayField(
        models.CharField(max_length=254),
        default=list,
        db_default=[],
        blank=True,
        help_text="Aliases that are ours too.",
    )
    authserv_ids = ArrayField(
        models.CharField(max_length=253),
        default=list,
        db_default=[],
        blank=True,
        help_text="Who writes this provider's Authentication-Results; without one, no sender is authenticated.",
    )
    cutover_at = models.DateTimeField(
        null=True, blank=True, help_text="Older mail is stored as imported: never tasked, never pushed."
    )
    triage = models.CharField(max_length=7, choices=Triage, default=Triage.ON, db_default=Triage.ON)
    llm = models.CharField(max_length=5, choices=Llm, default=Llm.LOCAL, db_default=Llm.LOCAL)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    legacy = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    # Health, written by each fetch
    checked_at = models.DateTimeField(null=True, editable=False, help_text="The last try.")
    succeeded_at = models.DateTimeField(null=True, editable=False, help_text="The last one that worked.")
    failures = models.PositiveIntegerField(default=0, db_default=0, editable=False, help_text="In a row.")
    last_error = models.CharField(max_length=300, blank=True, default="", db_default="", editable=False)
    retry_at = models.DateTimeField(null=True, editable=False, help_text="Not before, after failures.")
    behind = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Messages known on the server and not fetched yet."
    )

    HEALTH = ("checked_at", "succeeded_at", "failures", "last_error", "retry_at", "behind")

    class Meta:
        ordering = ["address"]

    def __str__(self) -> str:
        return self.address


class Folder(models.Model):
    """A folder of an account. Under another UIDVALIDITY the server's UIDs begin anew, and so does the watermark."""

    class Role(models.TextChoices):
        INBOX = "inbox", "Inbox"
        SENT = "sent", "Sent"  # who is known, and what is answered

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="folders")
    name = models.CharField(max_length=500)
    role = models.CharField(max_length=5, choices=Role, default=Role.INBOX)
    uidvalidity = models.BigIntegerField(null=True, editable=False)
    watermark = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="The highest UID that is stored."
    )

    class Meta:
        ordering = ["account", "role", "name"]
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="folder_once"),
            models.CheckConstraint(condition=Q(watermark__gte=0), name="folder_watermark_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.account}"
