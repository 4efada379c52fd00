"""HiveMind to look at: what agents say in channels, and what they keep in mind with all its revisions."""

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter

from alai.kernel import words
from alai.kernel.admin.base import History, badge, distinct
from missioncontrol import search
from missioncontrol.models import Memory, Message

LONGEST = 100


class ValueFilter(DropdownFilter):
    """The values that a column has."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (value, value) for value in distinct(model_admin.model, self.parameter_name, chosen=self.value())
        ]


class ChannelFilter(ValueFilter):
    title = parameter_name = "channel"


class KindFilter(ValueFilter):
    title = parameter_name = "kind"


class AgentFilter(ValueFilter):
    title = parameter_name = "agent"


class StateFilter(DropdownFilter):
    """Without a choice the list shows what agents find: current revisions that have not expired."""

    title = "state"
    parameter_name = "state"
    all_option = ["", "Current"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("past", "Earlier revisions"), ("expired", "Expired"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Memory]) -> QuerySet[Memory]:
        match self.value():
            case "past":
                return queryset.filter(is_current=False)
            case "expired":
                return queryset.filter(expires_at__lte=Now())
            case "all":
                return queryset
        return queryset.filter(is_current=True).exclude(expires_at__lte=Now())


@admin.register(Message)
class MessageAdmin(History[Message]):
    list_display = ("when", "where", "who", "says")
    list_filter = (ChannelFilter,)
    fields = ("when", "channel", "who", "body", "payload_shown")
    readonly_fields = fields
    ordering = ("-id",)

    @admin.display(description="When", ordering="id")
    def when(self, message: Message) -> SafeString | str:
        return words.time_tag(message.created_at)

    @admin.display(description="Channel", ordering="channel")
    def where(self, message: Message) -> SafeString:
        return badge(message.channel, "info")

    @admin.display(description="Who")
    def who(self, message: Message) -> str:
        return f"{message.sender} to {message.recipient}" if message.recipient else message.sender

    @admin.display(description="Message")
    def says(self, message: Message) -> str:
        return shortened(message.body)

    @admin.display(description="Payload")
    def payload_shown(self, message: Message) -> SafeString | str:
        if not message.payload:
            return "none"
        return format_html("<pre>{}</pre>", json.dumps(message.payload, indent=2, ensure_ascii=False))


@admin.register(Memory)
class MemoryAdmin(History[Memory]):
    list_display = ("key", "says", "agent", "kind", "weight", "when")
    list_filter = (StateFilter, KindFilter, AgentFilter)
    search_fields: ClassVar[tuple[str, ...]] = ("key",)
    search_help_text = "Words of a memory or its key"
    fields = (
        "key",
        "agent",
        "kind",
        "content",
        "tags_shown",
        "weight",
        "when",
        "expiry",
        "state",
        "revisions",
    )
    readonly_fields = fields
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Memory]:
        return super().get_queryset(request).defer("vector")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Memory], search_term: str
    ) -> tuple[QuerySet[Memory], bool]:
        text = search_term.replace("\0", "").strip()
        if not text:
            return queryset, False
        query = search.web_query(text)
        return queryset.filter(vector=query).order_by("-standing", "-id"), False

    @admin.display(description="Memory")
    def says(self, memory: Memory) -> str:
        return shortened(memory.content)

    @admin.display(description="Importance", ordering="importance")
    def weight(self, memory: Memory) -> str:
        return f"{memory.importance:.2f}"

    @admin.display(description="Since", ordering="id")
    def when(self, memory: Memory) -> SafeString | str:
        return words.time_tag(memory.created_at)

    @admin.display(description="Expires")
    def expiry(self, memory: Memory) -> SafeString | str:
        return words.time_tag(memory.expires_at) if memory.expires_at else "never"

    @admin.display(description="Tags")
    def tags_shown(self, memory: Memory) -> str:
        return ", ".join(memory.tags) or "none"

    @admin.display(description="State")
    def state(self, memory: Memory) -> SafeString:
        if memory.expires_at is not None and memory.expires_at <= timezone.now():
            return badge("Expired", "warning")
        return badge("Current", "success") if memory.is_current else badge("Earlier revision", "unknown")

    @admin.display(description="Revisions")
    def revisions(self, memory: Memory) -> SafeString:
        past = (
            Memory.objects.filter(agent=memory.agent, key=memory.key)
            .order_by("-revision")
            .defer("vector")[:50]
        )
        links = (
            (
                reverse("admin:missioncontrol_memory_change", args=[one.pk]),
                one.revision,
                words.time_tag(one.created_at),
                shortened(one.content),
            )
            for one in past
        )
        return format_html_join(
            SafeString("<br>"), '<a class="mc-link" href="{}">Revision {}</a>, {}: {}', links
        )


def shortened(text: str) -> str:
    return f"{text[:LONGEST]}…" if len(text) > LONGEST else text
