"""The routing of models: where each tier goes and why, and the word that overrules the checks for a while."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from alai.kernel.admin.base import principal
from alai.kernel.errors import ApiError
from alai.kernel.principals import Principal
from infra import records, selectors_routing, services
from infra.admin import machines
from infra.admin.records import RecordAdmin
from infra.models import ModelTier
from infra.routing import Health

LENGTHS = [(60, "an hour"), (240, "four hours"), (1440, "a day"), (7 * 1440 - 5, "a week")]
STATES = {
    Health.UP: ("serves", "success"),
    Health.DOWN: ("down", "danger"),
    Health.UNKNOWN: ("unknown", "unknown"),
}


class OverrideForm(forms.Form):
    """`what` is down, up, pin or clear; of a server, or of a tier."""

    what = forms.ChoiceField(choices=[(name, name) for name in ("down", "up", "pin", "clear")])
    server = forms.CharField(required=False, max_length=100)
    tier = forms.CharField(required=False, max_length=100)
    reason = forms.CharField(max_length=500)
    minutes = forms.TypedChoiceField(choices=LENGTHS, coerce=int, required=False)


class ModelTierAdmin(RecordAdmin):
    """Tiers, and the page that shows where they go."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.routing_view)
        act = self.admin_site.admin_view(require_POST(self.override))
        return [
            path("routing/", page, name="infra_modeltier_routing"),
            path("routing/override/", act, name="infra_modeltier_override"),
            *super().get_urls(),
        ]

    def routing_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        routing = selectors_routing.routing()
        servers = [
            {"name": name, "seen": seen, "word": STATES[seen.server.health][0], "tone": STATES[seen.server.health][1],
             "tiers": [tier for tier, route in routing.routes.items() if route.host == name]}
            for name, seen in routing.servers.items()
        ]  # fmt: skip
        return TemplateResponse(request, "infra/routing.html", {
            **self.admin_site.each_context(request), "title": "Model routing", "routing": routing,
            "sentence": machines.routing_sentence(routing), "rows": machines.tier_rows(routing), "servers": servers,
            "lengths": LENGTHS, "may_act": may_overrule(request),
        })  # fmt: skip

    def override(self, request: HttpRequest) -> HttpResponse:
        if not may_overrule(request):
            raise PermissionDenied
        form = OverrideForm(request.POST)
        if not form.is_valid():
            field, errors = next(iter(form.errors.items()))
            messages.error(request, f"{field.capitalize()}: {errors[0]}")
        else:
            try:
                _overrule(principal(request), form.cleaned_data)
            except ApiError as error:
                messages.error(request, error.detail)
            else:
                messages.success(request, "The routing follows your word from now on.")
        return HttpResponseRedirect(reverse("admin:infra_modeltier_routing"))


def may_overrule(request: HttpRequest) -> bool:
    return request.user.has_perm("infra.change_routingoverride")


def _overrule(by: Principal, data: dict[str, Any]) -> None:
    until = records.clock() + timedelta(minutes=data["minutes"] or LENGTHS[0][0])
    if data["what"] == "clear":
        services.clear_override(by=by, server=data["server"], tier=data["tier"], reason=data["reason"])
    elif data["what"] == "pin":
        services.pin_tier(
            by=by, tier=data["tier"], server=data["server"], reason=data["reason"], expires_at=until
        )
    else:
        services.override_server(
            by=by,
            server=data["server"],
            healthy=data["what"] == "up",
            reason=data["reason"],
            expires_at=until,
        )


ROOMS: dict[type[Model], Any] = {ModelTier: ModelTierAdmin}
