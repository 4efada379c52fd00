"""My account: name, password, second factor, sessions and tokens of the person who looks."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_POST, require_safe
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.widgets import UnfoldAdminTextInputWidget

from alai.kernel import audit, door, sessions, tokens, two_factor, words
from alai.kernel.admin.base import principal
from alai.kernel.admin.pages import person, refusals_lead_to, shown
from alai.kernel.browsers import browser
from alai.kernel.errors import Conflict
from alai.kernel.models import RECIPIENT, Actor

HOME = "account:home"
TOKENS_SHOWN = 4
CODES_LOW = 3


def _line(label: str, limit: int, **extra: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=limit, required=False, widget=UnfoldAdminTextInputWidget, **extra
    )


class NameForm(forms.Form):
    """How a person is greeted, and where they are told what concerns their account."""

    first_name = _line("First name", 150)
    last_name = _line("Last name", 150)
    recipient = forms.RegexField(
        RECIPIENT,
        label="Tell me at",
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="user: and your Slack member id, such as user:U012ABCDEF. Empty: nowhere.",
        error_messages={"invalid": "Write user:U012ABCDEF for yourself, or a channel's id."},
    )


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return _page(request, NameForm(initial=_named(person(request))))


@require_POST
@refusals_lead_to(HOME)
def rename(request: HttpRequest) -> HttpResponse:
    form = NameForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    save_name(user=person(request), **form.cleaned_data)
    messages.success(request, "Saved.")
    return HttpResponseRedirect(reverse(HOME))


def save_name(*, user: User, first_name: str, last_name: str, recipient: str) -> None:
    """The service behind the form: what people say of themselves. Their actor is made when there is none."""
    with audit.writing(why="My account"):
        User.objects.filter(pk=user.pk).update(first_name=first_name, last_name=last_name)
        actor = Actor.objects.filter(user=user).first() or (_new_actor(user) if recipient else None)
        if actor is not None:
            Actor.objects.filter(pk=actor.pk).update(recipient=recipient)


def _new_actor(user: User) -> Actor:
    defaults = {"kind": Actor.Kind.PERSON, "user": user}
    actor, made = Actor.objects.get_or_create(name=user.get_username(), defaults=defaults)
    if not made:
        raise Conflict(
            f"There is an actor {actor.name} already; an administrator links it with your account."
        )
    return actor


@require_POST
def end_session(request: HttpRequest, key: str) -> HttpResponse:
    """One of the person's own; what is somebody else's or gone already is not found and nothing to do."""
    ended = sessions.end(sessions=sessions.live(person(request)).filter(pk=key), why="ended under My account")
    if ended:
        messages.success(request, "Ended: whoever uses it has to sign in again.")
    else:
        messages.info(request, "That session had ended already.")
    return HttpResponseRedirect(reverse(HOME))


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    ended = sessions.end_others(
        request=request, user=person(request), why="all others ended under My account"
    )
    messages.success(request, f"{words.plural(ended, 'session')} ended; you are signed in here alone.")
    return HttpResponseRedirect(reverse(HOME))


class ChangePassword(PasswordChangeView):
    """The admin's page; afterwards the other sessions are gone (`sessions.person_changed`)."""

    form_class = AdminOwnPasswordChangeForm
    template_name = "registration/password_change_form.html"
    success_url = reverse_lazy(HOME)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs)}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Guessing the old password is limited like guessing it at the door."""
        if door.is_locked(request, person(request)):
            return HttpResponseForbidden()  # axes answers with its page
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        if "old_password" in form.errors:
            door.count_failure(self.request, person(self.request))
        return super().form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:
        reply = super().form_valid(form)
        messages.success(self.request, "Your password is changed; you are signed out everywhere else.")
        return reply


def _places(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    """Sessions as people recognise them, this one first."""
    own = sessions.own(request)
    live = sorted(sessions.live(user), key=lambda session: session.pk != own)
    return [
        {"session": session, "browser": browser(session.agent), "is_this": session.pk == own}
        for session in live
    ]


def _page(request: HttpRequest, form: NameForm) -> HttpResponse:
    user = person(request)
    by = principal(request)
    device = two_factor.of(user)
    own_tokens = tokens.own(by).filter(tokens.VALID).select_related("actor").order_by("expires_at", "-id")
    context = {
        "form": form,
        "person": user,
        "device": device,
        "codes_left": two_factor.codes_left(device) if device else 0,
        "codes_low": CODES_LOW,
        "is_required": two_factor.is_required_of(user),
        "sessions": _places(request, user),
        "tokens": own_tokens[:TOKENS_SHOWN],
        "tokens_in_all": own_tokens.count(),
        "has_agents": tokens.own_agents(by).exists(),
    }
    return shown(request, "account/home.html", context, title="My account")


def _named(user: User) -> dict[str, str]:
    recipient = Actor.objects.filter(user=user).values_list("recipient", flat=True).first()
    return {"first_name": user.first_name, "last_name": user.last_name, "recipient": recipient or ""}
