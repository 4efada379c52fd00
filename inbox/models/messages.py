"""Mail as it came: a message in an account, what it holds, and the mail that it is across accounts."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from inbox.models.accounts import Account, Folder
from inbox.models.senders import Partner
from inbox.querysets import MailQuerySet, MessageQuerySet
from inbox.triage.verdicts import Action, Classification, Verdict
from missioncontrol.models import Task

UNDECIDED = ("", Verdict.DEFERRED.value)
ID_LENGTH = 500  # of a Message-ID; a longer one would not fit into an index


def choices(words: type[Verdict] | type[Action] | type[Classification]) -> list[tuple[str, str]]:
    return [(word.value, word.value.replace("_", " ")) for word in words]


class Mail(models.Model):
    """The same mail, however many accounts it came to: one decision, one task, one push.

    `identity` is Message-ID and content together: a Message-ID alone may be missing or used again. The columns
    from `verdict` on say what stands now; how it came about is told by its decisions.
    """

    identity = models.CharField(max_length=64, unique=True, editable=False)
    message_id = models.CharField(max_length=ID_LENGTH, blank=True, default="", help_text="Without brackets.")
    in_reply_to = models.CharField(max_length=ID_LENGTH, blank=True, default="")
    references = ArrayField(models.CharField(max_length=ID_LENGTH), default=list, blank=True)
    thread = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="threaded", help_text="Its first mail."
    )
    outgoing = models.BooleanField(default=False, help_text="We sent it: it was found in a Sent folder.")
    received_at = models.DateTimeField(help_text="The earliest of its messages.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    verdict = models.CharField(max_length=10, choices=choices(Verdict), blank=True, default="")
    action = models.CharField(max_length=30, choices=choices(Action), blank=True, default="")
    classification = models.CharField(max_length=13, choices=choices(Classification), blank=True, default="")
    priority = models.CharField(max_length=6, default="medium")
    reasons = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    score = models.FloatField(default=0)
    decided_by = models.CharField(max_length=200, blank=True, default="", help_text="A stage, or a person.")
    decided_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True, help_text="A person let it out of quarantine.")
    partner = models.ForeignKey(Partner, null=True, on_delete=models.SET_NULL, related_name="mails")
    partner_tier = models.PositiveSmallIntegerField(default=0, help_text="0: no partner.")
    partner_name = models.CharField(max_length=200, blank=True, default="")
    task = models.ForeignKey(Task, null=True, on_delete=models.SET_NULL, related_name="mails")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, blank=True, default="", help_text="`sent`, or a person.")

    push_due_at = models.DateTimeField(null=True, help_text="Since then its push waits or is under way.")
    reactor_pushed_at = models.DateTimeField(null=True, help_text="Handed to the outbox; never again.")
    llm_attempts = models.PositiveIntegerField(default=0)
    undecided_since = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True, help_text="When the LLM is asked (again).")
    digest = models.ForeignKey(
        "Digest",
        null=True,
        on_delete=models.SET_NULL,
        related_name="mails",
        help_text="Listed once: imported.",
    )

    objects = MailQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=["", *Verdict]), name="mail_verdict_known"),
            models.CheckConstraint(condition=Q(action__in=["", *Action]), name="mail_action_known"),
            models.CheckConstraint(
                condition=Q(classification__in=["", *Classification]), name="mail_classification_known"
            ),
            # What is kept in quarantine disturbs nobody.
            models.CheckConstraint(
                condition=~Q(verdict="quarantine") | Q(push_due_at=None) | Q(reactor_pushed_at__isnull=False),
                name="mail_in_quarantine_waits_for_no_push",
            ),
        ]
        indexes = [
            models.Index(fields=["message_id"], name="mail_message_id", condition=~Q(message_id="")),
            GinIndex(fields=["references"], name="mail_references"),  # who names this one?
            models.Index(fields=["in_reply_to"], name="mail_in_reply_to", condition=~Q(in_reply_to="")),
            models.Index(fields=["thread"], name="mail_thread"),
            models.Index(fields=["verdict", "-id"], name="mail_verdict"),
            models.Index(
                F("push_due_at"),
                F("id"),
                condition=Q(push_due_at__isnull=False, reactor_pushed_at=None),
                name="mail_push_waits",
            ),
            models.Index(fields=["reactor_pushed_at"], name="mail_pushed"),  # how many of late
            models.Index(fields=["next_try_at"], condition=Q(verdict="deferred"), name="mail_deferred"),
            models.Index(
                fields=["received_at"],
                condition=Q(classification="ACTION", answered_at=None),
                name="mail_unanswered",
            ),  # digest and SLA
        ]

    def __str__(self) -> str:
        return self.message_id or f"mail {self.pk}"

    @property
    def named(self) -> list[str]:
        """The Message-IDs that it answers, the nearest first."""
        nearest_first = [self.in_reply_to, *reversed(self.references)]
        return [one for one in dict.fromkeys(nearest_first) if one and one != self.message_id]


class Message(models.Model):
    """One message in one account. It is stored before it is parsed, and parsed before it is judged."""

    class State(models.TextChoices):
        STORED = "stored", "Stored"  # its bytes are here, nobody has looked at them
        PARSED = "parsed", "Parsed"  # waits to be judged
        DONE = "done", "Done"  # judged; what came of it stands in its mail

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="messages", db_index=False)
    folder = models.ForeignKey(
        Folder, null=True, on_delete=models.SET_NULL, related_name="messages", db_index=False
    )
    uidvalidity = models.BigIntegerField(null=True)
    uid = models.BigIntegerField(null=True)
    fetched = models.BooleanField(
        default=False,
        db_default=False,
        help_text="We took it from the account ourselves: its Authentication-Results count.",
    )
    outgoing = models.BooleanField(default=False, db_default=False, help_text="From a Sent folder.")
    history = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Was there before we watched the account: imported, never tasked, never pushed.",
    )
    raw_sha256 = models.CharField(max_length=64, null=True, editable=False)
    size = models.BigIntegerField(default=0, db_default=0, help_text="Bytes as they came.")
    state = models.CharField(max_length=6, choices=State, default=State.STORED)
    mail = models.ForeignKey(
        Mail, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False
    )

    subject = models.TextField(blank=True, default="")
    sender = models.CharField(max_length=320, blank=True, default="", help_text="From, lower case.")
    sender_name = models.CharField(max_length=200, blank=True, default="")
    to = ArrayField(
        models.TextField(), default=list, db_default=[], help_text="Name <address> of each, at most 50."
    )
    cc = ArrayField(models.TextField(), default=list, db_default=[])
    snippet = models.CharField(max_length=300, blank=True, default="")
    has_attachments = models.BooleanField(default=False, db_default=False)
    attachments = models.JSONField(default=list, db_default=[], help_text="Name, kind and size of each.")
    findings = models.JSONField(default=list, db_default=[], help_text="What the parser worked around.")
    sent_at = models.DateTimeField(null=True, help_text="Date, else when it arrived.")
    received_at = models.DateTimeField(db_default=Now(), help_text="When it arrived, as well as is known.")
    internal_date = models.DateTimeField(null=True)
    stored_at = models.DateTimeField(db_default=Now(), editable=False)
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True, help_text="A person had its text taken away.")
    legacy = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["folder", "uidvalidity", "uid"], name="message_once_in_its_folder"
            ),
            models.UniqueConstraint(fields=["account", "raw_sha256", "outgoing"], name="message_bytes_once"),
            models.UniqueConstraint(
                fields=["mail", "account", "outgoing"],
                condition=Q(mail__isnull=False),
                name="message_once_in_its_account",
            ),
            models.CheckConstraint(
                condition=Q(state="stored") | Q(mail__isnull=False), name="message_parsed_has_mail"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="message_account"),
            models.Index(fields=["sender", "-id"], name="message_sender"),
            models.Index(
                fields=["next_try_at", "id"], condition=~Q(state="done"), name="message_waits"
            ),  # triage
            models.Index(fields=["-received_at", "-id"], name="message_received"),
        ]

    def __str__(self) -> str:
        return self.subject or f"message {self.pk}"


class Content(models.Model):
    """What a message holds: taken away by retention and by erasure, while what was decided stays."""

    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, primary_key=True, related_name="content"
    )
    data = models.BinaryField(default=b"", help_text="The raw bytes, compressed by zlib.")
    cut_bytes = models.BigIntegerField(default=0, help_text="How many bytes beyond the cap were not kept.")
    text = models.TextField(blank=True, default="", help_text="What a reader sees.")
    kept_since = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "contents"
        indexes = [models.Index(fields=["kept_since"], name="content_kept_since")]  # retention

    def __str__(self) -> str:
        return f"content of message {self.message_id}"


class MessageSearch(models.Model):
    """A message's words, kept beside it by a trigger; without its content only those of subject and people."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, primary_key=True, related_name="search")
    vector = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["vector"], name="inbox_search_vector")]

    def __str__(self) -> str:
        return f"words of message {self.message_id}"
