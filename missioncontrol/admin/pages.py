"""The ledger's pages that are no list of rows: each asks for its permission, reads, and shows."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from alai.kernel.admin.base import badge, distinct
from missioncontrol.admin import board, costs, costs_words, figures, flow, flow_words, saved, story
from missioncontrol.models import Status, Task

LIVE = "X-Live"  # a page's own refresh asks for its living parts alone
MONTHS = (3, 6, 12, 24)
USUAL_MONTHS = 12
MEASURES = {"cycle": "from the beginning of work", "lead": "from being opened"}


def board_page(request: HttpRequest) -> HttpResponse:
    _may_see(request)
    narrow = board.wanted(request.GET.urlencode())
    may_change = request.user.has_perm("missioncontrol.change_task")
    shown = board.context(narrow, figures.counts_for(request), timezone.now(), may_change=may_change)
    if LIVE in request.headers:
        return TemplateResponse(request, "missioncontrol/board_live.html", shown)
    shown |= {**board.form(narrow), **saved.bar(request, "board")}
    shown |= {"may_add": request.user.has_perm("missioncontrol.add_task")}
    return _page(request, "board", "Board", shown)


def flow_page(request: HttpRequest) -> HttpResponse:
    _may_see(request)
    period = _choice(request, "days", flow.PERIODS, flow.USUAL_PERIOD)
    team = request.GET.get("team", "").replace("\0", "")[:100]
    read = flow.read(period, team)
    asked = request.GET.get("measure", "")
    measure = (
        asked if asked in MEASURES else "cycle" if read.took.known * 2 >= max(1, read.took.tasks) else "lead"
    )
    shown = {
        "flow": read,
        "measure": measure,
        "measures": MEASURES,
        "measured": MEASURES[measure],
        "burn_up": flow_words.burn_up(read),
        "durations": flow_words.duration_chart(read, measure),
        "throughput": flow_words.throughput_chart(read),
        "ages": flow_words.age_chart(read, measure),
        "weeks": [(week, flow_words.measured(week.took, measure)) for week in reversed(read.weeks)],
        "oldest": [
            (one, story.task_url(one.task_id), _badge(one.status))
            for one in read.lying[: flow_words.OLDEST_NAMED]
        ],
        "sample": flow.sample(len(read.weeks)),
        "further": _further(read, period),
        **_chooser(team, "days", period, flow.PERIODS),
    }
    return _page(request, "flow", "Flow", shown)


def costs_page(request: HttpRequest) -> HttpResponse:
    _may_see(request)
    months = _choice(request, "months", MONTHS, USUAL_MONTHS)
    team = request.GET.get("team", "").replace("\0", "")[:100]
    read = costs.read(months, team)
    shown = {
        "costs": read,
        "chart": costs_words.chart(read),
        "table": costs_words.table(read),
        "totals": costs_words.by_month(read),
        "dearest": [(one, story.task_url(one.task_id), _badge(one.status)) for one in read.dearest],
        **_chooser(team, "months", months, MONTHS),
    }
    return _page(request, "costs", "Costs", shown)


def _choice(request: HttpRequest, name: str, choices: tuple[int, ...], usual: int) -> int:
    asked = request.GET.get(name, "")
    return next((choice for choice in choices if str(choice) == asked), usual)


def _chooser(team: str, unit: str, chosen: int, choices: tuple[int, ...]) -> dict[str, Any]:
    """The form that narrows a page of figures: a team and how far back."""
    return {"team": team, "teams": distinct(Task, "team"), "unit": unit, "chosen": chosen, "choices": choices}


def _further(read: flow.Flow, period: int) -> int:
    """The period in which something was done, when nothing was in the one that is shown."""
    if read.took.tasks or read.last_done is None:
        return 0
    return next(
        (days for days in flow.PERIODS if days > period and (read.at - read.last_done).days < days), 0
    )


def _badge(status: str) -> SafeString:
    return badge(Status(status).label, story.TONES.get(status, "unknown"))


def _may_see(request: HttpRequest) -> None:
    if not request.user.has_perm("missioncontrol.view_task"):
        raise PermissionDenied


def _page(request: HttpRequest, template: str, title: str, shown: dict[str, Any]) -> HttpResponse:
    frame = {**admin.site.each_context(request), "title": title}
    return TemplateResponse(request, f"missioncontrol/{template}.html", {**frame, **shown})
