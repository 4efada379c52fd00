"""What narrows the task list, as the sidebar of filters shows it; what each does stands in `narrowing`."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, TextFilter

from alai.kernel.admin.base import distinct
from missioncontrol import narrowing
from missioncontrol.models import Priority, Status, Task
from missioncontrol.narrowing import ALL, LEFT
from missioncontrol.querysets import NOT_CLOSED, TaskQuerySet

Lookups = list[tuple[str, str]]


class Narrowing(SimpleListFilter):
    """A filter that means what `narrowing` says of its parameter."""

    def queryset(self, request: HttpRequest, queryset: Any) -> TaskQuerySet:
        name = str(self.parameter_name)
        return narrowing.narrowed(queryset, narrowing.cleaned({name: self.value() or ""}))


class StatusFilter(Narrowing, DropdownFilter):
    """Without a choice the list shows what is not closed; a search looks everywhere."""

    title = "status"
    parameter_name = "status"
    all_option = ["", "Not closed"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        self.searching = bool(request.GET.get("q"))
        return [*((status.value, str(status.label)) for status in Status), (LEFT, "Unfinished"), (ALL, "All")]

    def queryset(self, request: HttpRequest, queryset: Any) -> TaskQuerySet:
        if self.searching or narrowing.cleaned({"status": self.value() or ""}):
            return super().queryset(request, queryset)
        closed_left_out: TaskQuerySet = queryset.filter(NOT_CLOSED)
        return closed_left_out


class PriorityFilter(Narrowing, DropdownFilter):
    title = "priority"
    parameter_name = "priority"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        each = [(priority.name.lower(), str(priority.label)) for priority in reversed(Priority)]
        return [(narrowing.PRESSING, "High or critical"), *each]


class ColumnFilter(Narrowing, DropdownFilter):
    """The values that a column has; `-` is none."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        known = distinct(Task, str(self.parameter_name), chosen=self.value())
        return [*((value, value) for value in known if value != "-"), ("-", "None")]


class TeamFilter(ColumnFilter):
    title = parameter_name = "team"


class OwnerFilter(ColumnFilter):
    title = parameter_name = "owner"


class SourceFilter(ColumnFilter):
    title = parameter_name = "source"


class ClaimedFilter(Narrowing, DropdownFilter):
    title = "lease"
    parameter_name = "claimed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("yes", "Held now"), ("no", "Free"), (narrowing.EXPIRED, "Ran out, not swept")]


class DueFilter(Narrowing, DropdownFilter):
    title = "due"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("overdue", "Overdue"), ("week", "Within 7 days"), ("none", "No date")]


class UnchangedFilter(Narrowing, DropdownFilter):
    title = parameter_name = "unchanged"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("week", "For 7 days")]


class TagFilter(Narrowing, TextFilter):
    title = "tag"
    parameter_name = "tag"


class AskedFilter(Narrowing, TextFilter):
    """On which tasks a mention of somebody still waits for an answer."""

    title = "waits for an answer of"
    parameter_name = "asked"


FILTERS: tuple[type[SimpleListFilter], ...] = (
    StatusFilter, TeamFilter, PriorityFilter, OwnerFilter, ClaimedFilter, DueFilter, UnchangedFilter, SourceFilter,
    TagFilter, AskedFilter,
)  # fmt: skip
