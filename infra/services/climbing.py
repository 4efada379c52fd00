"""What every incident has: a timeline, steps that are told one after the other, an end that is told too."""

import os
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from alai.kernel.errors import NotFound
from alai.kernel.notifications import DEFAULT_CHANNEL, enqueue
from alai.kernel.pagination import MAX_BIGINT
from alai.kernel.principals import Principal
from alai.kernel.slack import escape
from infra.models import Channel, Incident, IncidentEntry, Severity
from infra.services.fatigue import held_until, shortest
from infra.services.limits import require_incident
from missioncontrol.models import Priority
from missioncontrol.services import create_task

SYSTEM = Principal(actor="system", scopes=frozenset({"admin"}))
Kind = IncidentEntry.Kind


def begin(incident: Incident, *, severity: Severity | None, by: str = "") -> None:
    """Save a new incident and start its clocks: the first step, and the first update that people owe.

    `by` is who declared it, empty for what the watch itself saw.
    """
    incident.severity = severity.slug if severity else ""
    incident.next_step_at = None if incident.part_of else due(incident)
    if severity and severity.update_minutes and not incident.part_of:
        incident.update_every = severity.update_minutes * 60
        incident.next_update_at = incident.told_from + timedelta(seconds=incident.update_every)
    incident.save()
    enter(incident, Kind.OPENED, by, incident.detail)
    if incident.part_of:
        enter(incident.part_of, Kind.JOINED, "", incident.title)
    elif severity and severity.opens_task:
        open_task(incident)


def close(incident: Incident, by: str, text: str, at: datetime) -> None:
    """It is over: whoever heard of it, or would have without the hours in which alerts wait, hears that; what it
    explained stands for itself again."""
    waiting = incident.next_step_at
    incident.state = Incident.State.RESOLVED
    incident.resolved_at, incident.resolved_by = at, by
    incident.next_step_at = incident.next_update_at = None
    incident.save()
    enter(incident, Kind.RESOLVED, by, text)
    for step in incident.steps[: incident.step]:
        push(
            incident,
            f"resolved {incident.reopened}",
            step["channel"],
            f"[RESOLVED] {escape(incident.title)} after {lasting(incident)}",
            not_before=held_until(incident.severity, at),
        )
    if incident.step == 0 and waiting is not None and incident.entries.filter(kind=Kind.HELD).exists():
        push(
            incident,
            "over",
            incident.steps[0]["channel"],
            f"[{incident.severity.upper()} OVER] {escape(incident.title)} for {lasting(incident)}, "
            f"from {timezone.localtime(incident.opened_at):%H:%M}",
            not_before=waiting,
        )
    for part in incident.parts.exclude(state=Incident.State.RESOLVED):
        part.part_of = None  # it stands for itself now, and climbs by itself if it stays
        part.told_from = max(part.told_from, at + shortest())
        part.next_step_at = due(part)
        part.save(update_fields=["part_of", "told_from", "next_step_at"])
        put_off_update(part, at)


def reopen(incident: Incident, detail: str, at: datetime) -> None:
    """The same trouble came back within the quiet time: what was told is told no second time."""
    incident.state = Incident.State.ACKNOWLEDGED if incident.acknowledged_at else Incident.State.OPEN
    incident.resolved_at, incident.resolved_by = None, ""
    incident.reopened += 1
    incident.detail = detail[:300]
    incident.next_step_at = None if incident.acknowledged_at or incident.part_of else due(incident)
    incident.save()
    enter(incident, Kind.REOPENED, "", detail)
    put_off_update(incident, at)


def put_off_step(incident: Incident, until: datetime) -> None:
    """Alerts like this one wait now: the next step is told then, and those after it at their distance from that."""
    assert incident.next_step_at is not None
    incident.told_from += until - incident.next_step_at
    incident.next_step_at = until
    incident.save(update_fields=["told_from", "next_step_at"])
    enter(incident, Kind.HELD, "", f"until {timezone.localtime(until):%H:%M}: what is not critical waits")


def put_off_update(incident: Incident, at: datetime) -> None:
    """Somebody said how it stands: the next word is owed an interval later."""
    if incident.update_every and incident.state != Incident.State.RESOLVED:
        incident.next_update_at = at + timedelta(seconds=incident.update_every)
        incident.save(update_fields=["next_update_at"])


def due(incident: Incident) -> datetime | None:
    """When the next step is to be told; None when there is none left."""
    if incident.step >= len(incident.steps):
        return None
    return incident.told_from + timedelta(seconds=incident.steps[incident.step]["after_seconds"])


def push(
    incident: Incident, step: str, channel: str, text: str, *, not_before: datetime | None = None
) -> None:
    enqueue(
        event=f"incident:{incident.pk}",
        step=f"{step} {channel}",
        recipient=recipient(channel),
        text=text,
        not_before=not_before,
    )


def recipient(slug: str) -> str:
    """Where a channel's messages go; one whose address the environment does not have falls back to the default."""
    channel = Channel.objects.filter(slug=slug).first()
    if channel is None:
        return DEFAULT_CHANNEL
    address = channel.address
    if address.startswith("env:"):
        address = os.environ.get(address[4:], "")
    if not address:
        return DEFAULT_CHANNEL
    return f"user:{address}" if channel.kind == Channel.Kind.DIRECT else address


def text_of(incident: Incident, step: dict[str, Any], now: datetime) -> str:
    """What a step's message says."""
    minutes = round((now - incident.opened_at).total_seconds() / 60)
    action = f"\n{escape(step['action'])}" if step.get("action") else ""
    parts = incident.parts.exclude(state=Incident.State.RESOLVED).count()
    also = f" {parts} more depend on it." if parts else ""
    return (
        f"[{step['level']} {incident.severity.upper()}] {escape(incident.title)} for {minutes} min: "
        f"{escape(incident.detail)}{also}{action}"
    )


def open_task(incident: Incident) -> None:
    task, _ = create_task(
        by=SYSTEM,
        title=f"Incident #{incident.pk}: {incident.title}",
        description=incident.detail,
        priority=Priority.CRITICAL,
        source="incident",
        tags=["incident"],
        dedup_key=f"incident:{incident.pk}",
    )
    incident.task = task
    incident.save(update_fields=["task"])


def lasting(incident: Incident) -> str:
    assert incident.resolved_at is not None
    return f"{max(1, round((incident.resolved_at - incident.opened_at).total_seconds() / 60))} min"


def locked(by: Principal, incident_id: int) -> Incident:
    """The incident, ours until the transaction ends; 404 when there is none, 403 beyond the caller's hosts."""
    found = (
        Incident.objects.select_for_update(of=("self",)).filter(pk=incident_id).first()
        if 0 < incident_id <= MAX_BIGINT
        else None
    )
    if found is None:
        raise NotFound(f"There is no incident {incident_id}.", code="incident_not_found")
    require_incident(by, found)
    return found


def enter(incident: Incident, kind: IncidentEntry.Kind, by: str, text: str) -> None:
    IncidentEntry.objects.create(incident=incident, kind=kind, by=by, text=text)
