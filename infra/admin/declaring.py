"""The page on which somebody declares an incident: what is wrong, how bad it is, what it is about."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from alai.kernel.admin.base import principal
from alai.kernel.errors import ApiError
from infra import services
from infra.models import Service, Severity, Site


class DeclareForm(forms.Form):
    title = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="What is wrong, in a few words."
    )
    severity = forms.ModelChoiceField(
        Severity.objects.order_by("rank"),
        to_field_name="slug",
        empty_label="Choose how bad it is",
        widget=UnfoldAdminSelectWidget,
        help_text="Decides who hears, and how soon.",
    )
    detail = forms.CharField(
        max_length=300, required=False, widget=UnfoldAdminTextInputWidget, help_text="What you see."
    )
    sites = forms.ModelMultipleChoiceField(
        Site.objects.order_by("slug"),
        to_field_name="slug",
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text="One that is published stands on the status page as an issue from now on.",
    )
    services = forms.ModelMultipleChoiceField(
        Service.objects.order_by("slug"),
        to_field_name="slug",
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["severity"].label_from_instance = _said  # type: ignore[attr-defined]


def _said(severity: Severity) -> str:
    """What is expected stands beside the word, where the registry says it."""
    return f"{severity.label}: {severity.answer}" if severity.answer else severity.label


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The form; when it is sent, the incident that it made."""
    form = DeclareForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        said = form.cleaned_data
        try:
            made = services.declare(
                by=principal(request),
                title=said["title"],
                severity=said["severity"].slug,
                detail=said["detail"],
                sites=[site.slug for site in said["sites"]],
                services=[service.slug for service in said["services"]],
            )
        except ApiError as error:
            form.add_error(None, error.detail)
        else:
            messages.success(request, f"Incident #{made.pk} is declared.")
            return HttpResponseRedirect(reverse("admin:infra_incident_change", args=[made.pk]))
    return TemplateResponse(request, "infra/declare.html", {**context, "form": form})
