"""Who is signed in where; an administrator ends what should not go on."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alai.kernel import sessions, words
from alai.kernel.admin.base import History, badge
from alai.kernel.browsers import browser
from alai.kernel.models import Session


@admin.register(Session)
class SessionAdmin(History[Session]):
    """People's live sessions; neither their contents nor their keys are shown."""

    list_display = ("who", "state", "where", "address", "since", "seen")
    list_display_links = ("who",)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    search_help_text = "Name"
    ordering = ("-seen_at",)
    actions = ("end_selected",)
    fields = ("who", "state", "where", "address", "since", "seen", "agent")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        rows = super().get_queryset(request).filter(user__isnull=False, expire_date__gt=Now())
        return rows.defer("session_data").annotate(is_this=Q(pk=sessions.own(request)))

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("kernel.delete_session")

    @admin.action(description="End", permissions=["end"])
    def end_selected(self, request: HttpRequest, rows: QuerySet[Session]) -> None:
        chosen = Session.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))
        ended = sessions.end(sessions=chosen, why="ended in the admin")
        sentence = f"{words.plural(ended, 'session')} ended: whoever uses one has to sign in again."
        messages.success(request, sentence)

    @admin.display(description="Person", ordering="user__username")
    def who(self, session: Session) -> SafeString:
        name = session.user.get_full_name() if session.user else ""
        return format_html(
            '<span class="mc-strong">{}</span> <span class="mc-quiet">{}</span>', session.user, name
        )

    @admin.display(description="State")
    def state(self, session: Any) -> SafeString:
        return badge("This one", "success") if session.is_this else badge("Signed in", "info")

    @admin.display(description="With")
    def where(self, session: Session) -> str:
        return browser(session.agent).name

    @admin.display(description="Signed in", ordering="signed_in_at")
    def since(self, session: Session) -> SafeString | str:
        return words.time_tag(session.signed_in_at)

    @admin.display(description="Last seen", ordering="seen_at")
    def seen(self, session: Session) -> SafeString | str:
        return words.time_tag(session.seen_at)
