"""What happened to mail, to look at: every decision with its action code, digests, escalations, the LLM's answers."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alai.kernel import words
from alai.kernel.admin.base import History
from inbox.admin import story
from inbox.models import Decision, Digest, Escalation, Feedback, LlmCall, Message


def _about(mail_id: int | None, message_id: int | None, subject: str | None) -> SafeString | str:
    if message_id is None:
        return f"mail {mail_id}"
    return format_html(
        '<a class="mc-link" href="{}">{}</a>', story.url(message_id), (subject or "(no subject)")[:90]
    )


class OfMail[M: (Decision, Escalation, Feedback, LlmCall)](History[M]):
    """Rows that hang on a mail, shown with a link to its first message."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        first = Message.objects.filter(mail=OuterRef("mail")).order_by("id")
        rows = super().get_queryset(request)
        named: QuerySet[M] = rows.annotate(
            first_id=Subquery(first.values("pk")[:1]), first_subject=Subquery(first.values("subject")[:1])
        )
        return named

    @admin.display(description="Message")
    def about(self, row: Any) -> SafeString | str:
        return _about(row.mail_id, row.first_id, row.first_subject)

    @admin.display(description="When", ordering="id")
    def when(self, row: Any) -> SafeString | str:
        return words.time_tag(row.at)


@admin.register(Decision)
class DecisionAdmin(OfMail[Decision]):
    """The handbook's audit log."""

    list_display = ("when", "action", "about", "verdict", "stage", "reasons_shown", "by")
    list_filter = ("action", "verdict", "stage")
    fields = (
        "when", "about", "action", "verdict", "classification", "priority", "stage", "reasons_shown", "score",
        "task_id", "detail", "by",
    )  # fmt: skip
    readonly_fields = fields
    ordering = ("-id",)

    @admin.display(description="Reasons")
    def reasons_shown(self, decision: Decision) -> SafeString:
        return story.chips(decision.reasons, 4)


@admin.register(Escalation)
class EscalationAdmin(OfMail[Escalation]):
    list_display = ("when", "hours", "about", "told")
    list_filter = ("hours",)
    fields = ("when", "hours", "about", "told")
    readonly_fields = fields


@admin.register(Feedback)
class FeedbackAdmin(OfMail[Feedback]):
    list_display = ("when", "kind", "about", "stage", "before", "after", "by")
    list_filter = ("kind", "stage")
    fields = ("when", "kind", "about", "stage", "action", "before", "after", "note", "by")
    readonly_fields = fields


@admin.register(LlmCall)
class LlmCallAdmin(OfMail[LlmCall]):
    list_display = ("when", "outcome", "about", "model", "latency", "attempt", "cost_usd")
    list_filter = ("outcome", "endpoint")
    fields = (
        "when", "outcome", "about", "model", "endpoint", "latency", "attempt", "prompt_tokens", "completion_tokens",
        "cost_usd",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="Took", ordering="latency_ms")
    def latency(self, call: LlmCall) -> str:
        return f"{call.latency_ms:,} ms"


@admin.register(Digest)
class DigestAdmin(History[Digest]):
    list_display = ("date", "counted", "delivery", "by", "made")
    fields = ("date", "counted", "delivery", "text", "by", "made")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Digest]:
        return super().get_queryset(request).select_related("notification")

    @admin.display(description="Listed")
    def counted(self, digest: Digest) -> str:
        listed = [f"{count:,} {story.reason(name)}" for name, count in digest.counts.items() if count]
        return ", ".join(listed) or "nothing waited"

    @admin.display(description="In Slack")
    def delivery(self, digest: Digest) -> str:
        return digest.notification.get_state_display() if digest.notification else "unknown"

    @admin.display(description="Text")
    def text(self, digest: Digest) -> SafeString | str:
        if digest.notification is None:
            return "past its retention"
        return format_html('<pre class="mc-pre">{}</pre>', digest.notification.text)

    @admin.display(description="Made", ordering="created_at")
    def made(self, digest: Digest) -> SafeString | str:
        return words.time_tag(digest.created_at)
