"""What narrows the task list."""

from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, TextFilter

from alai.kernel.admin.base import distinct
from missioncontrol import mentions
from missioncontrol.models import Priority, Status, Task
from missioncontrol.querysets import NOT_CLOSED, TaskQuerySet

Tasks = QuerySet[Task]
Lookups = list[tuple[str, str]]
ALL = "all"


class StatusFilter(DropdownFilter):
    """Without a choice the list shows what is not closed; a search looks everywhere."""

    title = "status"
    parameter_name = "status"
    all_option = ["", "Not closed"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        self.searching = bool(request.GET.get("q"))
        return [*((status.value, str(status.label)) for status in Status), (ALL, "All")]

    def queryset(self, request: HttpRequest, queryset: Tasks) -> Tasks:
        if self.value() in Status.values:
            return queryset.filter(status=self.value())
        return queryset if self.value() == ALL or self.searching else queryset.filter(NOT_CLOSED)


class PriorityFilter(DropdownFilter):
    title = "priority"
    parameter_name = "priority"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(priority.name.lower(), str(priority.label)) for priority in reversed(Priority)]

    def queryset(self, request: HttpRequest, queryset: Tasks) -> Tasks:
        ranks = {priority.name.lower(): priority for priority in Priority}
        rank = ranks.get(self.value() or "")
        return queryset if rank is None else queryset.filter(priority=rank)


class ColumnFilter(DropdownFilter):
    """The values that a column has; `-` is none."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [*((value, value) for value in distinct(Task, self.parameter_name)), ("-", "None")]

    def queryset(self, request: HttpRequest, queryset: Tasks) -> Tasks:
        value = self.value()
        return queryset.filter(**{self.parameter_name: "" if value == "-" else value}) if value else queryset


class TeamFilter(ColumnFilter):
    title = parameter_name = "team"


class OwnerFilter(ColumnFilter):
    title = parameter_name = "owner"


class SourceFilter(ColumnFilter):
    title = parameter_name = "source"


class ClaimedFilter(DropdownFilter):
    title = "lease"
    parameter_name = "claimed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("yes", "Held now"), ("no", "Free")]

    def queryset(self, request: HttpRequest, queryset: TaskQuerySet) -> TaskQuerySet:
        return queryset.claimed(self.value() == "yes") if self.value() in ("yes", "no") else queryset


class DueFilter(DropdownFilter):
    title = "due"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("overdue", "Overdue"), ("week", "Within 7 days"), ("none", "No date")]

    def queryset(self, request: HttpRequest, queryset: TaskQuerySet) -> TaskQuerySet:
        match self.value():
            case "overdue":
                return queryset.overdue()
            case "week":
                return queryset.filter(NOT_CLOSED, due_at__gte=Now(), due_at__lt=Now() + timedelta(days=7))
            case "none":
                return queryset.filter(due_at=None)
        return queryset


class TagFilter(TextFilter):
    title = "tag"
    parameter_name = "tag"

    def queryset(self, request: HttpRequest, queryset: Tasks) -> Tasks:
        tag = (self.value() or "").strip()[:100].replace("\0", "")
        return queryset.filter(tags__contains=[tag]) if tag else queryset


class AskedFilter(TextFilter):
    """On which tasks a mention of somebody still waits for an answer."""

    title = "waits for an answer of"
    parameter_name = "asked"

    def queryset(self, request: HttpRequest, queryset: Tasks) -> Tasks:
        name = (self.value() or "").strip()[:200].replace("\0", "")
        return queryset.filter(pk__in=mentions.tasks_that_ask(name)) if name else queryset


FILTERS: tuple[type[SimpleListFilter], ...] = (
    StatusFilter, TeamFilter, PriorityFilter, OwnerFilter, ClaimedFilter, DueFilter, SourceFilter, TagFilter,
    AskedFilter,
)  # fmt: skip
