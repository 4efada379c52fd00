"""What in the inbox needs a person, for the home page."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse

from alai.kernel import needs
from alai.kernel.admin.base import principal
from alai.kernel.needs import NOTHING, SHOWN, Action, Found, Need
from inbox.admin import story
from inbox.models import Mail, Message
from inbox.triage.verdicts import Verdict

UNDECIDED_FOR = timedelta(hours=6)


def unanswered_partners(request: HttpRequest) -> Found:
    """Partners whose mail nobody answered."""
    waiting = Mail.objects.unanswered().filter(partner_tier__gt=0).exclude(action="imported")
    waiting = waiting.exclude(verdict=Verdict.QUARANTINE).order_by("partner_tier", "received_at")

    def tell(message: Message, mail: Mail) -> Need:
        act = [Action("Answered", _act(message, "answered"), post=True, fields={"back": "home"})]
        sentence = f"wrote to {message.account.address}: {_subject(message)}"
        return _need(message, "Partner", "danger", sentence, act, mail.received_at)

    return _found(request, waiting, tell, "?status=all&partner=yes", "partners' mails")


def in_quarantine(request: HttpRequest) -> Found:
    """Each new quarantine is on the board at once; after a week only the list has it."""
    kept = Mail.objects.filter(verdict=Verdict.QUARANTINE, decided_at__gt=Now() - timedelta(days=7))

    def tell(message: Message, mail: Mail) -> Need:
        ask = [
            Action(
                "Release…",
                _act(message, "release"),
                post=True,
                ask="Why is it harmless?",
                fields={"back": "home"},
            )
        ]
        why = ", ".join(story.reason(code) for code in mail.reasons[:3])
        sentence = f"was kept away: {_subject(message)}" + (f" ({why})" if why else "")
        return _need(message, "Quarantine", "warning", sentence, ask, mail.decided_at)

    return _found(request, kept.order_by("-decided_at"), tell, "?status=quarantine", "mails in quarantine")


def undecided(request: HttpRequest) -> Found:
    """What the LLM has not answered for six hours."""
    late = Mail.objects.filter(verdict=Verdict.DEFERRED, undecided_since__lt=Now() - UNDECIDED_FOR)

    def tell(message: Message, mail: Mail) -> Need:
        make = [Action("Make a task", _act(message, "promote"), post=True, fields={"back": "home"})]
        return _need(
            message,
            "Undecided",
            "warning",
            f"waits for a decision: {_subject(message)}",
            make,
            mail.undecided_since,
        )

    return _found(request, late.order_by("undecided_since"), tell, "?status=deferred", "undecided mails")


def _found(
    request: HttpRequest, mails: QuerySet[Mail], tell: Callable[[Message, Mail], Need], query: str, more: str
) -> Found:
    if not request.user.has_perm("inbox.view_message"):
        return NOTHING
    rows = list(mails[:SHOWN])
    total = len(rows) if len(rows) < SHOWN else mails.order_by().values("pk")[: needs.COUNT_LIMIT].count()
    first = Message.objects.for_display().for_accounts(list(principal(request).accounts))
    found = {one.mail_id: one for one in first.filter(mail__in=rows).order_by("-id")}
    may_act = request.user.has_perm("inbox.change_message")
    shown = [_for(tell(found[mail.pk], mail), may_act) for mail in rows if mail.pk in found]
    return Found(shown, total, reverse("admin:inbox_message_changelist") + query, more)


def _need(
    message: Message, tag: str, tone: Any, sentence: str, actions: Sequence[Action], since: Any
) -> Need:
    name = (message.sender_name or message.sender or "Somebody")[:60]
    url = story.url(message.pk)
    return Need(
        tag, tone, sentence, subject=name, url=url, since=since, actions=[*actions, Action("Open", url)]
    )


def _for(need: Need, may_act: bool) -> Need:
    """Who may only look gets no buttons that write."""
    kept = [action for action in need.actions if may_act or not action.post]
    return Need(need.tag, need.tone, need.sentence, need.subject, need.meta, need.url, need.since, kept)


def _subject(message: Message) -> str:
    return " ".join(message.subject.split())[:80] or "(no subject)"


def _act(message: Message, verb: str) -> str:
    return reverse("admin:inbox_message_act", args=[message.pk, verb])
