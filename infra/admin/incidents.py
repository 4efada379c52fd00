"""Incidents: which of them needs me, and on one's page what happened and what can be done."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import action

from alai.kernel import words
from alai.kernel.admin.base import History, badge, principal
from alai.kernel.errors import ApiError
from alai.kernel.pagination import MAX_BIGINT, as_id
from alai.kernel.principals import Principal
from infra import services
from infra.admin import board, declaring, postmortems
from infra.models import Incident

STATES = {"open": "danger", "acknowledged": "warning", "resolved": "success"}
Said = dict[str, Any]  # the cleaned form
ACTS: dict[str, tuple[str, Callable[[Principal, int, Said], Any]]] = {
    "ack": ("is yours", lambda by, pk, said: services.acknowledge(by=by, incident_id=pk, note=said["reason"])),
    "resolve": ("is resolved", lambda by, pk, said: services.resolve(by=by, incident_id=pk, note=said["reason"])),
    "assign": ("is assigned", lambda by, pk, said: services.assign(by=by, incident_id=pk, to=said["reason"][:200])),
    "note": ("has your note", lambda by, pk, said: services.note(by=by, incident_id=pk, text=said["reason"])),
    "publish": ("is told of on the status page",
                lambda by, pk, said: services.publish(by=by, incident_id=pk, text=said["reason"])),
    "role": ("has its role", lambda by, pk, said: services.give_role(
        by=by, incident_id=pk, role=said["role"], to=said["reason"])),
    "silence": ("is silenced" , lambda by, pk, said: services.silence(
        by=by, incident_id=pk, minutes=said["minutes"] or 0, reason=said["reason"])),
}  # fmt: skip


class ActForm(forms.Form):
    reason = forms.CharField(required=False, max_length=2000)
    role = forms.CharField(required=False, max_length=40)
    minutes = forms.FloatField(required=False)


@admin.register(Incident)
class IncidentAdmin(History[Incident]):
    """Nothing here writes: every act is a call of `infra.services`."""

    list_display = ("titled", "state_shown", "severity", "opened", "lasting", "acknowledged_by", "told")
    list_filter = ("state", "severity")
    search_fields = ("title",)
    ordering = ("-id",)
    actions_list = ("declare",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        return super().get_queryset(request).select_related("check_record")

    def may_act(self, request: HttpRequest) -> bool:
        return request.user.has_perm("infra.change_incident")

    def has_declare_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    @action(description="Declare an incident", icon="campaign", permissions=["declare"], url_path="declare")
    def declare(self, request: HttpRequest) -> HttpResponse:
        if not self.may_act(request):
            raise PermissionDenied
        title = {"opts": self.opts, "title": "Declare an incident"}
        return declaring.page(request, {**self.admin_site.each_context(request), **title})

    @admin.display(description="Incident", ordering="id")
    def titled(self, incident: Incident) -> SafeString:
        return format_html(
            '<span class="mc-title">#{} {}</span><span class="mc-meta">{}</span>',
            incident.pk, incident.title, incident.detail[:140],
        )  # fmt: skip

    @admin.display(description="State", ordering="state")
    def state_shown(self, incident: Incident) -> SafeString:
        return badge(Incident.State(incident.state).label, STATES[incident.state])

    @admin.display(description="Opened", ordering="opened_at")
    def opened(self, incident: Incident) -> SafeString | str:
        return words.time_tag(incident.opened_at)

    @admin.display(description="Lasted")
    def lasting(self, incident: Incident) -> str:
        return words.duration((incident.resolved_at or timezone.now()) - incident.opened_at)

    @admin.display(description="Told")
    def told(self, incident: Incident) -> str:
        return f"{incident.step} of {len(incident.steps)}" if incident.steps else "the board alone"

    def get_urls(self) -> list[URLPattern]:
        def wrapped(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            return self.admin_site.admin_view(view)

        own = [
            path("board/", wrapped(self.board_view), name="infra_incident_board"),
            path(
                "<int:incident_id>/act/<slug:act>/",
                wrapped(require_POST(self.act)),
                name="infra_incident_act",
            ),
            path(
                "<int:incident_id>/postmortem/",
                wrapped(self.postmortem_view),
                name="infra_incident_postmortem",
            ),
        ]
        return [*own, *super().get_urls()]

    def board_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": "Status", **board.context(request)}
        return TemplateResponse(request, "infra/board.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        incident = (
            self.get_queryset(request).select_related("task", "part_of").filter(pk=as_id(object_id)).first()
        )
        if incident is None:
            messages.warning(request, f"There is no incident {object_id[:40]}.")
            return HttpResponseRedirect(reverse("admin:infra_incident_changelist"))
        return TemplateResponse(request, "infra/incident.html", {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"Incident #{incident.pk}",
            "subtitle": incident.title, "incident": incident, "badge": self.state_shown(incident),
            "lasted": words.duration((incident.resolved_at or timezone.now()) - incident.opened_at),
            "entries": list(incident.entries.order_by("-id")[:200]), "parts": list(incident.parts.order_by("id")[:50]),
            "about": [*incident.sites.order_by("slug"), *incident.services.order_by("slug")],
            "may_act": self.may_act(request), "roles": postmortems.roles_of(incident),
            "owes_review": postmortems.is_owed(incident), "now": timezone.now(),
        })  # fmt: skip

    def postmortem_view(self, request: HttpRequest, incident_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        incident = self.get_queryset(request).filter(pk=min(incident_id, MAX_BIGINT)).first()
        if incident is None:
            raise Http404("There is no such incident.")
        if request.method == "POST":
            if not self.may_act(request):
                raise PermissionDenied
            texts = {part: request.POST.get(part, "") for part in postmortems.ASKED}
            try:
                services.write_postmortem(
                    by=principal(request),
                    incident_id=incident.pk,
                    texts=texts,
                    finish="finish" in request.POST,
                )
            except ApiError as error:
                messages.error(request, error.detail)
                return self._postmortem(request, incident, texts)
            messages.success(request, "It is finished." if "finish" in request.POST else "Kept.")
            return HttpResponseRedirect(reverse("admin:infra_incident_postmortem", args=[incident.pk]))
        return self._postmortem(request, incident, None)

    def _postmortem(
        self, request: HttpRequest, incident: Incident, typed: dict[str, str] | None
    ) -> HttpResponse:
        return TemplateResponse(request, "infra/postmortem.html", {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"Postmortem of #{incident.pk}",
            **postmortems.context(incident, typed), "may_act": self.may_act(request),
        })  # fmt: skip

    def act(self, request: HttpRequest, incident_id: int, act: str) -> HttpResponse:
        if act not in ACTS:
            raise Http404(f"There is nothing called {act} to do.")
        if not self.may_act(request):
            raise PermissionDenied
        form = ActForm(request.POST)
        said, run = ACTS[act]
        if not form.is_valid():
            messages.error(request, str(next(iter(form.errors.values()))[0]))
        else:
            try:
                run(principal(request), incident_id, form.cleaned_data)
            except ApiError as error:
                messages.error(request, error.detail)
            else:
                messages.success(request, f"Incident #{incident_id} {said}.")
        places = {"home": reverse("admin:index"), "board": reverse("admin:infra_incident_board")}
        here = reverse("admin:infra_incident_change", args=[incident_id])
        return HttpResponseRedirect(places.get(request.POST.get("back", ""), here))
