"""The board's cards. A board shows a hundred and more, so each is put together here and not by a template's tags:
a sixth of the time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from alai.kernel import words
from missioncontrol import narrowing
from missioncontrol.admin import story
from missioncontrol.models import Status, Task

LONGEST_TITLE = 300
BACK = "_board"  # in a task's address: the board that it was opened from, as a query
# What a card shows of a task, and all that is read of it.
FIELDS = (
    "title", "status", "priority", "owner", "team", "due_at", "created_at", "completed_at",
    "lease_actor", "lease_session", "lease_until", "fencing_token",
)  # fmt: skip
CARD = """
<li class="mc-task-card" id="mc-card-{id}" data-task="{id}"{holder}{draggable}>
<a class="mc-card-link" href="{url}" draggable="false">{title}</a>
{move}
<p class="mc-meta"><span class="mc-id">#{id}</span>{team}{owner}</p>
<p class="mc-card-facts">{rank} <span class="mc-quiet">{age}</span></p>
{due}{held}
</li>"""
MOVE = """<a class="mc-card-move" href="{}" data-move role="button" aria-label="Move #{}" draggable="false">\
<span class="material-symbols-outlined" aria-hidden="true">more_horiz</span></a>"""
HELD = """<p class="mc-held"><span class="material-symbols-outlined" aria-hidden="true">lock</span>\
<span class="mc-strong">{}</span> {}</p>"""
NOTHING = SafeString("")
DRAGGABLE = SafeString(' draggable="true"')


@dataclass(frozen=True, slots=True)
class Card:
    """A task, the address at which it leads back to its board, and how it is shown."""

    task: Task
    url: str
    html: SafeString


@dataclass(frozen=True, slots=True)
class Cards:
    """Makes the cards of one board as of `now`; without `may_change` they cannot be moved."""

    now: datetime
    may_change: bool
    address: tuple[str, str]  # a task's, before and after its number

    @classmethod
    def of(cls, narrow: Mapping[str, str], now: datetime, *, may_change: bool) -> "Cards":
        before, _, after = story.task_url(0).rpartition("0")
        return cls(now, may_change, (before, f"{after}?{urlencode({BACK: narrowing.written(narrow)})}"))

    def card(self, task: Task) -> Card:
        """`task` carries its `lease_live`."""
        url = self.address[0] + str(task.pk) + self.address[1]
        html = format_html(
            CARD,
            id=task.pk,
            holder=_holder(task),
            draggable=DRAGGABLE if self.may_change else NOTHING,
            url=url,
            title=task.title if len(task.title) <= LONGEST_TITLE else f"{task.title[:LONGEST_TITLE]}…",
            move=format_html(MOVE, url, task.pk) if self.may_change else NOTHING,
            team=_named(task.team),
            owner=_named(task.owner),
            rank=story.priority(task),
            age=self._age(task),
            due=self._due(task),
            held=self._held(task),
        )
        return Card(task, url, html)

    def _age(self, task: Task) -> SafeString | str:
        if task.status == Status.DONE and task.completed_at:
            return words.time_tag(task.completed_at, f"done {words.ago(task.completed_at, self.now)}")
        return words.time_tag(task.created_at, f"{words.duration(self.now - task.created_at)} old")

    def _due(self, task: Task) -> SafeString:
        if task.due_at is None or task.is_closed:
            return NOTHING
        label = NOTHING if task.due_at <= self.now else mark_safe('<span class="mc-quiet">due</span> ')
        return format_html('<p class="mc-card-facts">{}{}</p>', label, story.due(task, self.now))

    def _held(self, task: Task) -> SafeString:
        """`john 9 min left`, with the time on hovering."""
        if task.lease_until is None:
            return NOTHING
        length = words.duration(task.lease_until - self.now)
        left = f"{length} left" if _live(task) else f"ran out {length} ago"
        return format_html(HELD, task.lease_actor, words.time_tag(task.lease_until, left))


def _holder(task: Task) -> SafeString:
    """Who must be asked before it is moved: the holder of a lease that has not run out."""
    lease = task.lease
    return format_html(' data-holder="{}"', lease.holder) if lease and _live(task) else NOTHING


def _live(task: Task) -> bool:
    live: bool = task.lease_live  # type: ignore[attr-defined]
    return live


def _named(name: str) -> SafeString:
    return format_html("<span>{}</span>", name) if name else NOTHING
