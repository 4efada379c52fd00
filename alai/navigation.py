"""The sidebar and the badge that names the installation."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import escape

from alai.kernel import two_factor
from missioncontrol.admin import figures, saved

COLOURS = {"production": "success", "staging": "warning", "development": "info"}
TASKS = "missioncontrol.task"
SAVED_VIEWS = 8  # in the sidebar; the list and the palette have them all


@dataclass(frozen=True, slots=True)
class Item:
    """A model's list (`app.model`), perhaps narrowed by a query; a page beside that list; or an address of its own."""

    title: str
    icon: str
    model: str = ""
    query: str = ""
    page: str = ""
    url: str = ""
    badge: str = ""


SECTIONS: dict[str, list[Item]] = {
    "Mission control": [
        Item("Tasks", "task_alt", TASKS, badge="not_closed"),
        Item("Board", "view_kanban", TASKS, page="board"),
        Item("Ready to accept", "flag", TASKS, "status=ready", badge="ready"),
        Item("Agents now", "lock", TASKS, "claimed=yes", badge="held"),
        Item("Flow", "show_chart", TASKS, page="flow"),
        Item("Costs", "payments", TASKS, page="costs"),
        Item("Events", "history", "missioncontrol.taskevent"),
        Item("Evidence", "verified", "missioncontrol.evidence"),
        Item("Grants", "approval", "missioncontrol.grant"),
        Item("Cost entries", "receipt_long", "missioncontrol.costentry"),
        Item("Evidence policies", "rule_settings", "missioncontrol.gatepolicy"),
    ],
    "HiveMind": [
        Item("Agent messages", "forum", "missioncontrol.message"),
        Item("Memories", "psychology", "missioncontrol.memory"),
    ],
    "Inbox": [
        Item("Messages", "mail", "inbox.message"),
        Item("Quarantine", "gpp_bad", "inbox.message", "status=quarantine"),
        Item("Partners", "handshake", "inbox.partner"),
        Item("Mail accounts", "alternate_email", "inbox.account"),
        Item("Senders", "contacts", "inbox.sender"),
        Item("Decisions", "gavel", "inbox.decision"),
        Item("Digests", "summarize", "inbox.digest"),
    ],
    "Infrastructure": [
        Item("Status", "monitor_heart", "infra.incident", page="board"),
        Item("Incidents", "emergency_home", "infra.incident"),
        Item("Error budgets", "savings", "infra.objective", page="slos"),
        Item("Checks", "fact_check", "infra.check"),
        Item("Sites", "public", "infra.site"),
        Item("Hosts", "dns", "infra.host"),
        Item("Services", "deployed_code", "infra.service"),
        Item("Jobs", "event_repeat", "infra.job"),
        Item("Model routing", "alt_route", "infra.modeltier", page="routing"),
        Item("Alert rules", "notification_important", "infra.alertrule"),
        Item("Escalation", "stairs", "infra.escalationpolicy"),
        Item("Secrets", "encrypted", "infra.secret"),
        Item("Hosting costs", "payments", "infra.cost"),
        Item("Risks", "warning", "infra.risk"),
        Item("Registry", "inventory", "infra.site", page="registry"),
    ],
    "People and access": [
        Item("Actors", "smart_toy", "kernel.actor"),
        Item("Tokens", "key", "kernel.token"),
        Item("People", "person", "auth.user"),
        Item("Sessions", "devices", "kernel.session"),
        Item("Groups", "group", "auth.group"),
        Item("Sign-in failures", "gpp_maybe", "axes.accessattempt"),
    ],
    "Schedules": [
        Item("Periodic tasks", "schedule", "django_celery_beat.periodictask"),
        Item("Intervals", "timelapse", "django_celery_beat.intervalschedule"),
        Item("Crontabs", "calendar_month", "django_celery_beat.crontabschedule"),
    ],
    "System": [
        Item("Notifications", "notifications", "kernel.notification"),
        Item("Audit trail", "policy", "kernel.auditentry"),
        Item("Imports", "move_to_inbox", "kernel.importrun"),
        Item("Import rejects", "rule", "kernel.importreject"),
        Item("Legacy rows", "inventory_2", "kernel.legacyrow"),
        Item("Retention", "auto_delete", "kernel.retention"),
        Item("API docs", "api", url="/api/v1/docs"),
    ],
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What the person may see, with counts: nothing while their second factor is owed."""
    if request.user.is_authenticated and two_factor.missing(request.user, request.session):
        return []
    rooms = {model._meta.label_lower: room for model, room in admin.site._registry.items()}
    counts = figures.counts_for(request) if request.user.has_perm("missioncontrol.view_task") else None
    home = {"title": "Home", "icon": "home", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [home]}]
    for title, items in SECTIONS.items():
        shown = [_shown(item, request, counts) for item in items if _may_see(item, rooms, request)]
        groups.append({"title": title, "items": shown})
    if counts is not None and (views := _saved_views(request)):
        groups.insert(2, {"title": "Saved views", "items": views})
    return groups


def _saved_views(request: HttpRequest) -> list[dict[str, Any]]:
    """The frame marks titles as safe, and these are people's words."""
    return [
        {"title": escape(chip.view.name), "icon": "bookmark", "link": chip.url, "active": chip.current}
        for chip in saved.shown(request, "list")[:SAVED_VIEWS]
    ]


def environment(request: HttpRequest) -> list[str]:
    """The installation's kind; that leases are not enforced is said on every page."""
    if not settings.MC_LEASE_ENFORCE:
        return ["Leases not enforced", "danger"]
    return [settings.ENVIRONMENT.capitalize(), COLOURS.get(settings.ENVIRONMENT, "info")]


def _may_see(item: Item, rooms: dict[str, "ModelAdmin[Any]"], request: HttpRequest) -> bool:
    if item.url:
        return True
    room = rooms.get(item.model)
    return room is not None and room.has_view_permission(request)


def _shown(item: Item, request: HttpRequest, counts: figures.Counts | None) -> dict[str, Any]:
    link = item.url or reverse(f"admin:{item.model.replace('.', '_')}_{item.page or 'changelist'}")
    entry: dict[str, Any] = {
        "title": item.title,
        "icon": item.icon,
        "link": f"{link}?{item.query}" if item.query else link,
        "active": _is_active(item, link, request),
    }
    if item.badge and counts is not None and (count := getattr(counts, item.badge)):
        entry |= {"badge": counts.shown(count), "badge_class": "mc-count"}
    return entry


def _is_active(item: Item, link: str, request: HttpRequest) -> bool:
    """Of several entries for one list, the page or query that is asked for, else the plain one."""
    if not request.path.startswith(link):
        return False
    if item.page:
        return True
    siblings = {other.page for items in SECTIONS.values() for other in items if other.model == item.model}
    if request.path.removeprefix(link).rstrip("/") in siblings - {""}:
        return False
    queries = [other.query for items in SECTIONS.values() for other in items if other.model == item.model]
    asked = [query for query in queries if query and _asks(request, query)] if request.path == link else []
    return item.query in asked if asked else not item.query


def _asks(request: HttpRequest, query: str) -> bool:
    name, _, value = query.partition("=")
    return request.GET.get(name) == value
