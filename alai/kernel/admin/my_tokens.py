"""My tokens: a person makes, rotates and revokes the tokens of their own agents."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.postgres.forms import SimpleArrayField
from django.core.validators import MaxValueValidator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from alai.kernel import tokens
from alai.kernel.admin.base import principal
from alai.kernel.admin.pages import refusals_lead_to, shown
from alai.kernel.admin.tokens import SUGGESTED, first_time, new_nonce, token_page
from alai.kernel.errors import NotFound
from alai.kernel.models import SCOPES, Actor, Token
from alai.kernel.principals import Principal

LIST = "account:tokens"
USUAL_DAYS = 90
ENDED_SHOWN = 20
OVERLAPS = (
    (0, "stops at once"),
    (1, "works for 1 hour more"),
    (24, "works for 24 hours more"),
    (168, "works for 7 days more"),
)
USUAL_OVERLAP = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A token in the list, with the one that it is about to replace, or that replaces it."""

    token: Token
    ends_soon: bool
    replaced: "Row | None" = None  # still working beside it
    may_rotate: bool = False

    @property
    def days_left(self) -> int | None:
        """Whole days; None for a token that ends when it is revoked."""
        expires_at = self.token.expires_at
        return (expires_at - timezone.now()).days if expires_at else None


def _limit(label: str, help_text: str) -> Any:
    return SimpleArrayField(
        forms.CharField(max_length=254), label=label, required=False, max_length=50,
        widget=UnfoldAdminTextInputWidget, help_text=help_text,
    )  # fmt: skip


class OwnTokenForm(forms.Form):
    """Only the person's agents and grantable scopes are offered; the service judges again."""

    agent = forms.ModelChoiceField(Actor.objects.none(), widget=UnfoldAdminSelectWidget, empty_label=None)
    name = forms.CharField(
        max_length=100, required=False, widget=UnfoldAdminTextInputWidget,
        help_text="What it is for, such as the machine that it lives on.",
    )  # fmt: skip
    scopes = forms.MultipleChoiceField(
        widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text="As few as the work needs."
    )
    days = forms.IntegerField(label="Lives for days", min_value=1, widget=UnfoldAdminIntegerFieldWidget)
    teams = _limit("Only these teams", "Separated by commas. Empty: all.")
    accounts = _limit("Only these mail accounts", "Separated by commas. Empty: all.")
    hosts = _limit("Only these hosts", "Separated by commas. Empty: all.")
    once = forms.CharField(widget=forms.HiddenInput, initial=new_nonce, max_length=64)

    def __init__(self, by: Principal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["agent"].queryset = tokens.own_agents(by)
        fields["scopes"].choices = [(name, f"{name}: {SCOPES[name]}") for name in tokens.grantable(by)]
        fields["scopes"].initial = [name for name in SUGGESTED if name in tokens.grantable(by)]
        fields["days"].initial = min(USUAL_DAYS, settings.OWN_TOKEN_DAYS)
        fields["days"].validators.append(MaxValueValidator(settings.OWN_TOKEN_DAYS))
        fields["days"].help_text = f"At most {settings.OWN_TOKEN_DAYS}; you are reminded before it ends."

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors and not first_time(self.cleaned_data["once"]):
            raise forms.ValidationError(
                "This form has made its token already, shown once. Revoke that one if you lost it, and open a new form."
            )
        return cleaned


@require_safe
def my_tokens(request: HttpRequest) -> HttpResponse:
    by = principal(request)
    valid = tokens.own(by).filter(tokens.VALID).select_related("actor", "replaces", "successor")
    ended = tokens.own(by).exclude(pk__in=valid.values("pk")).select_related("actor").order_by("-id")
    context = {
        "rows": _rows(by, list(valid.order_by("actor__name", "-id"))),
        "ended": ended[:ENDED_SHOWN],
        "agents": tokens.own_agents(by),
        "overlaps": OVERLAPS,
        "usual_overlap": USUAL_OVERLAP,
        "now": timezone.now(),
    }
    return shown(request, "account/tokens.html", context, title="My tokens")


@require_http_methods(["GET", "POST"])
@refusals_lead_to(LIST)
def new_token(request: HttpRequest) -> HttpResponse:
    by = principal(request)
    form = OwnTokenForm(by, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        token, text = tokens.make_own(
            by=by, agent_id=data["agent"].pk, name=data["name"], scopes=data["scopes"], days=data["days"],
            teams=data["teams"], accounts=data["accounts"], hosts=data["hosts"],
        )  # fmt: skip
        return token_page(request, token, text, back=reverse(LIST))
    has_agents = tokens.own_agents(by).exists()
    return shown(
        request, "account/token_form.html", {"form": form, "has_agents": has_agents}, title="New token"
    )


@require_POST
@refusals_lead_to(LIST)
def rotate(request: HttpRequest, token_id: int) -> HttpResponse:
    made = tokens.rotate(
        by=principal(request), token_id=_own(request, token_id).pk, overlap=overlap_of(request)
    )
    return token_page(request, made.token, made.text, back=reverse(LIST), old_ends_at=made.old_ends_at)


@require_POST
@refusals_lead_to(LIST)
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    token = _own(request, token_id)
    if tokens.revoke(Token.objects.filter(pk=token.pk), why="revoked under My tokens"):
        messages.success(request, f"{token.prefix}… is revoked; requests with it are refused now.")
    else:
        messages.info(request, "Nothing to do: revoked already.")
    return HttpResponseRedirect(reverse(LIST))


def overlap_of(request: HttpRequest) -> timedelta:
    """What the form chose; anything else is the usual."""
    chosen = request.POST.get("overlap", "")
    offered = {str(hours): hours for hours, _ in OVERLAPS}
    return timedelta(hours=offered.get(chosen, USUAL_OVERLAP))


def _own(request: HttpRequest, token_id: int) -> Token:
    """404 for somebody else's, also for an administrator: theirs are under Tokens."""
    token = tokens.own(principal(request)).filter(pk=token_id).first()
    if token is None:
        raise NotFound(f"There is no token {token_id} of yours.")
    return token


def _rows(by: Principal, valid: list[Token]) -> list[Row]:
    """A rotated token that still works stands with the one that replaces it."""
    known = {token.pk: token for token in valid}
    paired = {token.replaces_id for token in valid if token.replaces_id in known}
    soon = set(tokens.expiring(tokens.own(by)).values_list("pk", flat=True))
    mine = set(tokens.grantable(by))
    return [
        Row(
            token=token,
            ends_soon=token.pk in soon,
            replaced=Row(known[token.replaces_id], token.replaces_id in soon)
            if token.replaces_id in known
            else None,
            may_rotate=not hasattr(token, "successor") and mine.issuperset(token.scopes),
        )
        for token in valid
        if token.pk not in paired
    ]
