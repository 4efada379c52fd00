"""The pages of our own in the admin: signing in, and what people do about their own account."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from alai.kernel.admin import account, my_tokens, sign_in, two_factor

app_name = "account"


def _page(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    """Looked up when it is asked for: the site exists only once all apps are loaded."""

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return admin.site.admin_view(view)(request, *args, **kwargs)

    return path(route, guarded, name=name)


urlpatterns = [
    path("login/", sign_in.SignIn.as_view(), name="sign_in"),
    path("login/code/", sign_in.ask_code, name="code"),
    path("login/again/", sign_in.start_over, name="start_over"),
    _page("password_change/", account.ChangePassword.as_view(), "password"),
    _page("account/", account.home, "home"),
    _page("account/name/", account.rename, "rename"),
    _page("account/sessions/end-others/", account.end_other_sessions, "end_other_sessions"),
    _page("account/sessions/<str:key>/end/", account.end_session, "end_session"),
    _page("account/two-factor/", two_factor.set_up, "set_up"),
    _page("account/two-factor/codes/", two_factor.renew_codes, "renew_codes"),
    _page("account/two-factor/off/", two_factor.turn_off, "turn_off"),
    _page("account/tokens/", my_tokens.my_tokens, "tokens"),
    _page("account/tokens/new/", my_tokens.new_token, "new_token"),
    _page("account/tokens/<int:token_id>/rotate/", my_tokens.rotate, "rotate_token"),
    _page("account/tokens/<int:token_id>/revoke/", my_tokens.revoke, "revoke_token"),
]
