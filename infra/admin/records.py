"""The registry's rooms: one admin class for every kind, told apart by what their lists show."""

from collections.abc import Callable, Mapping
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alai.kernel import words
from alai.kernel.admin.base import Admin, badge, principal
from alai.kernel.errors import ApiError
from alai.kernel.pagination import MAX_BIGINT
from infra import registry, services
from infra.admin import site_page
from infra.models import Record, Site
from infra.registry.columns import shown

# What a list shows between the name and where it comes from.
LISTS: dict[str, tuple[str, ...]] = {
    "platforms": ("name", "provider", "decision"),
    "sites": ("kind", "platform", "target", "migration", "watched", "task"),
    "hosts": ("name", "role", "hardware", "beats"),
    "recovery_tiers": ("description", "rpo_seconds", "rto_seconds"),
    "services": ("name", "host", "tier", "port", "restart"),
    "channels": ("kind", "address", "purpose"),
    "severities": ("label", "acknowledge_minutes", "resolve_minutes", "opens_task"),
    "escalation_policies": ("name",),
    "rotations": ("name", "members", "minimum"),
    "alert_rules": ("metric", "condition", "duration_seconds", "severity", "policy"),
    "checks": ("kind", "site", "host", "interval_seconds", "rule", "enabled"),
    "burn_tiers": ("factor", "long_seconds", "short_seconds", "severity", "policy"),
    "objectives": ("name", "check_record", "sli", "target", "window_days", "rule"),
    "alert_policies": ("minimum_duration_seconds", "dedup_minutes", "review"),
    "maintenance_windows": ("starts_at", "ends_at", "reason"),
    "environments": ("purpose", "url", "managed_by"),
    "environment_variables": ("description", "required", "sensitive", "default"),
    "feature_flags": ("notes",),
    "secrets": ("name", "location", "owner", "rotation_days", "last_rotated"),
    "costs": ("what", "current_min", "current_max", "target_min", "target_max", "year"),
    "risks": ("risk", "likelihood", "impact", "mitigation"),
    "failure_modes": ("failure", "detection", "response", "recovery"),
    "model_servers": ("host", "port", "role", "watched_by"),
    "model_tiers": ("server", "model"),
    "failover_rules": ("server", "rank", "tiers", "to_server", "cloud"),
}


class SourceFilter(admin.SimpleListFilter):
    """Whether a file knows the record."""

    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("file", "From a file"), ("here", "Made here")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() in ("file", "here"):
            return queryset.filter(origin__isnull=self.value() == "here")
        return queryset


class RecordAdmin(Admin[Record]):
    """A kind's list and form. What differs from the file is shown first, with the way back beside it."""

    search_fields = ("slug",)
    readonly_fields = ("beside_the_file",)
    ordering = ("slug",)

    @property
    def kind(self) -> registry.Kind:
        return registry.kind_of(self.model)

    def get_list_display(self, request: HttpRequest) -> Any:
        return ["slug", *LISTS.get(self.kind.name, ()), "source"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return (SourceFilter,)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        columns = self.kind.columns.values()
        named = [column.name for column in columns if column.is_reference and not column.is_many]
        many = [column.name for column in columns if column.is_many]
        rows = super().get_queryset(request)
        rows = rows.select_related(*named) if named else rows
        return rows.prefetch_related(*many) if many else rows

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ["slug", *self.kind.columns]
        return [(None, {"fields": ["beside_the_file", *fields] if obj else fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("beside_the_file", "slug") if obj and obj.is_from_file else ("beside_the_file",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.updated_at = models.functions.Now()
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        if obj.is_from_file:
            messages.warning(request, f"{obj} stands in {self.kind.file} and comes back with the next load.")

    # --- Beside the file ----------------------------------------------------------------------------

    @admin.display(description="Source")
    def source(self, record: Record) -> SafeString:
        if not record.is_from_file:
            return badge("made here", "info")
        edited = registry.differences(self.kind, record)
        return badge("edited here", "warning") if edited else badge("file", "unknown")

    @admin.display(description="Beside the file")
    def beside_the_file(self, record: Record) -> SafeString | str:
        if record.pk is None or not record.is_from_file:
            return "No file knows this record; export_registry writes it."
        found = registry.differences(self.kind, record)
        if not found:
            return f"As {self.kind.file} has it, changed {words.ago(record.updated_at)}."
        take = reverse(f"admin:{self._name('take')}", args=[record.pk])
        rows = format_html_join(
            "",
            "<li><b>{}</b>: {} in {}, {} here "
            '<button class="mc-button" type="submit" formnovalidate formaction="{}?field={}">'
            "Take the file's value</button></li>",
            (
                (one.name, shown(one.in_file), self.kind.file, shown(one.here), take, one.name)
                for one in found
            ),
        )
        return format_html('<ul class="mc-differences">{}</ul>', rows)

    def get_urls(self) -> list[URLPattern]:
        take = self.admin_site.admin_view(require_POST(self.take))
        return [path("<int:record_id>/take/", take, name=self._name("take")), *super().get_urls()]

    def take(self, request: HttpRequest, record_id: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        field = request.GET.get("field", "")
        if field not in self.kind.columns:
            raise Http404(f"There is no field {field[:40]}.")
        try:
            services.take_from_file(by=principal(request), model=self.model, record_id=record_id, field=field)
        except ApiError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, f"{field} is what the file says again.")
        back = reverse("admin:infra_site_registry") if "registry" in request.GET else ""
        return HttpResponseRedirect(back or reverse(f"admin:{self._name('change')}", args=[record_id]))

    def _name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


class SiteAdmin(RecordAdmin):
    """Sites, and the page that holds the whole registry against its files."""

    def get_list_filter(self, request: HttpRequest) -> Any:
        return (SourceFilter, "kind", "platform", "migration", "watched")

    def get_urls(self) -> list[URLPattern]:
        def wrapped(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            return self.admin_site.admin_view(view)

        own = [
            path("registry/", wrapped(self.registry_view), name="infra_site_registry"),
            path("<int:site_id>/status/", wrapped(self.status_view), name="infra_site_status"),
            path("<int:site_id>/probe/", wrapped(require_POST(self.probe)), name="infra_site_probe"),
        ]
        return [*own, *super().get_urls()]

    def status_view(self, request: HttpRequest, site_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        site = self._site(site_id)
        context = {**self.admin_site.each_context(request), "title": site.slug, **site_page.context(site)}
        context["may_act"] = self.has_change_permission(request)
        return TemplateResponse(request, "infra/site.html", context)

    def probe(self, request: HttpRequest, site_id: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        due = services.probe_now(by=principal(request), site=self._site(site_id))
        messages.success(request, f"{words.plural(due, 'check')} looked at now, if watching is on.")
        return HttpResponseRedirect(reverse("admin:infra_site_status", args=[site_id]))

    def _site(self, site_id: int) -> Site:
        site = Site.objects.select_related("platform").filter(pk=min(site_id, MAX_BIGINT)).first()
        if site is None:
            raise Http404("There is no such site.")
        return site

    def registry_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        seen = [
            kind
            for kind in registry.kinds()
            if request.user.has_perm(f"infra.view_{kind.model._meta.model_name}")
        ]
        rooms = [_room(kind, request) for kind in seen]
        differences = [row for room in rooms for row in room["differences"]]
        context = {**self.admin_site.each_context(request), "title": "Registry", "rooms": rooms}
        return TemplateResponse(request, "infra/registry.html", {**context, "differences": differences})


def _room(kind: registry.Kind, request: HttpRequest) -> dict[str, Any]:
    rows = list(kind.model._default_manager.all())
    name = f"{kind.model._meta.app_label}_{kind.model._meta.model_name}"
    may_change = request.user.has_perm(f"infra.change_{kind.model._meta.model_name}")
    found = [
        {
            "difference": one,
            "record": row,
            "url": reverse(f"admin:{name}_change", args=[row.pk]),
            "take": reverse(f"admin:{name}_take", args=[row.pk]) if may_change else "",
            "here": shown(one.here),
            "in_file": shown(one.in_file),
        }
        for row in rows
        if row.is_from_file
        for one in registry.differences(kind, row)
    ]
    return {
        "title": str(kind.model._meta.verbose_name_plural).capitalize(),
        "file": kind.file,
        "url": reverse(f"admin:{name}_changelist"),
        "rows": len(rows),
        "made_here": sum(not row.is_from_file for row in rows),
        "differences": found,
    }


def register(rooms: Mapping[type[models.Model], Any]) -> None:
    """A room for every kind of record, some with one of their own; the kinds are told later than admins are found."""
    for model in apps.get_app_config("infra").get_models():
        if issubclass(model, Record):
            admin.site.register(model, rooms.get(model, RecordAdmin))
