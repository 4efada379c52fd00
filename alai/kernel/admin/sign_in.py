"""Signing in: the password first, then the code, for those who have a second factor."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from alai.kernel import door, two_factor, words
from alai.kernel.admin.pages import destination, shown
from alai.kernel.two_factor import Verified, WrongCode


class CodeForm(forms.Form):
    """Six digits or a recovery code: either is taken; a phone shows the keyboard for digits."""

    code = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "inputmode": "numeric",
                "autofocus": "",
            }
        ),
    )


class RecoveryCodeForm(CodeForm):
    """The same with letters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Recovery code"
        self.fields["code"].widget.attrs |= {"inputmode": "text", "autocomplete": "off"}


class SignIn(LoginView):
    """The admin's sign-in page; a right password alone does not sign in who has a second factor."""

    template_name = "admin/login.html"
    authentication_form = AuthenticationForm
    next_page = "admin:index"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if admin.site.has_permission(request):
            return HttpResponseRedirect(destination(request))
        if door.waiting(request):
            return _ask_for_code(destination(request))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {
            **admin.site.each_context(self.request),
            **context,
            "title": "Sign in",
            "app_path": self.request.get_full_path(),
            "username": self.request.user.get_username(),
            "next": destination(self.request),
        }

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        if two_factor.of(user) is None:
            door.forget(self.request)
            return super().form_valid(form)
        door.remember(self.request, user)
        return _ask_for_code(self.get_success_url())


@never_cache
def ask_code(request: HttpRequest) -> HttpResponse:
    """The second step; a person who is signed in without it (from before it was set up) gets here too."""
    user = door.waiting(request)
    if user is None:
        return HttpResponseRedirect(f"{reverse('admin:login')}?{urlencode({'next': destination(request)})}")
    by_recovery_code = "recovery" in request.GET
    form = (RecoveryCodeForm if by_recovery_code else CodeForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        verified = _verified(request, user, form)
        if verified:
            door.let_in(request, user, verified.device)
            _tell(request, verified)
            return HttpResponseRedirect(destination(request))
    context = {
        "form": form,
        "person": user,
        "next": destination(request),
        "by_recovery_code": by_recovery_code,
    }
    return shown(request, "account/code.html", context, title="Your code")


@require_POST
def start_over(request: HttpRequest) -> HttpResponse:
    """Somebody else wants to sign in."""
    door.forget(request)
    return HttpResponseRedirect(reverse("admin:login"))


def check(request: HttpRequest, user: User, code: str) -> Verified:
    """Raises WrongCode; counts it, and refuses to look at a code when there were too many wrong ones."""
    if door.is_locked(request, user):
        raise WrongCode("Too many wrong codes.")  # the reply becomes the page that says so
    try:
        return two_factor.verify(user=user, code=code)
    except WrongCode:
        door.count_failure(request, user)
        raise


def _verified(request: HttpRequest, user: User, form: CodeForm) -> Verified | None:
    try:
        return check(request, user, form.cleaned_data["code"])
    except WrongCode as error:
        form.add_error("code", str(error))
        return None


def _tell(request: HttpRequest, verified: Verified) -> None:
    if verified.codes_left is not None:
        left = words.plural(verified.codes_left, "recovery code")
        messages.warning(
            request, f"That recovery code is used up; {left} left. Make new ones under My account."
        )


def _ask_for_code(then: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('account:code')}?{urlencode({'next': then})}")
