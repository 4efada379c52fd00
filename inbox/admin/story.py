"""How a mail stands, in words and colours: for the list, the message page and the home page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alai.kernel import words
from alai.kernel.admin.base import badge
from inbox.models import Mail, Message, StageEvidence
from inbox.triage.verdicts import Action, Classification, Verdict

VERDICTS = {
    Verdict.QUARANTINE: ("Quarantined", "danger"),
    Verdict.TASK: ("Task", "primary"),
    Verdict.QUEUE: ("Queued", "unknown"),
    Verdict.DEFERRED: ("Undecided", "warning"),
}
CLASSIFICATIONS = {
    Classification.ACTION: ("Needs somebody", "primary"),
    Classification.INFO: ("Information", "unknown"),
    Classification.NEWSLETTER: ("Newsletter", "unknown"),
    Classification.TRANSACTIONAL: ("Transactional", "unknown"),
    Classification.SPAM: ("Spam", "danger"),
    Classification.OWN: ("Ours", "unknown"),
}
ACTIONS = {
    Action.LINKED: "a task was made of it",
    Action.RELINKED: "it belongs to a task that was there already",
    Action.QUARANTINED: "the security scan kept it away",
    Action.LLM_YES: "the LLM says that it matters for revenue",
    Action.LLM_NO: "the LLM says that it does not matter for revenue",
    Action.NEWSLETTER: "it is a newsletter",
    Action.TRANSACTIONAL: "it is an automated notification",
    Action.DRY_RUN: "its account is triaged dry: no task was made",
    Action.CREATE_FAILED: "no task could be made",
    Action.UPDATE_FAILED: "its task could not be linked",
    Action.PARTNER: "a partner wrote it, and it is authenticated",
    Action.PARTNER_UNVERIFIED: "it claims to be a partner's, without proof",
    Action.LLM_DEFERRED: "only the LLM can tell, and it has not answered yet",
    Action.AUTOMATIC: "a machine sent it: an answer, a bounce or a loop",
    Action.OWN: "we sent it ourselves",
    Action.TOO_OLD: "it is older than 30 days",
    Action.IMPORTED: "it was there before triage began",
}
SHOWN_REASONS = 4


def url(message_id: int) -> str:
    return reverse("admin:inbox_message_change", args=[message_id])


def verdict(mail: Mail | None) -> SafeString:
    """The verdict as a badge; a message that nobody judged yet is new."""
    if mail is None or not mail.verdict:
        return badge("New", "info")
    label, tone = VERDICTS[Verdict(mail.verdict)]
    return badge(label, tone)


def classification(mail: Mail | None) -> SafeString | str:
    if mail is None or not mail.classification:
        return ""
    label, tone = CLASSIFICATIONS[Classification(mail.classification)]
    return badge(label, tone)


def partner(mail: Mail | None) -> SafeString | str:
    """`Tier 1 partner`, and whether that was proven."""
    if mail is None or not mail.partner_tier:
        return ""
    unproven = mail.action == Action.PARTNER_UNVERIFIED
    return badge(
        f"Tier {mail.partner_tier}{', unverified' if unproven else ''}", "warning" if unproven else "success"
    )


def reason(code: str) -> str:
    """`brand_in_name` as people read it."""
    return code.replace("_", " ").replace("-", " ")


def chips(codes: Sequence[str], limit: int = SHOWN_REASONS) -> SafeString:
    shown = format_html_join(
        " ", '<span class="mc-chip">{}</span>', ((reason(one),) for one in codes[:limit])
    )
    more = len(codes) - limit
    return format_html("{} <span class='mc-quiet'>+{}</span>", shown, more) if more > 0 else shown


def standing(message: Message, now: datetime | None = None) -> SafeString | str:
    """What stands, why, and since when: the first thing that the message page says."""
    mail, moment = message.mail, now or timezone.now()
    if message.erased_at is not None:
        return f"Its text was erased {words.ago(message.erased_at, moment)}; what was decided stays."
    if mail is None or not mail.verdict:
        return "Stored, and not judged yet."
    why = (
        ACTIONS.get(Action(mail.action), mail.action.replace("_", " ")) if mail.action else "a person said so"
    )
    who = "" if mail.decided_by in ("", "person") else f" ({mail.decided_by.replace('_', ' ')})"
    when = f", {words.ago(mail.decided_at, moment)}" if mail.decided_at else ""
    return format_html("{}{}{}. {}", why[:1].upper() + why[1:], who, when, _answer(mail, moment))


def _answer(mail: Mail, now: datetime) -> SafeString | str:
    if mail.answered_at is not None:
        by = "our reply in Sent" if mail.answered_by == "sent" else mail.answered_by
        return f"Answered {words.ago(mail.answered_at, now)} by {by}."
    if mail.classification != Classification.ACTION or mail.outgoing:
        return ""
    late = words.duration(now - mail.received_at)
    return format_html('<span class="mc-late">Nobody has answered for {}.</span>', late)


def waits(mail: Mail | None, now: datetime) -> SafeString | str:
    """For the list: how long somebody has been waiting for an answer."""
    if mail is None or mail.classification != Classification.ACTION or mail.outgoing:
        return "–"
    if mail.answered_at is not None:
        return format_html('<span class="mc-quiet">answered</span>')
    length = words.duration(now - mail.received_at)
    hours = (now - mail.received_at).total_seconds() / 3600
    return format_html('<span class="mc-late">{}</span>', length) if hours >= 24 else length


def evidence(row: StageEvidence) -> dict[str, Any]:
    """One stage's evidence for the timeline: its signals, the weightiest first."""
    signals = sorted(row.signals, key=lambda one: -abs(float(one.get("weight") or 0)))
    facts = [reason(name) for name, value in (row.facts or {}).items() if value]
    return {"stage": reason(row.stage), "decided": row.decided, "signals": signals, "facts": facts}
