"""The home page: what needs me, is everything well, what happens now. Each answer first in words."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from alai.kernel import health, needs, notifications, words
from alai.kernel.models import Notification
from alai.kernel.needs import Found
from missioncontrol.admin import charts, figures, story

AGENTS = 5
EVENTS = 10
NEW_VISIT_AFTER = dt.timedelta(minutes=15)  # a reload within it is the same look
POLL = "X-Live"  # the page's own refresh, which is nobody looking anew
PARTS_SEEN = ("worker", "beat")


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's dashboard callback: everything that `admin/index.html` shows."""
    now = timezone.now()
    found = needs.collect(request)
    sees_tasks = request.user.has_perm("missioncontrol.view_task")
    return {
        **context,
        "title": "Home",
        "now": now,
        "greeting": _greeting(request, found, timezone.localtime(now)),
        "needs": found,
        "sees_tasks": sees_tasks,
        "system": _system(request),
        **(_ledger(request, now) if sees_tasks else {}),
    }


def _ledger(request: HttpRequest, now: dt.datetime) -> dict[str, Any]:
    if figures.is_empty():
        return {"is_empty": True, "port": settings.PORT}
    counts = figures.counts_for(request)
    days = figures.opened_and_done()
    return {
        "counts": counts,
        "flow": figures.flow(),
        "since": _since(request, now),
        "agents": figures.held_now(AGENTS),
        "agents_hidden": max(0, counts.held - AGENTS),
        "days": days,
        "chart": _chart(days),
        "events": [
            (event, story.happened(event, story.link(event.task))) for event in figures.latest_events(EVENTS)
        ],
        "stream": story.STREAM,
        "tasks_url": reverse("admin:missioncontrol_task_changelist"),
    }


def _greeting(request: HttpRequest, found: list[Found], local: dt.datetime) -> str:
    part = "morning" if 4 <= local.hour < 12 else "afternoon" if 12 <= local.hour < 18 else "evening"
    name = request.user.get_short_name() or request.user.get_username()  # type: ignore[union-attr]
    total = sum(answer.total for answer in found)
    return f"Good {part}, {name[:1].upper()}{name[1:]}. {_how_many(total)}"


def _how_many(total: int) -> str:
    if total == 0:
        return "Nothing needs you."
    many = words.number(total).capitalize()
    return f"{many} thing needs you." if total == 1 else f"{many} things need you."


def _since(request: HttpRequest, now: dt.datetime) -> str:
    """`Since you last looked, yesterday 18:40: 31 tasks done, 4 opened`; the session remembers the look."""
    last = _last_look(request, now)
    happened = figures.since(last or now - dt.timedelta(hours=24))
    parts = [f"{words.plural(happened['done'], 'task')} done", f"{happened['created']:,} opened"]
    if happened["expired"]:
        parts.append(f"{words.plural(happened['expired'], 'lease')} ran out")
    when = f"Since you last looked, {words.day_and_time(last, now)}" if last else "In the last 24 hours"
    return f"{when}: {', '.join(parts)}."


def _last_look(request: HttpRequest, now: dt.datetime) -> dt.datetime | None:
    """When the visit before this one ended; None for the first."""
    known = request.session.get("home", {})
    before, seen = (_moment(known.get(name)) for name in ("before", "seen"))
    if seen and now - seen > NEW_VISIT_AFTER:
        before = seen
    if POLL not in request.headers and (seen is None or now - seen > dt.timedelta(minutes=1)):
        request.session["home"] = {"before": before and before.isoformat(), "seen": now.isoformat()}
    return before


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _system(request: HttpRequest) -> dict[str, Any]:
    """The parts in words: a part that says nothing is unknown, never well."""
    parts = [(name.capitalize(), health.seen(name)) for name in PARTS_SEEN]
    undecided = Notification.objects.filter(state__in=Notification.UNDECIDED).order_by("id")
    oldest = undecided.values_list("created_at", flat=True).first()
    waiting = undecided.values("pk")[: needs.COUNT_LIMIT].count() if oldest else 0
    hindrance = notifications.delivery_status() if waiting else ""
    alive = all(finding.status == "ok" for _, finding in parts)
    return {
        "well": alive and settings.MC_LEASE_ENFORCE and not hindrance,
        "parts": parts,
        "waiting": waiting,
        "oldest": oldest,
        "hindrance": hindrance,
        "enforced": settings.MC_LEASE_ENFORCE,
    }


def _chart(days: list[tuple[dt.date, int, int]]) -> charts.Chart:
    """What came and what got done, day by day."""
    opened, done = [day[1] for day in days], [day[2] for day in days]
    top = charts.round_top(max([1, *opened, *done]))
    titles = [f"{day.day} {day:%b}: {came:,} opened, {finished:,} done" for day, came, finished in days]
    return charts.Chart(
        sentence=f"{words.plural(sum(opened), 'task')} opened and {sum(done):,} done in {len(days)} days.",
        levels=charts.count_levels(top),
        marks=charts.marks([day[0] for day in days], lambda day: f"{day.day} {day:%b}"),
        lines=[
            charts.line(f"{sum(opened):,} opened", opened, top),
            charts.line(f"{sum(done):,} done", done, top),
        ],
        strips=charts.strips(titles),
    )
