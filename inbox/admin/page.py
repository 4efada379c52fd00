"""Everything that the message page shows, read in a bounded number of queries."""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse

from inbox import selectors
from inbox.admin import story, verbs
from inbox.mail import Parsed, parse
from inbox.models import Content, Mail, Message, Sender
from inbox.packing import unpack
from inbox.selectors import STATUSES
from inbox.triage.verdicts import Classification
from missioncontrol.models import Status

HEADERS = 120
THREAD = 30
COUNT_LIMIT = 1000


def context(request: HttpRequest, message: Message, *, may_change: bool) -> dict[str, Any]:
    """`inbox/message.html` of one message."""
    parsed = parsed_of(message)
    decisions = selectors.story(message) if message.mail_id else []
    return {
        "message": message,
        "mail": message.mail,
        "verdict": story.verdict(message.mail),
        "classification": story.classification(message.mail),
        "partner": story.partner(message.mail),
        "standing": story.standing(message),
        "reasons": story.chips(message.mail.reasons, 20) if message.mail else "",
        "verbs": verbs.offered(message) if may_change else {},
        "classifications": [one.value for one in Classification],
        "has_body": bool(parsed.html or parsed.text),
        "body_url": reverse("admin:inbox_message_body", args=[message.pk]),
        "links": _links(parsed),
        "remote_images": parsed.remote_images,
        "headers": parsed.headers[:HEADERS],
        "authentication": parsed.authentication,
        "trusted": {one.lower() for one in message.account.authserv_ids} if message.fetched else set(),
        "decisions": [_decision(one) for one in reversed(decisions)],
        "sender": Sender.objects.filter(address=message.sender).first() if message.sender else None,
        "copies": _copies(message),
        "thread": _thread(message),
        "task": _task(message.mail),
        "escalations": list(message.mail.escalations.order_by("hours")) if message.mail else [],
        "feedback": list(message.mail.feedback.order_by("-id")[:20]) if message.mail else [],
    }


def raw_of(message: Message) -> bytes:
    """The stored bytes, up to the cap; empty when they were erased, are past their retention, or never came."""
    content = Content.objects.filter(pk=message.pk).first()
    return unpack(content) if content is not None else b""


def parsed_of(message: Message) -> Parsed:
    """The message taken apart again; of one without bytes (imported) only its stored text is left."""
    raw = raw_of(message)
    if raw:
        return parse(raw)
    text = Content.objects.filter(pk=message.pk).values_list("text", flat=True).first() or ""
    return Parsed(size=message.size, content_hash="", subject=message.subject, text=text)


def counts() -> dict[str, str]:
    """How many messages the usual views show, counted up to a limit, looked up every 20 seconds at most."""

    def read() -> dict[str, str]:
        waiting = Message.objects.filter(STATUSES["unanswered"]).exclude(
            STATUSES["quarantine"] | STATUSES["deferred"]
        )
        queries = {
            "": waiting.exclude(mail__action="imported"),
            "status=quarantine": Message.objects.filter(STATUSES["quarantine"]),
            "status=deferred": Message.objects.filter(STATUSES["deferred"]),
        }
        return {
            name: _bounded(query.order_by().values("pk")[: COUNT_LIMIT + 1].count())
            for name, query in queries.items()
        }

    return dict(cache.get_or_set("inbox:counts", read, 20) or {})


def _bounded(count: int) -> str:
    return f"{COUNT_LIMIT:,}+" if count > COUNT_LIMIT else f"{count:,}" if count else ""


def _links(parsed: Parsed) -> list[dict[str, str]]:
    """Where the links lead, beside what they say: they cannot be followed from here."""
    seen = dict.fromkeys((link.href, link.text) for link in parsed.links)
    return [{"href": href[:300], "text": text[:100]} for href, text in list(seen)[:40]]


def _decision(decision: Any) -> dict[str, Any]:
    stages = [story.evidence(row) for row in sorted(decision.evidence.all(), key=lambda row: row.position)]
    return {
        "decision": decision,
        "stages": stages,
        "sentence": story.ACTIONS.get(decision.action, decision.action),
    }


def _copies(message: Message) -> list[Message]:
    """The same mail in other accounts."""
    if message.mail_id is None:
        return []
    return list(
        Message.objects.for_display().filter(mail=message.mail_id).exclude(pk=message.pk).order_by("id")[:20]
    )


def _thread(message: Message) -> list[Message]:
    """One message of each mail of the conversation, oldest first; empty when it stands alone."""
    mail = message.mail
    if mail is None:
        return []
    first = mail.thread_id or mail.pk
    mails = Mail.objects.filter(thread=first).values("pk")
    rows = Message.objects.for_display().filter(mail__in=mails) | Message.objects.for_display().filter(
        mail=first
    )
    found = {one.mail_id: one for one in rows.order_by("received_at")[:THREAD]}
    return list(found.values()) if len(found) > 1 else []


def _task(mail: Mail | None) -> dict[str, Any] | None:
    if mail is None or mail.task is None:
        return None
    task = mail.task
    url = reverse("admin:missioncontrol_task_change", args=[task.pk])
    return {"task": task, "url": url, "status": Status(task.status).label}
