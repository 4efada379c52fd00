"""The page of the error budgets, with the button that lifts a freeze."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from alai.kernel.admin.base import principal
from alai.kernel.errors import ApiError
from infra import objectives, services
from infra.admin.budgets import in_order, rows_of, sentence
from infra.admin.records import RecordAdmin


class LiftForm(forms.Form):
    reason = forms.CharField(max_length=500)
    hours = forms.FloatField(min_value=0.1, max_value=72)


class ObjectiveAdmin(RecordAdmin):
    """Objectives, and the page that shows how they stand."""

    def get_urls(self) -> list[URLPattern]:
        def wrapped(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            return self.admin_site.admin_view(view)

        own = [
            path("slos/", wrapped(self.slos_view), name="infra_objective_slos"),
            path("<int:pk>/lift/", wrapped(require_POST(self.lift)), name="infra_objective_lift"),
        ]
        return [*own, *super().get_urls()]

    def slos_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        rows = in_order(rows_of(objectives.readings(now=now), now))
        return TemplateResponse(request, "infra/slos.html", {
            **self.admin_site.each_context(request), "title": "Error budgets", "now": now,
            "rows": [row for row in rows if row.reading.objective.target is not None],
            "sentence": sentence(rows), "may_lift": self.has_change_permission(request),
            "open": [row for row in rows if row.reading.objective.target is None],
        })  # fmt: skip

    def lift(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        objective = self.get_queryset(request).filter(pk=pk).first()
        form = LiftForm(request.POST)
        if objective is None or not form.is_valid():
            messages.error(request, "Say why, and for how many hours (72 at most).")
        else:
            try:
                services.override_freeze(by=principal(request), objective=objective.slug, **form.cleaned_data)
            except ApiError as error:
                messages.error(request, error.detail)
            else:
                messages.success(request, f"Deployments of {objective} are let through.")
        return HttpResponseRedirect(reverse("admin:infra_objective_slos"))
