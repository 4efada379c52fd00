"""Setting a second factor up, moving it to another phone, new recovery codes, turning it off."""

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import login as mark_verified
from unfold.widgets import UnfoldAdminTextInputWidget

from alai.kernel import sessions, two_factor
from alai.kernel.admin.account import HOME
from alai.kernel.admin.pages import destination, person, refusals_lead_to, shown
from alai.kernel.admin.sign_in import check
from alai.kernel.models import Authenticator
from alai.kernel.sealing import Unreadable, seal, unseal
from alai.kernel.two_factor import WrongCode

SECRET = "two_factor_secret"  # noqa: S105 - its name in the session, where it stands sealed until it is confirmed
LONE = "account/alone.html"  # the frame of somebody who may see nothing else yet
FRAME = "admin/base_site.html"


def _code(label: str, **attrs: str) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(
        attrs={"autocomplete": "one-time-code", "spellcheck": "false", **attrs}
    )
    return forms.CharField(label=label, max_length=40, widget=widget)


class SetUpForm(forms.Form):
    code = _code("The six digits that it shows", inputmode="numeric")


class MoveForm(SetUpForm):
    """Whoever has the session but not the old phone must not take it over."""

    old_code = _code("A code of the old phone, or a recovery code")


@never_cache
@require_http_methods(["GET", "POST"])
@refusals_lead_to(HOME)
def set_up(request: HttpRequest) -> HttpResponse:
    """The QR code and a field for the first code; the right one turns it on and shows the recovery codes once."""
    user = person(request)
    device = two_factor.of(user)
    form = (MoveForm if device else SetUpForm)(request.POST or None)
    secret = _secret(request)
    if request.method == "POST" and form.is_valid():
        made = _activated(request, user, device, secret, form)
        if made:
            return _codes(request, made)
    context = {
        "frame": LONE if _must(user, device) else FRAME,
        "form": form,
        "moves": device is not None,
        "must": _must(user, device),
        "picture": _picture(two_factor.address(secret, user)),
        "secret": two_factor.readable(secret),
        "next": destination(request, otherwise="admin:index" if _must(user, device) else HOME),
    }
    return shown(request, "account/set_up.html", context, title="Two-factor", secret=True)


@require_POST
@refusals_lead_to(HOME)
def renew_codes(request: HttpRequest) -> HttpResponse:
    device = _confirmed(request)
    return _codes(request, two_factor.renew_codes(device=device)) if device else _back()


@require_POST
@refusals_lead_to(HOME)
def turn_off(request: HttpRequest) -> HttpResponse:
    device = _confirmed(request)
    if device:
        two_factor.turn_off(user=device.user)
        messages.success(request, "Two-factor is off: your password alone signs you in.")
    return _back()


def _activated(
    request: HttpRequest, user: User, device: Authenticator | None, secret: str, form: forms.Form
) -> list[str]:
    """The recovery codes; nothing when a code was wrong, which the form then says."""
    try:
        step = two_factor.prove(secret=secret, code=form.cleaned_data["code"])
    except WrongCode as error:
        form.add_error("code", str(error))
        return []
    try:
        if device:
            check(request, user, form.cleaned_data["old_code"])
    except WrongCode as error:
        form.add_error("old_code", str(error))
        return []
    made, codes = two_factor.activate(user=user, secret=secret, step=step, replacing=device)
    del request.session[SECRET]
    sessions.end_others(request=request, user=user, why="two-factor set up")
    request.session.cycle_key()
    mark_verified(request, made)
    return codes


def _confirmed(request: HttpRequest) -> Authenticator | None:
    """The person's authenticator after a right code; else a message is left."""
    try:
        user = person(request)
        return check(request, user, request.POST.get("code", "")[:40]).device
    except WrongCode as error:
        messages.error(request, str(error))
        return None


def _secret(request: HttpRequest) -> str:
    """The secret that is being set up: the same until it is confirmed, so that a wrong code costs no new scan."""
    try:
        return unseal(request.session[SECRET])
    except (KeyError, Unreadable):
        secret = two_factor.new_secret()
        request.session[SECRET] = seal(secret)
        return secret


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    context = {"codes": codes, "next": destination(request, otherwise=HOME)}
    return shown(request, "account/codes.html", context, title="Recovery codes", secret=True)


def _picture(address: str) -> SafeString:
    """An inline SVG: no script, no request that could leave the secret in a log."""
    picture = segno.make(address, error="m").svg_inline(
        omitsize=True, border=3, light="#fff", title="QR code"
    )
    return mark_safe(picture)  # noqa: S308 - drawn by the library; the address is in its squares alone


def _must(user: User, device: Authenticator | None) -> bool:
    return device is None and two_factor.is_required_of(user)


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse(HOME))
