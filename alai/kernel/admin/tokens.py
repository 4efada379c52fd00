"""Tokens: made here and shown once, limited, revoked. A token's text and its hash are never shown again."""

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from alai.kernel import words
from alai.kernel.admin.base import Admin, badge, principal
from alai.kernel.admin.pages import shown
from alai.kernel.auth import issue_token
from alai.kernel.errors import ApiError
from alai.kernel.models import SCOPES, Actor, IdempotencyRecord, Token
from alai.kernel.principals import Principal
from alai.kernel.tokens import DEFAULT_OVERLAP, LONGEST_OVERLAP, VALID, grantable, revoke, rotate

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[Token]
else:
    BaseForm = forms.ModelForm

SUGGESTED = ["tasks:read", "tasks:write", "hivemind"]


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


def first_time(nonce: str) -> bool:
    """True for the first form that brings this number, decided by the unique constraint."""
    _, created = IdempotencyRecord.objects.get_or_create(
        owner="token form",
        method="POST",
        path="",
        key=nonce,
        defaults={"body_hash": "", "status": 200, "content_type": "", "response": b""},
    )
    return created


class TokenForm(BaseForm):
    scopes = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {meaning}") for name, meaning in SCOPES.items()],
        initial=SUGGESTED,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="As few as the work needs.",
    )
    expires_at = forms.SplitDateTimeField(
        required=False, widget=UnfoldAdminSplitDateTimeWidget, help_text="Empty: until it is revoked."
    )

    once = forms.CharField(widget=forms.HiddenInput, initial=new_nonce, max_length=64)
    by = Principal(actor="")  # the person at the form

    class Meta:
        model = Token
        fields = ("actor", "name", "scopes", "teams", "accounts", "hosts", "expires_at")

    def clean_scopes(self) -> list[str]:
        scopes: list[str] = self.cleaned_data["scopes"]
        beyond = sorted(set(scopes) - set(grantable(self.by)))
        if "ceo" in beyond:
            raise forms.ValidationError("Only a member of the group ceo can hand out the scope ceo.")
        if beyond:
            raise forms.ValidationError(
                f"You cannot hand out {', '.join(beyond)}: you may not do that yourself."
            )
        return scopes

    def clean_actor(self) -> Actor:
        actor: Actor = self.cleaned_data["actor"]
        if actor.kind != Actor.Kind.AGENT and not self.by.has("admin"):
            raise forms.ValidationError(
                f"{actor.name} is no agent: only an administrator makes a token for them."
            )
        return actor

    def clean(self) -> dict[str, Any] | None:
        """Reloading the page that shows a token sends the form again: the same form makes one token."""
        cleaned = super().clean()
        if not self.errors and not first_time(self.cleaned_data["once"]):
            raise forms.ValidationError(
                "This form has made its token already, shown once. Revoke that one if you lost it, and open a new form."
            )
        return cleaned

    def clean_expires_at(self) -> Any:
        moment = self.cleaned_data["expires_at"]
        if moment and moment <= timezone.now():
            raise forms.ValidationError("This time has passed already.")
        return moment


class RotateForm(forms.Form):
    hours = forms.FloatField(
        label="Hours that the old one goes on working",
        min_value=0,
        max_value=LONGEST_OVERLAP / timedelta(hours=1),
        initial=DEFAULT_OVERLAP // timedelta(hours=1),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="0 to 168. Then it expires by itself.",
    )


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("valid", "Valid"), ("expired", "Expired"), ("revoked", "Revoked"), ("unused", "Never used")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Token]) -> QuerySet[Token]:
        conditions = {
            "valid": VALID,
            "expired": Q(revoked_at=None, expires_at__lte=Now()),
            "revoked": Q(revoked_at__isnull=False),
            "unused": VALID & Q(last_used_at=None),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(Token)
class TokenAdmin(Admin[Token]):
    form = TokenForm
    list_display = ("recognised", "holder", "state", "scopes_shown", "limits", "last_used", "expiry")
    list_filter = (StateFilter,)
    list_select_related = ("actor__owner", "replaces", "successor")
    search_fields = ("name", "prefix", "actor__name")
    search_help_text = "Actor, purpose or first characters"
    autocomplete_fields = ("actor",)
    actions = ("revoke_selected",)
    actions_detail = ("rotate_this", "revoke_this")
    ordering = (F("revoked_at").desc(nulls_first=True), "-id")
    fieldsets = (
        (None, {"fields": ("actor", "name", "scopes", "once")}),
        ("Limits", {"fields": ("teams", "accounts", "hosts", "expires_at"), "classes": ("collapse",)}),
    )
    shown_fields = (
        "recognised", "holder", "state", "scopes_shown", "limits", "last_used", "expiry", "made", "pair"
    )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A token is made or revoked, never edited: what it may do is known for as long as it lives."""
        return False

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("kernel.change_token")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return ((None, {"fields": self.shown_fields}),) if obj else self.fieldsets

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.by = principal(request)
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown_fields if obj else ()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One button: whichever was pressed, the reply must show the token."""
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**buttons, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        data = form.cleaned_data
        limits: dict[str, Any] = {name: data[name] or [] for name in ("teams", "accounts", "hosts")}
        token, text = issue_token(
            actor=data["actor"],
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data["expires_at"],
            **limits,
        )
        obj.__dict__.update(token.__dict__)
        request.token_text = text  # type: ignore[attr-defined]  # for this one reply

    def response_add(
        self, request: HttpRequest, obj: Token, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The token stands in this reply alone: no redirect, no session, no cache keeps it."""
        return token_page(request, obj, request.token_text, back=self._list())  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The audit entry says more than the admin's own log would."""

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        self._revoke(request, tokens)

    @action(description="Revoke", icon="block", permissions=["revoke"], url_path="revoke")
    def revoke_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        token = self._token(request, object_id)
        if request.method == "POST":
            self._revoke(request, Token.objects.filter(pk=token.pk))
            return self.response_post_save_change(request, token)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Revoke this token?"}
        return TemplateResponse(request, "admin/token_revoke.html", {**context, "token": token})

    @action(description="Rotate", icon="autorenew", permissions=["revoke"], url_path="rotate")
    def rotate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new token in its place; the old one goes on for the hours that are chosen."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        token = self._token(request, object_id)
        form = RotateForm(request.POST or None)
        if form.is_valid():
            try:
                hours = timedelta(hours=form.cleaned_data["hours"])
                made = rotate(by=principal(request), token_id=token.pk, overlap=hours)
            except ApiError as error:
                messages.error(request, error.detail)
                return self.response_post_save_change(request, token)
            return token_page(request, made.token, made.text, back=self._list(), old_ends_at=made.old_ends_at)
        context = {"opts": self.opts, "token": token, "form": form}
        return shown(request, "admin/token_rotate.html", context, title="Rotate this token?")

    def _token(self, request: HttpRequest, object_id: str) -> Token:
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404(f"There is no token {object_id[:40]}.")
        return found

    def _list(self) -> str:
        return reverse("admin:kernel_token_changelist")

    def _revoke(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        count = revoke(tokens, why="revoked in the admin")
        if count:
            messages.success(
                request, f"{words.plural(count, 'token')} revoked; requests with it are refused now."
            )
        else:
            messages.info(request, "Nothing to do: revoked already.")

    @admin.display(description="Token", ordering="prefix")
    def recognised(self, token: Token) -> SafeString:
        return format_html(
            '<code class="mc-code">{}…</code> <span class="mc-quiet">{}</span>', token.prefix, token.name
        )

    @admin.display(description="Actor", ordering="actor__name")
    def holder(self, token: Token) -> str:
        return token.actor.name

    @admin.display(description="State")
    def state(self, token: Token) -> SafeString:
        if token.revoked_at:
            return badge("Revoked", "danger")
        if token.expires_at and token.expires_at <= timezone.now():
            return badge("Expired", "warning")
        if not token.actor.is_active:
            return badge("Actor is inactive", "danger")
        if token.actor.owner and not token.actor.owner.is_active:
            return badge("Owner is inactive", "danger")
        return badge("Replaced", "info") if hasattr(token, "successor") else badge("Valid", "success")

    @admin.display(description="May")
    def scopes_shown(self, token: Token) -> SafeString:
        chips = ((scope, SCOPES.get(scope, "")) for scope in token.scopes)
        return format_html(
            '<span class="mc-chips">{}</span>',
            format_html_join(" ", '<span class="mc-chip" title="{1}">{0}</span>', chips),
        )

    @admin.display(description="Only for")
    def limits(self, token: Token) -> str:
        return ", ".join([*token.teams, *token.accounts, *token.hosts]) or "no limit"

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, token: Token) -> SafeString | str:
        if not token.last_used_at:
            return "never"
        place = f"from {token.last_used_from}" if token.last_used_from else ""
        return format_html('{} <span class="mc-quiet">{}</span>', words.time_tag(token.last_used_at), place)

    @admin.display(description="Expires", ordering="expires_at")
    def expiry(self, token: Token) -> SafeString | str:
        return words.time_tag(token.expires_at) if token.expires_at else "when revoked"

    @admin.display(description="Made")
    def made(self, token: Token) -> SafeString | str:
        return words.time_tag(token.created_at)

    @admin.display(description="Rotation")
    def pair(self, token: Token) -> SafeString | str:
        """The other token of a rotation, old or new."""
        pairs = [("replaces", token.replaces), ("replaced by", getattr(token, "successor", None))]
        links = [
            (word, reverse("admin:kernel_token_change", args=[other.pk]), other.prefix)
            for word, other in pairs
            if other is not None
        ]
        return format_html_join(", ", '{} <a class="mc-link" href="{}">{}…</a>', links) or "never rotated"


def token_page(
    request: HttpRequest, token: Token, text: str, *, back: str, old_ends_at: datetime | None = None
) -> HttpResponse:
    """The one reply that holds a token's text."""
    context = {"token": token, "text": text, "back": back, "old_ends_at": old_ends_at, "now": timezone.now()}
    return shown(request, "admin/token_made.html", context, title="New token", secret=True)
