"""What narrows tasks in an address: each parameter, which values it takes and what it does.

The list, the board and saved views share it, so that `?team=sales&due=overdue` means the same on each. A parameter
that nobody knows, or a value that means nothing, is dropped: an old address or saved view is never an error.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from django.db.models.functions import Now

from alai.kernel.pagination import as_id
from missioncontrol import mentions
from missioncontrol.models import UNFINISHED, Priority, Status, Task
from missioncontrol.querysets import LEASED, NOT_CLOSED, TaskQuerySet

ALL = "all"
LEFT = "unfinished"  # of statuses: not closed, and not waiting to be accepted
PRESSING = "pressing"  # what home tells of: high and critical
EXPIRED = "expired"
LONG = timedelta(days=7)
NONE = "-"  # of a column: the tasks that have no value there
LONGEST_VALUE = 200
MAX_PARAMETERS = 50
SORTING = re.compile(r"-?\d{1,2}(\.-?\d{1,2}){0,9}")
WORDS = {
    ("claimed", "yes"): "held now",
    ("claimed", "no"): "free",
    ("claimed", EXPIRED): "with a lease that ran out",
    ("due", "overdue"): "overdue",
    ("due", "week"): "due within 7 days",
    ("due", "none"): "without a date",
    ("status", ALL): "of any status",
    ("priority", PRESSING): "high or critical",
    ("unchanged", "week"): "unchanged for 7 days",
}
RANKS = {priority.name.lower(): priority for priority in Priority}


@dataclass(frozen=True, slots=True)
class Parameter:
    """`accepts` says whether a value means anything; `narrow` applies one that does."""

    accepts: Callable[[str], bool]
    narrow: Callable[[TaskQuerySet, str], TaskQuerySet]


def _among(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


def _word(value: str) -> bool:
    return bool(value.strip())


def _column(name: str) -> Parameter:
    return Parameter(_word, lambda tasks, value: tasks.filter(**{name: "" if value == NONE else value}))


def _status(tasks: TaskQuerySet, value: str) -> TaskQuerySet:
    if value == ALL:
        return tasks
    return tasks.filter(status__in=UNFINISHED) if value == LEFT else tasks.filter(status=value)


def _priority(tasks: TaskQuerySet, value: str) -> TaskQuerySet:
    if value == PRESSING:
        return tasks.filter(priority__gte=Priority.HIGH)
    return tasks.filter(priority=RANKS[value])


def _claimed(tasks: TaskQuerySet, value: str) -> TaskQuerySet:
    if value == EXPIRED:
        return tasks.filter(LEASED, lease_until__lt=Now())
    return tasks.claimed(value == "yes")


def _due(tasks: TaskQuerySet, value: str) -> TaskQuerySet:
    match value:
        case "overdue":
            return tasks.overdue()
        case "week":
            return tasks.filter(NOT_CLOSED, due_at__gte=Now(), due_at__lt=Now() + LONG)
    return tasks.filter(due_at=None)


PARAMETERS: dict[str, Parameter] = {
    "q": Parameter(_word, lambda tasks, value: tasks.filter(pk__in=matching(value))),
    "status": Parameter(_among(*Status.values, LEFT, ALL), _status),
    "team": _column("team"),
    "priority": Parameter(_among(*RANKS, PRESSING), _priority),
    "owner": _column("owner"),
    "claimed": Parameter(_among("yes", "no", EXPIRED), _claimed),
    "due": Parameter(_among("overdue", "week", "none"), _due),
    "unchanged": Parameter(_among("week"), lambda tasks, _: tasks.filter(updated_at__lt=Now() - LONG)),
    "source": _column("source"),
    "tag": Parameter(_word, lambda tasks, value: tasks.filter(tags__contains=[value.strip()])),
    "asked": Parameter(
        _word, lambda tasks, value: tasks.filter(pk__in=mentions.tasks_that_ask(value.strip()))
    ),  # on which a mention of somebody waits for an answer
    "o": Parameter(
        lambda value: bool(SORTING.fullmatch(value)), lambda tasks, value: tasks
    ),  # the list sorts
}


def cleaned(given: Mapping[str, str]) -> dict[str, str]:
    """The parameters that mean something, in their usual order."""
    known = {name: given[name].replace("\0", "") for name in PARAMETERS if name in given}
    return {
        name: value
        for name, value in known.items()
        if len(value) <= LONGEST_VALUE and PARAMETERS[name].accepts(value)
    }


def senseless(given: Mapping[str, str]) -> dict[str, str]:
    """Of the parameters that there are, those with a value that means nothing."""
    understood = cleaned(given)
    return {name: given[name] for name in PARAMETERS if given.get(name) and name not in understood}


def parsed(query: str) -> dict[str, str]:
    """The parameters in an address's query: `team=sales&p=3&x=y` is `{"team": "sales"}`; of two the last counts."""
    try:
        return cleaned(dict(parse_qsl(query.lstrip("?"), max_num_fields=MAX_PARAMETERS)))
    except ValueError:  # more of them than anybody means
        return {}


def written(wanted: Mapping[str, str]) -> str:
    """As a query, always in the same order: two that mean the same read the same."""
    return urlencode(cleaned(wanted))


def said(wanted: Mapping[str, str]) -> str:
    """In words: `status ready, team sales, held now`."""
    return ", ".join(_said(name, value) for name, value in cleaned(wanted).items())


def _said(name: str, value: str) -> str:
    if (name, value) in WORDS:
        return WORDS[name, value]
    shown = "none" if value == NONE else value.replace("_", " ") if name == "status" else value
    return {
        "q": f"the words “{shown}”",
        "o": "in an order of its own",
        "asked": f"waiting for an answer of {shown}",
    }.get(name, f"{name} {shown}")


def narrowed(tasks: TaskQuerySet, wanted: Mapping[str, str]) -> TaskQuerySet:
    """The tasks that fit all of the wanted parameters, which were `cleaned`."""
    for name, value in wanted.items():
        tasks = PARAMETERS[name].narrow(tasks, value)
    return tasks


def matching(term: str) -> list[int]:
    """The ids of the tasks that a search means, best first: the one of that number, then by words."""
    found = Task.objects.matching(term).values_list("pk", flat=True)
    return list(dict.fromkeys([*numbered(term), *found]))


def numbered(term: str) -> list[int]:
    """The id inside `104230` or `#104230`, if that is what was typed."""
    number = as_id(term.strip().lstrip("#"))
    return [number] if number else []
