"""Saved views in the browser: chips above the list and the board, entries of the sidebar, and their forms."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from alai.kernel.admin.base import principal
from alai.kernel.errors import ApiError
from missioncontrol import narrowing, selectors, services
from missioncontrol.admin.forms import SavedViewForm
from missioncontrol.models import SavedView

PLACES = {"list": "admin:missioncontrol_task_changelist", "board": "admin:missioncontrol_task_board"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A saved view as one sees it: where it leads, whether one is there now, whether one may change it."""

    view: SavedView
    said: str
    url: str
    current: bool
    mine: bool
    changeable: bool


def bar(request: HttpRequest, place: str) -> dict[str, Any]:
    """What stands above the list or the board: all views that the person sees, and the query to save."""
    narrow = narrowing.parsed(request.GET.urlencode())
    query = narrowing.written(narrow)
    chips = shown(request, place, query)
    return {
        "chips": chips,
        "saved_query": query,
        "saved_words": narrowing.said(narrow),
        "may_save": bool(query) and not any(chip.current and chip.mine for chip in chips),
        "place": place,
    }


def shown(request: HttpRequest, place: str, current: str | None = None) -> list[Chip]:
    """The person's own views and those that others share. `current` is the query that one looks at."""
    by, base = principal(request), reverse(PLACES[place])
    found = []
    for view in selectors.saved_views(by.actor):
        narrow = narrowing.parsed(view.query)
        query = narrowing.written(narrow)
        mine = view.owner == by.actor
        chip = Chip(
            view=view,
            said=narrowing.said(narrow),
            url=f"{base}?{query}",
            current=query == current,
            mine=mine,
            changeable=mine or by.has("admin"),
        )
        found.append(chip)
    return found


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    form = _form(request)
    if form is None:
        return _back(request)
    try:
        view = services.save_view(by=principal(request), **form.fields_of_a_view())
    except ApiError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"“{view.name}” is saved{' for everyone' if view.shared else ''}.")
    return _back(request)


@require_POST
def change(request: HttpRequest, view_id: int) -> HttpResponse:
    """Rename and share, or with `do` another thing: `delete` it, or give it the `query` that one looks at."""
    form = _form(request)
    if form is None:
        return _back(request)
    try:
        sentence = _change(request, view_id, form)
    except ApiError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, sentence)
    return _back(request)


def _change(request: HttpRequest, view_id: int, form: SavedViewForm) -> str:
    by, given = principal(request), form.fields_of_a_view()
    match request.POST.get("do"):
        case "delete":
            return f"“{services.delete_view(by=by, view_id=view_id).name}” is deleted."
        case "query":
            view = services.change_view(by=by, view_id=view_id, query=given["query"])
            return f"“{view.name}” shows these filters from now on."
    view = services.change_view(by=by, view_id=view_id, name=given["name"], shared=given["shared"])
    return f"“{view.name}” is saved{' for everyone' if view.shared else ' for you alone'}."


def _form(request: HttpRequest) -> SavedViewForm | None:
    """What was sent; None, and a message, when it cannot be a view."""
    if not request.user.has_perm("missioncontrol.view_task"):
        raise PermissionDenied
    form = SavedViewForm(request.POST)
    if form.is_valid():
        if form.cleaned_data["shared"] and not request.user.has_perm("missioncontrol.change_task"):
            messages.error(request, "Only those who may change tasks put a view into everybody's sidebar.")
            return None
        return form
    field, errors = next(iter(form.errors.items()))
    messages.error(request, f"{str(field).capitalize()}: {errors[0]}")
    return None


def _back(request: HttpRequest) -> HttpResponse:
    """To where one came from, the list or the board, with its filters."""
    base = reverse(PLACES.get(request.POST.get("place", ""), PLACES["list"]))
    query = narrowing.written(narrowing.parsed(request.POST.get("query", "")))
    return HttpResponseRedirect(f"{base}?{query}" if query else base)
