"""What in the watch needs a person, for the home page."""

from django.http import HttpRequest
from django.urls import reverse

from alai.kernel import needs
from alai.kernel.needs import NOTHING, SHOWN, Action, Found, Need
from infra.admin import postmortems
from infra.models import Incident


def open_incidents(request: HttpRequest) -> Found:
    """Incidents that nobody has acknowledged, the worst first."""
    if not request.user.has_perm("infra.view_incident"):
        return NOTHING
    waiting = Incident.objects.filter(state=Incident.State.OPEN, part_of=None).order_by("opened_at")
    rows = list(waiting[:SHOWN])
    total = len(rows) if len(rows) < SHOWN else waiting.order_by().values("pk")[: needs.COUNT_LIMIT].count()
    may_act = request.user.has_perm("infra.change_incident")
    return Found(
        [_need(one, may_act) for one in rows], total, reverse("admin:infra_incident_changelist"), "incidents"
    )


def owed_postmortems(request: HttpRequest) -> Found:
    """Critical incidents that are over and not reviewed yet, the oldest first."""
    if not request.user.has_perm("infra.change_incident"):
        return NOTHING
    owed = postmortems.owed().order_by("resolved_at")
    rows = list(owed[:SHOWN])
    total = len(rows) if len(rows) < SHOWN else owed.order_by().values("pk")[: needs.COUNT_LIMIT].count()
    return Found(
        [_owed(one) for one in rows], total, reverse("admin:infra_incident_changelist"), "postmortems"
    )


def _owed(incident: Incident) -> Need:
    url = reverse("admin:infra_incident_postmortem", args=[incident.pk])
    return Need(
        "Review", "info", "Critical, so it is reviewed: what happened, why, and what changes.", subject=incident.title,
        url=url, since=incident.resolved_at, actions=[Action("Write it", url, primary=True)],
    )  # fmt: skip


def _need(incident: Incident, may_act: bool) -> Need:
    url = reverse("admin:infra_incident_change", args=[incident.pk])
    have = reverse("admin:infra_incident_act", args=[incident.pk, "ack"])
    acts = [Action("I have it", have, post=True, primary=True, fields={"back": "home"})] if may_act else []
    return Need(
        "Incident", "danger", incident.detail, subject=incident.title, url=url, since=incident.opened_at,
        actions=[*acts, Action("Open", url)],
    )  # fmt: skip
