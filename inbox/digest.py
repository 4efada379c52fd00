"""What the daily digest says: who waits, what is undecided, what was kept away (handbook, "Daily Digest").

Reading only; `inbox.services.coming_back` sends it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from alai.kernel.slack import escape
from alai.kernel.words import duration, plural
from inbox.models import Account, Mail, Message, Sender
from inbox.triage.verdicts import Action, Verdict

WAITING = timedelta(hours=6)
LINES = 25  # of a section; the rest is counted
SUBJECT_LENGTH = 90
IMPORTED_NEW = (
    "imported_new"  # the reason code of imported mail that the old system left as new, without a task
)
FIRST_LOOK = timedelta(days=1)  # how far back kept mail is listed when there was no digest before


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, the mails that are listed below it, and how many there are in all."""

    title: str
    mails: Sequence[Mail]
    total: int


@dataclass(frozen=True, slots=True)
class Composed:
    """A digest ready to be sent; `imported` are the mails that it lists for the first and last time."""

    text: str
    counts: dict[str, int]
    imported: QuerySet[Mail]


def compose(*, now: datetime, since: datetime | None) -> Composed:
    """The digest of this moment; `since` is when the last one was made."""
    imported = Mail.objects.filter(reasons__contains=[IMPORTED_NEW], digest=None, task=None)
    sections = {name: _section(title, mails) for name, (title, mails) in _kinds(now, since).items()}
    local = timezone.localtime(now)
    lines = [f"*Inbox, {local:%A} {local.day} {local:%B}*"]
    for section in sections.values():
        lines += _lines(section, now)
    unread = Message.objects.filter(state=Message.State.STORED, stored_at__lt=now - WAITING).count()
    lines += ["", f"*{plural(unread, 'message')} could not be read yet*"] if unread else []
    lines += _imported_lines(imported, now)
    if len(lines) == 1:
        lines.append("Nothing waits for anybody.")
    counts = {name: section.total for name, section in sections.items()} | {"imported": imported.count()}
    return Composed("\n".join(lines), counts, imported)


def waiting_for_answer(now: datetime) -> QuerySet[Mail]:
    """ACTION mail that nobody answered for six hours; what was there before us is not ours to chase."""
    return (
        Mail.objects.unanswered()
        .exclude(action__in=[Action.IMPORTED, Action.OWN])
        .exclude(verdict__in=[Verdict.QUARANTINE, Verdict.DEFERRED, ""])
        .filter(received_at__lt=now - WAITING)
        .order_by("received_at")
    )


def _kinds(now: datetime, since: datetime | None) -> dict[str, tuple[str, QuerySet[Mail]]]:
    waiting = waiting_for_answer(now)
    partner, high = Q(partner_tier__gt=0), Q(priority__in=["high", "critical"])
    asked = Q(verdict=Verdict.DEFERRED, undecided_since__lt=now - WAITING)
    unjudged = Q(verdict="", received_at__lt=now - WAITING) & ~Q(messages__account__triage=Account.Triage.OFF)
    undecided = Mail.objects.filter(asked | unjudged).distinct()
    kept_since = min(since or now, now - FIRST_LOOK)
    kept = Mail.objects.filter(verdict=Verdict.QUARANTINE, decided_at__gt=kept_since).order_by("decided_at")
    known = Sender.objects.filter(address=OuterRef("messages__sender")).filter(
        Q(sent_count__gt=0) | ~Q(paperless_name="") | Q(released_at__isnull=False)
    )
    return {
        "partners": ("Strategic partner emails", waiting.filter(partner)),
        "high_priority": ("High-priority emails", waiting.filter(high).exclude(partner)),
        "unanswered": ("Unanswered for more than 6 hours", waiting.exclude(partner | high)),
        "undecided": ("Undecided for more than 6 hours", undecided.order_by("received_at")),
        "quarantined": (
            "In quarantine although the sender is known by name",
            kept.filter(partner | Exists(known)).distinct(),
        ),
    }


def _section(title: str, mails: QuerySet[Mail]) -> Section:
    return Section(title, list(mails[:LINES]), mails.count())


def _lines(section: Section, now: datetime) -> list[str]:
    if not section.total:
        return []
    lines = ["", f"*{section.title}* ({section.total})"]
    messages = _first_messages(section.mails)
    lines += [_line(mail, messages.get(mail.pk), now) for mail in section.mails]
    if section.total > len(section.mails):
        lines.append(f"… and {section.total - len(section.mails)} more in the inbox")
    return lines


def _first_messages(mails: Iterable[Mail]) -> dict[int, Message]:
    messages = Message.objects.for_display().filter(mail__in=[mail.pk for mail in mails]).order_by("-id")
    return {message.mail_id: message for message in messages if message.mail_id}


def _line(mail: Mail, message: Message | None, now: datetime) -> str:
    who = mail.partner_name or (message and (message.sender_name or message.sender)) or "Somebody"
    where = message.account.address if message else ""
    subject = " ".join(message.subject.split())[:SUBJECT_LENGTH] if message else ""
    tier = f"[tier {mail.partner_tier}] " if mail.partner_tier else ""
    task = f", task {mail.task_id}" if mail.task_id else ""
    return (
        f"• {tier}{escape(who[:100])} to {escape(where)}: {escape(subject) or '(no subject)'} "
        f"({duration(now - mail.received_at)}{task})"
    )


def _imported_lines(imported: QuerySet[Mail], now: datetime) -> list[str]:
    """Once: what the old system had not dealt with. The actions by line, the rest counted."""
    kinds = Counter(imported.order_by().values_list("classification", flat=True))
    if not kinds:
        return []
    counted = ", ".join(f"{count} {name or 'unclassified'}" for name, count in sorted(kinds.items()))
    title = f"Left as new by the old system: {plural(kinds.total(), 'mail')} ({counted})"
    section = _section(title, imported.filter(classification="ACTION").order_by("-received_at"))
    return ["", f"*{title}*", *_lines(section, now)[2:]]
