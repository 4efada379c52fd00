"""The board: what is in which status, the most pressing cards of each, narrowed like the list."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from alai.kernel.admin.base import distinct
from missioncontrol import narrowing, tally
from missioncontrol.admin import figures, story, verbs
from missioncontrol.admin.cards import FIELDS, Card, Cards
from missioncontrol.models import Priority, Status, Task
from missioncontrol.querysets import TaskQuerySet

CARDS = 25  # of a column; the list shows the rest
DONE_DAYS = 7
COLUMNS = (Status.OPEN, Status.IN_PROGRESS, Status.PAUSED, Status.BLOCKED, Status.READY, Status.DONE)
# As `claims/next` takes them, so that the first card is the next one to be worked on; an index holds this order.
PRESSING = (F("priority").desc(), F("due_at").asc(nulls_last=True), "created_at", "id")
SHOWN_AS_FIELDS = ("q", "team", "owner", "priority", "tag")
NOT_HERE = ("status", "o")  # the columns are the statuses, and have their own order
TALLIED = {"team"}  # what narrows by no more is known and not counted
COUNTED_BY_INDEX = {"team", "owner", "priority"}  # what narrows by these alone is counted without the table
COUNT_LIMIT = 1_000  # of what else narrows
EXACT = sys.maxsize


@dataclass(frozen=True, slots=True)
class Column:
    """A status: its first cards, how many tasks there are (counted up to a limit), and the list of all of them."""

    status: Status
    tone: str
    cards: Sequence[Card]
    total: int
    limit: int
    url: str

    @property
    def hidden(self) -> int:
        return self.total - len(self.cards)

    @property
    def shown_total(self) -> str:
        return _counted(self.total, self.limit)

    @property
    def note(self) -> str:
        return f"last {DONE_DAYS} days" if self.status == Status.DONE else ""


def wanted(query: str) -> dict[str, str]:
    """What narrows the board: all that narrows the list but the status."""
    return {name: value for name, value in narrowing.parsed(query).items() if name not in NOT_HERE}


def url(query: str = "") -> str:
    board = reverse("admin:missioncontrol_task_board")
    return f"{board}?{query}" if query else board


def context(
    narrow: Mapping[str, str], counts: figures.Counts, now: datetime, *, may_change: bool
) -> dict[str, Any]:
    """All that the board's page shows, in two queries a column at most."""
    tasks = narrowing.narrowed(Task.objects.all(), narrow)
    cards = Cards.of(narrow, now, may_change=may_change)
    columns = [_column(status, tasks, narrow, counts, cards) for status in COLUMNS]
    return {
        "columns": columns,
        "now": now,
        "sentence": _sentence(columns, tasks, narrow),
        "narrow": narrow,
        "may_change": may_change,
        "act_url": reverse("admin:missioncontrol_task_act", args=[0, "VERB"]),
        "stream": story.STREAM,
    }


def form(narrow: Mapping[str, str]) -> dict[str, Any]:
    """The fields that narrow the board, and what else narrows it, which an address or a saved view brought."""
    query = narrowing.written(narrow)
    others = [
        (name, value, narrowing.said({name: value}))
        for name, value in narrow.items()
        if name not in SHOWN_AS_FIELDS
    ]
    return {
        "teams": distinct(Task, "team"),
        "owners": distinct(Task, "owner"),
        "ranks": [(rank.name.lower(), rank.label) for rank in reversed(Priority)],
        "others": others,
        "query": query,
        "board_url": url(),
        "list_url": f"{reverse('admin:missioncontrol_task_changelist')}?{query}",
        "doing": {
            "moves": verbs.moves(),
            "verbs": {name: _told(verb) for name, verb in verbs.VERBS.items() if verb.to},
            "statuses": {str(status): status.label for status in Status},
        },
    }


def _told(verb: verbs.Verb) -> dict[str, Any]:
    """A verb for the script that moves cards."""
    return {"label": verb.label, "fields": verb.fields, "must": verb.must, "explain": verb.explain}


def _column(
    status: Status, tasks: TaskQuerySet, narrow: Mapping[str, str], counts: figures.Counts, cards: Cards
) -> Column:
    inside = tasks.filter(status=status)
    if status == Status.DONE:
        inside = inside.filter(completed_at__gte=Now() - timedelta(days=DONE_DAYS))
    ordered = inside.order_by("-completed_at", "-id") if status == Status.DONE else inside.order_by(*PRESSING)
    found = list(ordered.with_lease_state().only(*FIELDS)[: CARDS + 1])
    total, limit = len(found), _limit(narrow)
    if total > CARDS:
        known = _known(status, narrow, counts, cards.now) if limit == EXACT else _count(inside, limit)
        total = max(total, known)  # which may be a moment older
    query = narrowing.written({**narrow, "status": status})
    return Column(
        status=status,
        tone=story.TONES[status],
        cards=[cards.card(task) for task in found[:CARDS]],
        total=total,
        limit=limit,
        url=f"{reverse('admin:missioncontrol_task_changelist')}?{query}",
    )


def _sentence(columns: Sequence[Column], tasks: TaskQuerySet, narrow: Mapping[str, str]) -> str:
    """What the board says, in words: what goes on, what waits for somebody, what is late."""
    if not any(column.cards for column in columns):
        return (
            "Nothing fits these filters." if narrow else "Nothing is to be done, and nothing was done lately."
        )
    counts = {column.status: column for column in columns}
    held = _count(tasks.claimed(), COUNT_LIMIT)
    most = EXACT if _limit(narrow) == EXACT else COUNT_LIMIT
    late = tally.overdue(_teams(narrow)) if most == EXACT else _count(tasks.overdue(), COUNT_LIMIT)
    working = counts[Status.IN_PROGRESS]
    held_too = f"{working.shown_total} in progress, {_counted(held, COUNT_LIMIT) if held else 'none'} held by a session"
    parts = [held_too if working.total else "Nothing is in progress"]
    for status, said in (
        (Status.OPEN, "open"),
        (Status.READY, "waiting for acceptance"),
        (Status.BLOCKED, "blocked"),
    ):
        if counts[status].total:
            parts.append(f"{counts[status].shown_total} {said}")
    parts.append(f"{_counted(late, most)} overdue" if late else "nothing overdue")
    return f"{'; '.join(parts)}."


def _limit(narrow: Mapping[str, str]) -> int:
    """How far a column is counted."""
    if narrow.keys() <= TALLIED:
        return EXACT
    return figures.COUNT_LIMIT if narrow.keys() <= COUNTED_BY_INDEX else COUNT_LIMIT


def _known(status: Status, narrow: Mapping[str, str], counts: figures.Counts, now: datetime) -> int:
    """How many tasks there are of all, or of a team, by the tallies."""
    if status == Status.DONE:
        return tally.created_and_done(now - timedelta(days=DONE_DAYS), _teams(narrow))[1]
    return counts.of({**narrow, "status": status}) or 0


def _teams(narrow: Mapping[str, str]) -> list[str]:
    return ["" if team == "-" else team for name, team in narrow.items() if name == "team"]


def _count(tasks: TaskQuerySet, limit: int) -> int:
    return tasks.order_by().values("pk")[:limit].count()


def _counted(count: int, limit: int) -> str:
    return f"{count:,}+" if count >= limit else f"{count:,}"
