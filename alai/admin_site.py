"""The admin's site."""

from functools import wraps
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.sites import UnfoldAdminSite


class AdminSite(UnfoldAdminSite):
    """Every page's context brings along the list of all rooms, and most pages, with a sidebar of our own, show none
    of it: it is put together for those that do."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        given = super().get_app_list
        return SimpleLazyObject(lambda: given(request, app_label))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Whoever sends a form while signed out comes back to the page that it stood on, not to where it was sent."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            is_form = request.method == "POST" and request.path != reverse("admin:logout")
            if is_form and not self.has_permission(request):
                return redirect_to_login(came_from(request), reverse("admin:login"))
            response: HttpResponseBase = guarded(request, *args, **kwargs)
            return response

        return checked


def came_from(request: HttpRequest) -> str:
    """The page of ours that the browser names as the one before, else home."""
    before = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure())
    parts = urlsplit(before)
    if not ours or not parts.path:
        return reverse("admin:index")
    return urlunsplit(("", "", parts.path, parts.query, ""))
