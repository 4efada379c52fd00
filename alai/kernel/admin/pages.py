"""What the admin's pages of our own share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from alai.kernel.errors import ApiError, NotFound

View = Callable[..., HttpResponse]


def shown(
    request: HttpRequest, template: str, context: dict[str, Any], *, title: str, secret: bool = False
) -> TemplateResponse:
    """A page in the admin's frame. A `secret` one is kept by no cache: it is shown this once."""
    page = TemplateResponse(
        request, template, {**admin.site.each_context(request), "title": title, **context}
    )
    if secret:
        page["Cache-Control"] = "no-store"
    return page


def refusals_lead_to(name: str) -> Callable[[View], View]:
    """Where a service's refusal is told: as a message on the page of that name. What is not there stays a 404."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except NotFound:
                raise
            except ApiError as error:
                messages.error(request, error.detail)
                return HttpResponseRedirect(reverse(name))

        return guarded

    return decorate


def person(request: HttpRequest) -> User:
    """Who is signed in; the admin lets nobody else on its pages."""
    return User.objects.get(username=request.user.get_username())


def destination(request: HttpRequest, otherwise: str = "admin:index") -> str:
    """Where somebody was going, if that is here; else the page of that name."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else reverse(otherwise)
