"""Between the password and the second factor: nobody is signed in before both are right.

The password's part leaves a note in the (anonymous) session; Django's `login` comes after the code. So a
half-finished sign-in opens nothing, neither pages nor the API, without anything having to check for it.
"""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off, get_credentials
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django_otp import login as mark_verified

from alai.kernel import audit, two_factor, words
from alai.kernel.errors import Forbidden
from alai.kernel.failures import reply_to
from alai.kernel.models import Authenticator
from alai.kernel.sessions import note_seen
from alai.kernel.two_factor import Missing

NOTE = "sign_in"
PATIENCE_SECONDS = 600
PUBLIC = ("/health", "/status", settings.STATIC_URL)


# --- Signing in -------------------------------------------------------------------------------------


def remember(request: HttpRequest, user: User) -> None:
    """The password was right; the code is asked for next."""
    request.session.cycle_key()
    request.session[NOTE] = {
        "user": user.pk,
        "backend": user.backend,  # set by `authenticate`
        "password": user.get_session_auth_hash(),
        "until": time.time() + PATIENCE_SECONDS,
    }


def forget(request: HttpRequest) -> None:
    request.session.pop(NOTE, None)


def waiting(request: HttpRequest) -> User | None:
    """Who is asked for a code: the password was right some minutes ago, or the session lacks its second factor."""
    note = request.session.get(NOTE)
    if note and note["until"] > time.time():
        user = User.objects.filter(pk=note["user"], is_active=True).first()
        if user and constant_time_compare(note["password"], user.get_session_auth_hash()):
            return user
    if isinstance(request.user, User) and two_factor.missing(request.user, request.session) == "code":
        return request.user
    return None


def let_in(request: HttpRequest, user: User, device: Authenticator) -> None:
    """Both factors were right."""
    note = request.session.pop(NOTE, None)
    if note and note["user"] == user.pk:
        login(request, user, backend=note["backend"])
    else:
        request.session.cycle_key()
        audit.record(action="second-factor", target_type="auth_user", target_id=user.pk)
    mark_verified(request, device)


# --- Guessing codes is limited like guessing passwords ----------------------------------------------


def is_locked(request: HttpRequest, user: User) -> bool:
    """Whether name and address failed too often; the reply then becomes the page that says so."""
    credentials = get_credentials(user.get_username())
    if AxesProxyHandler.is_allowed(request, credentials):
        return False
    request.axes_locked_out = True  # type: ignore[attr-defined]
    request.axes_credentials = credentials  # type: ignore[attr-defined]
    return True


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: Any) -> HttpResponse:
    """The page that axes answers with: how long the lock holds, counted from the last try."""
    wait = get_cool_off(request)
    page = render(
        request, "admin/locked_out.html", {"wait": words.duration(wait) if wait else ""}, status=429
    )
    if wait:
        page["Retry-After"] = str(round(wait.total_seconds()))
    return page


def count_failure(request: HttpRequest, user: User) -> None:
    """A wrong code counts together with this name's wrong passwords; signing in completely forgives them."""
    user_login_failed.send(sender=__name__, credentials=get_credentials(user.get_username()), request=request)


# --- Every request ----------------------------------------------------------------------------------


class DoorMiddleware:
    """A session without its second factor gets the page that asks for it and no other; notes when one was used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not request.path_info.startswith(PUBLIC):
            if request.user.is_authenticated:
                missing = two_factor.missing(request.user, request.session)
                if missing and not _is_open(request, missing):
                    return _refuse(request, missing)
            note_seen(request)
        return self.get_response(request)


def _is_open(request: HttpRequest, missing: Missing) -> bool:
    if request.path_info.startswith("/api/") and "Authorization" in request.headers:
        return True  # whoever sends a token is judged by it alone
    pages = {"admin:login", "admin:logout", "account:code" if missing == "code" else "account:set_up"}
    return request.path_info in {reverse(page) for page in pages}


def _refuse(request: HttpRequest, missing: Missing) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        sentence = "Enter the code of your authenticator" if missing == "code" else "Set up two-factor"
        return reply_to(
            request, Forbidden(f"{sentence} in the browser first.", code="second_factor_required")
        )
    page = reverse("account:code" if missing == "code" else "account:set_up")
    query: dict[str, Any] = {"next": request.get_full_path()} if request.method == "GET" else {}
    return HttpResponseRedirect(f"{page}?{urlencode(query)}" if query else page)
