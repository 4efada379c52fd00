"""Who writes to us: partners, whom the CEO hears of at once, and what is remembered of everybody else."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from alai.kernel import words
from alai.kernel.admin.base import Admin, badge, principal
from alai.kernel.errors import ApiError
from inbox import services
from inbox.access import normal
from inbox.models import Partner, Sender
from inbox.services.partners import bare, check


class PartnerForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Partner
        fields = ("address", "domain", "name", "tier", "reason", "account")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        try:
            check(normal(data.get("address", "")), bare(data.get("domain", "")), data.get("tier", 1))
        except ApiError as error:
            raise forms.ValidationError(error.detail) from None
        return data


@admin.register(Partner)
class PartnerAdmin(Admin[Partner]):
    """An address, or a domain with everything below it. A partner is added and removed, never bent."""

    form = PartnerForm
    list_display = ("named", "matched", "tier", "reason", "account", "since")
    list_filter = ("tier",)
    search_fields = ("address", "domain", "name")
    ordering = ("tier", "address", "domain")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Partner, form: Any, change: bool) -> None:
        data = form.cleaned_data
        made = services.add_partner(
            by=principal(request),
            address=data["address"],
            domain=data["domain"],
            name=data["name"],
            tier=data["tier"],
            reason=data["reason"],
            account=data["account"].address if data["account"] else None,
        )
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Partner) -> None:
        services.remove_partner(by=principal(request), partner_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Partner]) -> None:
        for partner in queryset:
            self.delete_model(request, partner)

    @admin.display(description="Partner", ordering="name")
    def named(self, partner: Partner) -> str:
        return partner.name or partner.matched

    @admin.display(description="Since", ordering="created_at")
    def since(self, partner: Partner) -> SafeString | str:
        return words.time_tag(partner.created_at)


@admin.register(Sender)
class SenderAdmin(Admin[Sender]):
    """What is remembered of an address; "never again" is taken back here."""

    list_display = ("address", "standing", "sent_count", "last", "paperless_name")
    search_fields = ("address", "paperless_name")
    show_full_result_count = False
    ordering = ("address",)
    actions = ["forgive"]
    readonly_fields = (
        "address", "standing", "sent_count", "last", "paperless_name", "blocked_at", "blocked_by", "released_at",
        "released_by",
    )  # fmt: skip
    fields = readonly_fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description='Take "never again" back', permissions=["change"])
    def forgive(self, request: HttpRequest, chosen: QuerySet[Sender]) -> None:
        by = principal(request)
        done = sum(services.forgive(by=by, address=sender.address) for sender in chosen)
        messages.success(request, f"{words.plural(done, 'sender')} may write again.")

    @admin.display(description="Standing")
    def standing(self, sender: Sender) -> SafeString:
        if sender.blocked_at is not None:
            return badge("Never again", "danger")
        known = sender.sent_count or sender.paperless_name or sender.released_at
        return badge("Known", "success") if known else badge("Unknown", "unknown")

    @admin.display(description="Last written to", ordering="last_sent_at")
    def last(self, sender: Sender) -> SafeString | str:
        return words.time_tag(sender.last_sent_at)
