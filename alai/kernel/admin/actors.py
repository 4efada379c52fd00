"""Actors: whoever's name can stand beside what was done."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from alai.kernel import words
from alai.kernel.admin.base import Admin, badge
from alai.kernel.models import Actor

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[Actor]
else:
    BaseForm = forms.ModelForm


class ActorForm(BaseForm):
    capabilities = SimpleArrayField(
        forms.CharField(max_length=100),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="What not everybody can do, e.g. gpu, browser: it is handed tasks that require it.",
    )

    class Meta:
        model = Actor
        fields = "__all__"

    def clean_capabilities(self) -> list[str]:
        """In small letters, as tasks require them; each once."""
        given = (word.strip().lower() for word in self.cleaned_data["capabilities"] or [])
        return list(dict.fromkeys(filter(None, given)))


@admin.register(Actor)
class ActorAdmin(Admin[Actor]):
    """Deleting is not offered: history names actors. An inactive one is refused everywhere."""

    list_display = ("named", "kind_shown", "owner", "state", "takes_on", "tokens_held", "last_seen")
    list_select_related = ("owner",)
    list_filter = (("kind", ChoicesDropdownFilter), "is_active")
    search_fields = ("name", "display_name")
    search_help_text = "Name"
    form = ActorForm
    fieldsets = (
        (None, {"fields": ("name", "display_name", "kind", "user", "owner", "recipient", "is_active")}),
        ("What it takes on", {"fields": ("wip_limit", "capabilities")}),
    )
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

    @admin.display(description="Takes on")
    def takes_on(self, actor: Actor) -> SafeString:
        most = (
            f"{words.plural(actor.wip_limit, 'task')} at once" if actor.wip_limit else "any number of tasks"
        )
        chips = format_html_join(
            " ", '<span class="mc-chip">{}</span>', ((one,) for one in actor.capabilities)
        )
        return format_html("{} {}", most, chips)

    @admin.display(description="Tokens", ordering="usable_tokens")
    def tokens_held(self, actor: Any) -> str:
        return words.plural(actor.usable_tokens, "token") if actor.usable_tokens else "none"

    @admin.display(description="Last token use", ordering="seen")
    def last_seen(self, actor: Any) -> SafeString | str:
        return words.time_tag(actor.seen) if actor.seen else "never"
