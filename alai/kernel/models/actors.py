"""Who can act: people, agents, teams and the system; and the tokens that agents present."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now

ACTOR_NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}"
RECIPIENT = r"^(user:[A-Z0-9]{2,20}|[A-Z0-9]{2,20})$"

SCOPES = {
    "tasks:read": "read tasks, events and statistics",
    "tasks:write": "create and change tasks, claim them",
    "hivemind": "read and write agents' messages and memories",
    "inbox:read": "read mail decisions",
    "inbox:write": "post mail, release, promote, answer",
    "infra:read": "read sites, hosts, databases, incidents, metrics",
    "infra:write": "heartbeats, probes, acknowledgements, rollbacks",
    "governance": "hooks, validation, documents",
    "runs": "start and cancel agent runs",
    "secrets": "read the secrets inventory",
    "ceo": "record approvals",
    "admin": "everything but `ceo`",
}


class Actor(models.Model):
    """Somebody or something whose name stands beside what it did."""

    class Kind(models.TextChoices):
        PERSON = "person"
        AGENT = "agent"
        TEAM = "team"
        SYSTEM = "system"

    name = models.CharField(max_length=100, unique=True, validators=[RegexValidator(f"^{ACTOR_NAME}$")])
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.AGENT)
    display_name = models.CharField(max_length=200, blank=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="actor"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="agents",
        help_text="Whose agent it is: this person makes its tokens, and while they are inactive it is refused.",
    )
    recipient = models.CharField(
        max_length=100,
        blank=True,
        validators=[RegexValidator(RECIPIENT, "Write user:U012ABCDEF for a person, or a channel's id.")],
        help_text="Where a person is told what concerns them: user:U012ABCDEF (Slack's member id), or a channel's id.",
    )
    is_active = models.BooleanField(default=True, help_text="An inactive actor's tokens are refused.")
    wip_limit = models.PositiveSmallIntegerField(
        "work in progress",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many tasks it may hold at once; empty: any number.",
    )
    capabilities = ArrayField(
        models.CharField(max_length=100),
        default=list,
        db_default=[],
        blank=True,
        help_text="What not everybody can do, e.g. gpu: it is handed tasks that require it.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.display_name or self.name


class Token(models.Model):
    """A bearer token. Only the SHA-256 of its 256 random bits is stored; the token itself is shown once."""

    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(
        max_length=100, blank=True, help_text="What it is for, e.g. the machine it lives on."
    )
    prefix = models.CharField(
        max_length=12, editable=False, help_text="Its first characters, to recognise it by."
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=30), default=list)
    teams = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Only these teams' tasks; empty: all.",
    )
    accounts = ArrayField(
        models.CharField(max_length=254),
        default=list,
        blank=True,
        help_text="Only these mail accounts; empty: all.",
    )
    hosts = ArrayField(
        models.CharField(max_length=100), default=list, blank=True, help_text="Only these hosts; empty: all."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_from = models.GenericIPAddressField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    replaces = models.OneToOneField(
        "self",
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="successor",
        help_text="The token that it was rotated from, which expires by itself.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.actor.name}"
