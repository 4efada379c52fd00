"""The mailboxes that are watched, and how far each of their folders has been read."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from alai.kernel import secret_references


def secret_reference(reference: str) -> None:
    """For forms: what is no reference may be the password itself, and must not get into the database."""
    try:
        secret_references.check(reference)
    except secret_references.SecretUnavailable as error:
        raise ValidationError(str(error)) from None


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

    class Security(models.TextChoices):
        TLS = "tls", "TLS"
        STARTTLS = "starttls", "STARTTLS"

    class Trouble(models.TextChoices):
        """Why the last fetch failed (`inbox.imap.trouble.Kind`, and our own mistakes)."""

        SECRET = "secret", "No password"
        AUTH = "auth", "Login refused"
        CERTIFICATE = "certificate", "Certificate"
        NETWORK = "network", "Network"
        SERVER = "server", "Server"
        PROTOCOL = "protocol", "Protocol"
        FAULT = "fault", "Fault of ours"

    address = models.CharField(max_length=254, unique=True, help_text="Lower case.")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.IMAP, db_default=Kind.IMAP)
    enabled = models.BooleanField(default=True, help_text="Fetched, and triaged as below.")
    host = models.CharField(max_length=253, blank=True, default="")
    port = models.PositiveIntegerField(
        default=993, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    security = models.CharField(
        max_length=8, choices=Security, default=Security.TLS, db_default=Security.TLS,
        help_text="TLS from the first byte (port 993) or STARTTLS (port 143). Never without.",
    )  # fmt: skip
    login = models.CharField(
        max_length=254, blank=True, default="", db_default="", help_text="Empty: the address."
    )
    secret_ref = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        validators=[secret_reference],
        help_text="Where the password is: env:NAME or file:/path (mode 0600). Never the password itself.",
    )
    sent_folder = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="Empty: the server marks it, or its name tells.",
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
    trouble = models.CharField(
        max_length=11, choices=Trouble, blank=True, default="", db_default="", editable=False
    )
    last_error = models.CharField(max_length=300, blank=True, default="", db_default="", editable=False)
    retry_at = models.DateTimeField(null=True, editable=False, help_text="Not before, after failures.")
    behind = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Messages known on the server and not fetched yet."
    )

    # Who fetches: one process at a time, under a number that rises with each turn.
    claim = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)

    HEALTH = (
        "checked_at", "succeeded_at", "failures", "trouble", "last_error", "retry_at", "behind",
        "claim", "claimed_until",
    )  # fmt: skip

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
        default=0,
        db_default=0,
        editable=False,
        help_text="Every UID up to here is stored, but for `backfill`.",
    )
    backfill = models.BigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="UIDs up to here are still to be read, the newest first; 0 when none are.",
    )
    history = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="What is still to be read was there before we watched the account.",
    )
    stuck_uid = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="The conversation broke at this message."
    )
    stuck_tries = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    PROGRESS = ("watermark", "backfill", "stuck_uid", "stuck_tries")

    class Meta:
        ordering = ["account", "role", "name"]
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="folder_once"),
            models.CheckConstraint(condition=Q(watermark__gte=0), name="folder_watermark_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.account}"
