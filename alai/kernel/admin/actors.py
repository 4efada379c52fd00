"""Actors: whoever's name can stand beside what was done."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from alai.kernel import words
from alai.kernel.admin.base import Admin, badge
from alai.kernel.models import Actor


@admin.register(Actor)
class ActorAdmin(Admin[Actor]):
    """Deleting is not offered: history names actors. An inactive one is refused everywhere."""

    list_display = ("named", "kind_shown", "owner", "state", "tokens_held", "last_seen")
    list_select_related = ("owner",)
    list_filter = (("kind", ChoicesDropdownFilter), "is_active")
    search_fields = ("name", "display_name")
    search_help_text = "Name"
    fields = ("name", "display_name", "kind", "user", "owner", "recipient", "is_active")
    autocomplete_fields = ("user", "owner")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Actor]:
        usable = Q(tokens__revoked_at=None)
        return (
            super()
            .get_queryset(request)
            .annotate(usable_tokens=Count("tokens", filter=usable), seen=Max("tokens__last_used_at"))
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Actor | None = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Actor", ordering="name")
    def named(self, actor: Actor) -> SafeString:
        second = actor.name if actor.display_name else ""
        return format_html(
            '<span class="mc-strong">{}</span> <span class="mc-quiet">{}</span>', actor, second
        )

    @admin.display(description="Kind", ordering="kind")
    def kind_shown(self, actor: Actor) -> SafeString:
        tones = {Actor.Kind.PERSON: "primary", Actor.Kind.AGENT: "info"}
        return badge(actor.get_kind_display(), tones.get(Actor.Kind(actor.kind), "unknown"))

    @admin.display(description="State", ordering="is_active")
    def state(self, actor: Actor) -> SafeString:
        return badge("Active", "success") if actor.is_active else badge("Inactive: refused", "danger")

    @admin.display(description="Tokens", ordering="usable_tokens")
    def tokens_held(self, actor: Any) -> str:
        return words.plural(actor.usable_tokens, "token") if actor.usable_tokens else "none"

    @admin.display(description="Last token use", ordering="seen")
    def last_seen(self, actor: Any) -> SafeString | str:
        return words.time_tag(actor.seen) if actor.seen else "never"
