"""The outbox: what was told to whom, what waits, what failed and can be sent again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from alai.kernel import notifications, words
from alai.kernel.admin.base import History, badge
from alai.kernel.models import Notification, NotificationChannel

State = Notification.State
STATES = {
    State.PENDING: ("Waits", "info"),
    State.SENDING: ("With Slack", "info"),
    State.SENT: ("Sent", "success"),
    State.FAILED: ("Failed", "danger"),
    State.EXPIRED: ("Expired", "warning"),
    State.COALESCED: ("Sent with another", "success"),
}


@admin.register(Notification)
class NotificationAdmin(History[Notification]):
    list_display = ("about", "recipient", "state_shown", "text_begins", "tried", "created")
    list_filter = (("state", ChoicesDropdownFilter),)
    search_fields = ("event", "recipient")
    search_help_text = "Event or recipient"
    actions = ("send_again",)
    fields = (
        "state_shown", "event", "step", "recipient", "channel", "text", "last_error", "attempts", "tried",
        "created", "sent", "from_then", "until_then", "provider_ref",
    )  # fmt: skip
    readonly_fields = fields

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("kernel.change_notification")

    @admin.action(description="Send again", permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        again = notifications.send_again(ids=ids)
        if again:
            messages.success(request, f"{words.plural(again, 'notification')} put back into the queue.")
        if again < len(ids):
            left = words.plural(len(ids) - again, "notification")
            messages.info(request, f"{left} left alone: only failed and expired ones can be sent again.")

    @admin.display(description="About", ordering="event")
    def about(self, row: Notification) -> SafeString:
        return format_html(
            '<span class="mc-strong">{}</span> <span class="mc-quiet">{}</span>', row.event, row.step
        )

    @admin.display(description="State", ordering="state")
    def state_shown(self, row: Notification) -> SafeString:
        return badge(*STATES[State(row.state)])

    @admin.display(description="Text")
    def text_begins(self, row: Notification) -> str:
        return f"{row.text[:80]}…" if len(row.text) > 80 else row.text

    @admin.display(description="Tried", ordering="tried_at")
    def tried(self, row: Notification) -> SafeString | str:
        return words.time_tag(row.tried_at) if row.tried_at else "not yet"

    @admin.display(description="Written", ordering="id")
    def created(self, row: Notification) -> SafeString | str:
        return words.time_tag(row.created_at)

    @admin.display(description="Sent")
    def sent(self, row: Notification) -> SafeString | str:
        return words.time_tag(row.sent_at)

    @admin.display(description="Not before")
    def from_then(self, row: Notification) -> SafeString | str:
        return words.time_tag(row.not_before)

    @admin.display(description="Not after")
    def until_then(self, row: Notification) -> SafeString | str:
        return words.time_tag(row.not_after) if row.not_after else "whenever it can be sent"


@admin.register(NotificationChannel)
class NotificationChannelAdmin(History[NotificationChannel]):
    list_display = ("name", "state", "ready", "failures", "unreached")

    @admin.display(description="State")
    def state(self, channel: NotificationChannel) -> SafeString:
        return badge("Not reached", "danger") if channel.unreached_since else badge("Reached", "success")

    @admin.display(description="Next message", ordering="ready_at")
    def ready(self, channel: NotificationChannel) -> SafeString | str:
        return words.time_tag(channel.ready_at)

    @admin.display(description="Not reached since", ordering="unreached_since")
    def unreached(self, channel: NotificationChannel) -> SafeString | str:
        return words.time_tag(channel.unreached_since)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "state", "ready", "failures", "unreached")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.get_fields(request, obj)
