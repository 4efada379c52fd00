"""A task's history in words: what each event says, and how a task stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import dateparse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alai.kernel import words
from alai.kernel.admin.base import badge as status_badge
from missioncontrol.models import Comment, Priority, Status, Task, TaskEvent

TONES = {
    "open": "info", "in_progress": "primary", "paused": "unknown", "blocked": "danger", "ready": "warning",
    "done": "success", "cancelled": "unknown",
}  # fmt: skip
PRIORITY_TONES = {
    Priority.CRITICAL: "danger", Priority.HIGH: "warning", Priority.MEDIUM: "info", Priority.LOW: "unknown",
}  # fmt: skip
RANKS: dict[int, SafeString] = {
    rank: format_html('<span class="mc-rank mc-{}">{}</span>', tone, rank.label)
    for rank, tone in PRIORITY_TONES.items()
}

# kind -> (symbol, tone, what the actor did; {} is the task)
KINDS = {
    "created": ("add_circle", "info", "opened {}"),
    "imported": ("move_to_inbox", "info", "imported {}"),
    "edited": ("edit", "unknown", "edited {}"),
    "commented": ("chat_bubble", "unknown", "commented on {}"),
    "cost_recorded": ("payments", "unknown", "recorded a cost of {}"),
    "evidence_added": ("verified", "success", "added evidence to {}"),
    "claimed": ("lock", "primary", "claimed {}"),
    "lease_refreshed": ("lock", "unknown", "claimed {} again"),
    "lease_extended": ("update", "unknown", "prolonged the lease on {}"),
    "lease_released": ("lock_open", "unknown", "released {}"),
    "lease_revoked": ("lock_reset", "warning", "took away the lease on {}"),
    "lease_expired": ("timer_off", "warning", "ended the expired lease on {}"),
    "ready": ("flag", "warning", "asks to accept {}"),
    "done": ("check_circle", "success", "finished {}"),
    "cancelled": ("cancel", "unknown", "cancelled {}"),
    "reopened": ("undo", "info", "reopened {}"),
    "reassigned": ("person", "unknown", "changed the owner of {}"),
    "open": ("radio_button_unchecked", "info", "put back to open {}"),
    "in_progress": ("play_circle", "primary", "started {}"),
    "paused": ("pause_circle", "unknown", "paused {}"),
    "blocked": ("block", "danger", "blocked {}"),
}
ROUTINE = ("lease_refreshed", "lease_extended")  # too many to be news
STREAM = urlencode({"kinds": ",".join(kind for kind in KINDS if kind not in ROUTINE)})  # what pages listen to
FIELDS = {"due_at": "due", "parent_id": "parent", "depends_on": "waits for", "cost_usd": "cost"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline."""

    at: datetime
    symbol: str
    tone: str
    sentence: SafeString
    details: Sequence[str | SafeString] = ()
    why: str = ""
    body: SafeString | str = ""
    request_id: str = ""


def task_url(task_id: int) -> str:
    return reverse("admin:missioncontrol_task_change", args=[task_id])


def link(task: Task) -> SafeString:
    return format_html('<a class="mc-link" href="{}">#{}</a> {}', task_url(task.pk), task.pk, task.title)


def links(task_ids: Sequence[int]) -> SafeString:
    return format_html_join(
        ", ", '<a class="mc-link" href="{}">#{}</a>', ((task_url(number), number) for number in task_ids)
    )


def badge(task: Task) -> SafeString:
    return status_badge(Status(task.status).label, TONES.get(task.status, "unknown"))


def priority(task: Task) -> SafeString:
    return RANKS[task.priority]


def due(task: Task, now: datetime) -> SafeString | str:
    """When it is due: `in 3 days`, `overdue 5 h`, or nothing."""
    if task.due_at is None:
        return ""
    if task.is_closed or task.due_at > now:
        return words.time_tag(task.due_at, words.ago(task.due_at, now))
    late = words.time_tag(task.due_at, f"overdue {words.duration(now - task.due_at)}")
    return format_html('<span class="mc-late">{}</span>', late)


def happened(event: TaskEvent, subject: SafeString | str) -> SafeString:
    """`john claimed #104198 Migrate …`"""
    _, _, phrase = _kind(event.kind)
    before, _, after = phrase.partition("{}")
    who = event.actor or "somebody"
    behalf = (
        format_html(' <span class="mc-quiet">for {}</span>', event.on_behalf_of) if event.on_behalf_of else ""
    )
    return format_html('<span class="mc-strong">{}</span>{} {}{}{}', who, behalf, before, subject, after)


def timeline(
    events: Sequence[TaskEvent], comments: Sequence[Comment], said: Callable[[str], SafeString]
) -> list[Entry]:
    """Events and comments merged, newest first; a comment's own event is the comment, shown as `said` does."""
    told = {event.data.get("comment_id") for event in events if event.kind == "commented"}
    bodies = {comment.pk: said(comment.body) for comment in comments}
    entries = [_entry(event, bodies) for event in events]
    entries += [_said(comment, bodies[comment.pk]) for comment in comments if comment.pk not in told]
    return sorted(entries, key=lambda entry: entry.at)[::-1]


def standing(task: Task, *, live: bool, waits_for: Sequence[int], now: datetime) -> SafeString:
    """How the task stands, in two sentences: the answer to "what is it now?"."""
    return format_html("{} {}", _held(task, live, now), _waits(task, waits_for))


def _held(task: Task, live: bool, now: datetime) -> SafeString | str:
    """Beside the badge that names the status."""
    if task.is_closed:
        return f"{words.ago(task.completed_at, now)}." if task.completed_at else ""
    if task.lease_until is None:
        return "Waits for acceptance; nobody holds it." if task.status == Status.READY else "Nobody holds it."
    holder = format_html('<span class="mc-strong">{}</span>', f"{task.lease_actor}:{task.lease_session}")
    length = words.duration(task.lease_until - now)
    if live:
        return format_html("Held by {} for another {}.", holder, length)
    return format_html("The lease of {} ran out {} ago and is about to be swept.", holder, length)


def _waits(task: Task, waits_for: Sequence[int]) -> SafeString | str:
    if task.is_closed:
        return ""
    if not waits_for:
        return "Waits for nothing."
    return format_html("Waits for {}.", links(waits_for))


def _kind(kind: str) -> tuple[str, str, str]:
    return KINDS.get(kind, ("history", "unknown", f"{kind.replace('_', ' ')} {{}}"))


def _entry(event: TaskEvent, bodies: dict[int, SafeString]) -> Entry:
    symbol, tone, _ = _kind(event.kind)
    return Entry(
        at=event.at,
        symbol=symbol,
        tone=tone,
        sentence=happened(event, "it"),
        details=_details(event),
        why=event.why,
        body=bodies.get(event.data.get("comment_id", 0), ""),
        request_id=event.request_id,
    )


def _said(comment: Comment, body: SafeString) -> Entry:
    sentence = format_html('<span class="mc-strong">{}</span> commented', comment.author or "somebody")
    return Entry(comment.created_at, "chat_bubble", "unknown", sentence, body=body)


def _details(event: TaskEvent) -> list[str | SafeString]:
    """What the event's data says, a short phrase each."""
    data = event.data
    found: list[str | SafeString] = []
    for name, change in (data.get("changes") or {}).items():
        found.append(_change(FIELDS.get(name, name), change))
    for name in ("status", "owner"):
        if isinstance(data.get(name), list):
            found.append(_change(name, data[name]))
    if data.get("holder"):
        found.append(f"lease of {data['holder']}")
    if until := _moment(data.get("until")):
        found.append(format_html("until {}", words.time_tag(until, words.day_and_time(until, event.at))))
    if data.get("lease_ended"):
        found.append(f"lease of {data['lease_ended']} ended")
    if data.get("taken_over"):
        found.append("taken over by a person")
    if data.get("override"):
        found.append("by override")
    if data.get("unenforced"):
        found.append("leases were not enforced")
    if data.get("amount_usd"):
        found.append(f"${data['amount_usd']} for {data['cost_kind']}, ${data['total_usd']} in all")
    for name in ("note", "name"):
        if data.get(name):
            found.append(str(data[name]))
    for name in ("action", "detail"):
        if isinstance(data.get(name), str) and data[name]:
            found.append(data[name])
    return found


def _change(name: str, change: Any) -> SafeString | str:
    if not isinstance(change, list) or len(change) != 2:
        return name
    before, after = (_short(value) for value in change)
    if name == "description":
        return "description"
    return format_html(
        '{}: <span class="mc-was">{}</span> → {}', name, before or "nothing", after or "nothing"
    )


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if moment := _moment(value):
        return words.day_and_time(moment)
    text = "" if value is None else str(value)
    known = {str(status.value): str(status.label) for status in Status}
    return known.get(text, f"{text[:120]}…" if len(text) > 120 else text)


def _moment(value: Any) -> datetime | None:
    """A time inside JSON, else None."""
    if not isinstance(value, str) or len(value) < 19:
        return None
    try:
        moment = dateparse.parse_datetime(value)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
