"""Reads of the inbox: filtered lists, one message with its story, the audit, and figures for charts."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now, TruncWeek
from django.utils import timezone

from alai.kernel import pagination
from alai.kernel.errors import NotFound
from alai.kernel.pagination import MAX_BIGINT, Page
from alai.kernel.principals import Principal
from inbox.access import accounts_of, normal, require_account
from inbox.models import Account, Decision, Feedback, LlmCall, Mail, Message, Partner
from inbox.querysets import MessageQuerySet

NEW, ANSWERED, UNANSWERED, RELEASED = "new", "answered", "unanswered", "released"
STATUSES: dict[str, Q] = {
    NEW: Q(mail=None) | Q(mail__verdict=""),
    **{verdict: Q(mail__verdict=verdict) for verdict in ("deferred", "quarantine", "task", "queue")},
    ANSWERED: Q(mail__answered_at__isnull=False),
    UNANSWERED: Q(mail__classification="ACTION", mail__answered_at=None),
    RELEASED: Q(mail__released_at__isnull=False),
}


@dataclass(frozen=True, slots=True)
class MessageFilters:
    """What a list shows. Sequences mean any of. `partner`: true, false, a tier, or an address, domain or name."""

    accounts: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    classifications: list[str] = field(default_factory=list)
    partner: str = ""
    words: str = ""
    unanswered_hours: int | None = None


def list_messages(by: Principal, filters: MessageFilters, *, limit: int, cursor: str | None) -> Page[Message]:
    """A page of messages, newest first; by rank and at most 200 for `words`."""
    messages = filtered(by, filters)
    if filters.words:
        return Page(list(messages.matching(filters.words))[:limit], None)
    return pagination.by_id(messages, limit=limit, cursor=cursor)


def filtered(by: Principal, filters: MessageFilters) -> MessageQuerySet:
    messages = Message.objects.for_display().for_accounts(accounts_of(by))
    if filters.accounts:
        messages = messages.for_accounts([normal(one) for one in filters.accounts])
    if filters.statuses:
        wanted = Q()
        for status in filters.statuses:
            wanted |= STATUSES[status]
        messages = messages.filter(wanted)
    if filters.classifications:
        messages = messages.filter(mail__classification__in=filters.classifications)
    if filters.partner:
        messages = messages.filter(_partner(filters.partner))
    if filters.unanswered_hours is not None:
        since = Now() - timedelta(hours=filters.unanswered_hours)
        messages = messages.filter(STATUSES[UNANSWERED], mail__received_at__lt=since)
    return messages


def _partner(wanted: str) -> Q:
    """`true`, `false`, a tier, or a partner's address, domain or name."""
    if wanted.lower() in ("true", "false"):
        return Q(mail__partner_tier__gt=0) if wanted.lower() == "true" else Q(mail__partner_tier=0)
    if wanted.isdecimal() and len(wanted) < 5:
        return Q(mail__partner_tier=int(wanted))
    names = Q(mail__partner_name__iexact=wanted) | Q(mail__partner__domain__iexact=wanted)
    return (
        names | Q(mail__partner__address__iexact=wanted) | Q(sender__iexact=wanted, mail__partner_tier__gt=0)
    )


def visible_message(by: Principal, message_id: int) -> Message:
    """The message, when it exists (404) and the caller's token covers its account (403)."""
    found = (
        Message.objects.for_display().filter(pk=message_id).first() if 0 < message_id <= MAX_BIGINT else None
    )
    if found is None:
        raise NotFound(f"There is no message {message_id}.", code="message_not_found")
    require_account(by, found.account.address)
    return found


def story(message: Message) -> list[Decision]:
    """How it came about: the decisions on its mail, oldest first, each with the stages' evidence."""
    return list(Decision.objects.filter(mail=message.mail_id).prefetch_related("evidence").order_by("number"))


def list_audit(by: Principal, *, action: str, limit: int, cursor: str | None) -> Page[Decision]:
    """Every decision, newest first: the handbook's audit log."""
    decisions = Decision.objects.select_related("mail", "message__account")
    if action:
        decisions = decisions.filter(action=action)
    if by.accounts:
        mine = Message.objects.for_accounts(accounts_of(by))
        decisions = decisions.filter(Exists(mine.filter(mail=OuterRef("mail"))))
    return pagination.by_id(decisions, limit=limit, cursor=cursor)


def list_partners(by: Principal, *, limit: int, cursor: str | None) -> Page[Partner]:
    partners = Partner.objects.select_related("account")
    if by.accounts:
        mine = Q(account=None) | Q(account__address__in=accounts_of(by))
        partners = partners.filter(mine)
    return pagination.by_id(partners, limit=limit, cursor=cursor, newest_first=False)


def list_accounts(by: Principal, *, limit: int, cursor: str | None) -> Page[Account]:
    accounts = Account.objects.all()
    if by.accounts:
        accounts = accounts.filter(address__in=accounts_of(by))
    return pagination.by_id(accounts, limit=limit, cursor=cursor, newest_first=False)


# --- Figures ----------------------------------------------------------------------------------------


def funnel(*, days: int) -> dict[str, int]:
    """How many mails of the last days ended with each action."""
    mails = Mail.objects.filter(received_at__gte=Now() - timedelta(days=days)).exclude(action="").order_by()
    return dict(mails.values_list("action").annotate(Count("pk")))


def mails_by_action() -> dict[tuple[str, ...], float]:
    """For /metrics."""
    counts = Mail.objects.exclude(action="").order_by().values_list("action").annotate(Count("pk"))
    return {(action,): float(count) for action, count in counts}


def waiting() -> dict[tuple[str, ...], float]:
    """What is not judged, asked about or pushed yet, for /metrics."""
    return {
        ("inbox-triage",): float(Message.objects.triable().count()),
        ("inbox-llm",): float(Mail.objects.filter(verdict="deferred").count()),
        ("inbox-pushes",): float(Mail.objects.push_waits().count()),
    }


def oldest_wait() -> int:
    """For how many minutes the oldest message waits to be read or judged."""
    oldest = Message.objects.triable().order_by("stored_at").values_list("stored_at", flat=True).first()
    return int((timezone.now() - oldest).total_seconds() // 60) if oldest else 0


def precision(*, weeks: int = 12) -> list[dict[str, Any]]:
    """For each week and stage how many decisions stood: `{week, stage, decided, corrected, precision}`.

    Counted by when the stage decided, not by when a person corrected it; the latest week first.
    """
    since = Now() - timedelta(weeks=weeks)
    pipeline = Decision.objects.filter(at__gte=since).exclude(stage="person").order_by()
    decided = pipeline.annotate(week=TruncWeek("at")).values_list("week", "stage").annotate(Count("pk"))
    wrong = Feedback.objects.filter(decided_at__gte=since).order_by()
    corrected = wrong.annotate(week=TruncWeek("decided_at")).values_list("week", "stage")
    corrections = {(week, stage): n for week, stage, n in corrected.annotate(Count("mail", distinct=True))}
    rows = []
    for week, stage, count in decided:
        bad = min(count, corrections.get((week, stage), 0))
        rows.append(
            {"week": week, "stage": stage, "decided": count, "corrected": bad, "precision": 1 - bad / count}
        )
    return sorted(rows, key=lambda row: (row["week"], row["stage"]), reverse=True)


def response_hours(*, days: int = 30) -> list[float]:
    """How long answers took, in hours, of what was received in the last days and answered."""
    answered = Mail.objects.filter(
        received_at__gte=Now() - timedelta(days=days), answered_at__isnull=False, outgoing=False
    ).values_list("received_at", "answered_at")
    return [
        max(0.0, (answer - came).total_seconds() / 3600) for came, answer in answered if answer is not None
    ]


def llm_figures(*, days: int = 30) -> dict[str, int]:
    """How often the LLM answered what in the last days."""
    calls = LlmCall.objects.filter(at__gte=Now() - timedelta(days=days)).order_by()
    return dict(calls.values_list("outcome").annotate(Count("pk")))
