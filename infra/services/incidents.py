"""From confirmed changes to incidents, and from incidents to people who hear of them, each step once.

An edge is dealt with in one transaction: incident, timeline and edge together. A step is told in one transaction too:
the notification's own key (incident, step, recipient) makes a second try harmless.
"""

import os
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.errors import Conflict, NotFound
from alai.kernel.notifications import DEFAULT_CHANNEL, enqueue
from alai.kernel.pagination import MAX_BIGINT
from alai.kernel.principals import Principal
from alai.kernel.slack import escape
from infra.models import Channel, Check, Edge, Incident, IncidentEntry, MaintenanceWindow
from infra.probes import Verdict
from missioncontrol.models import Priority
from missioncontrol.services import create_task
from missioncontrol.services.common import acting_as

SYSTEM = Principal(actor="system", scopes=frozenset({"admin"}))
TROUBLE = (Verdict.DOWN, Verdict.BLOCKED, Verdict.DEGRADED)
QUIET = timedelta(
    minutes=15
)  # trouble that comes back within it is the same incident, and is told no second time
SHORTEST = timedelta(minutes=2)  # no push for less, whatever a rule says
STALLED = timedelta(minutes=5)
BATCH = 200
ROOTS = ("heartbeat", "tcp")  # kinds that explain what else fails on their host, the deepest cause first
Kind = IncidentEntry.Kind


def deal_with_edges(*, now: datetime | None = None) -> int:
    """Open, change and resolve incidents from the edges that wait, oldest first; answers how many edges that were."""
    moment = now or timezone.now()
    dealt = 0
    for pk in Edge.objects.filter(dealt_with=False).order_by("id").values_list("pk", flat=True)[:BATCH]:
        dealt += _deal_with(pk, moment)
    return dealt


def escalate(*, now: datetime | None = None) -> int:
    """Tell every step that is due; answers how many were told."""
    moment = now or timezone.now()
    told = 0
    due = Incident.objects.filter(next_step_at__lte=moment).order_by("next_step_at", "id")
    for pk in due.values_list("pk", flat=True)[:BATCH]:
        told += _tell_step(pk, moment)
    return told


def revive_stalled(*, now: datetime | None = None) -> int:
    """The auditor: an open incident with steps left but no time for the next one gets it back."""
    moment = now or timezone.now()
    revived = 0
    with acting_as(SYSTEM), audit.writing(why="its escalation had stalled"):
        lost = Incident.objects.select_for_update(skip_locked=True).filter(
            state=Incident.State.OPEN, next_step_at=None, part_of=None, opened_at__lt=moment - STALLED
        )
        for incident in lost:
            if incident.step < len(incident.steps):
                incident.next_step_at = moment
                incident.save(update_fields=["next_step_at"])
                revived += 1
    return revived


def acknowledge(*, by: Principal, incident_id: int, note: str = "") -> Incident:
    """Somebody has it: nothing climbs further. Again by anybody: nothing more happens."""
    with acting_as(by, why=note), audit.writing():
        incident = _locked(incident_id)
        if incident.state == Incident.State.RESOLVED:
            raise Conflict(f"Incident {incident_id} is resolved.", code="incident_resolved")
        if incident.state == Incident.State.ACKNOWLEDGED:
            return incident
        incident.state = Incident.State.ACKNOWLEDGED
        incident.acknowledged_at, incident.acknowledged_by = timezone.now(), by.actor
        incident.next_step_at = None
        incident.save()
        _enter(incident, Kind.ACKNOWLEDGED, by.actor, note)
    return incident


def resolve(*, by: Principal, incident_id: int, note: str = "") -> Incident:
    """It is over, by a person's word. While its check is still in trouble, the next confirmed failure opens another."""
    with acting_as(by, why=note), audit.writing():
        incident = _locked(incident_id)
        if incident.state != Incident.State.RESOLVED:
            _close(incident, by.actor, note, timezone.now())
    return incident


def assign(*, by: Principal, incident_id: int, to: str) -> Incident:
    with acting_as(by), audit.writing():
        incident = _locked(incident_id)
        incident.assigned_to = to
        incident.save(update_fields=["assigned_to"])
        _enter(incident, Kind.ASSIGNED, by.actor, to or "nobody")
    return incident


def note(*, by: Principal, incident_id: int, text: str) -> Incident:
    with acting_as(by), audit.writing():
        incident = _locked(incident_id)
        _enter(incident, Kind.NOTE, by.actor, text)
    return incident


# --- Edges ------------------------------------------------------------------------------------------


def _deal_with(edge_id: int, now: datetime) -> bool:
    with acting_as(SYSTEM), audit.writing(why=f"edge {edge_id}"):
        edge = Edge.objects.select_for_update(of=("self",), skip_locked=True).filter(
            pk=edge_id, dealt_with=False
        )
        found = edge.select_related("check_record__rule__policy", "check_record__rule__severity").first()
        if found is None:
            return False
        after = Verdict(found.after)
        if after in TROUBLE:
            _trouble(found, now)
        elif after == Verdict.UP:
            _recovery(found, now)
        Edge.objects.filter(pk=found.pk).update(dealt_with=True)
    return True


def _trouble(edge: Edge, now: datetime) -> None:
    check = edge.check_record
    current = (
        Incident.objects.select_for_update().filter(check_record=check).exclude(state=Incident.State.RESOLVED)
    )
    incident = current.first()
    if incident is not None:
        incident.detail = edge.detail
        incident.save(update_fields=["detail"])
        _enter(incident, Kind.WORSENED, "", f"{edge.before} to {edge.after}: {edge.detail}")
        return
    recent = _recent(check, edge.at)
    if recent is not None:
        _reopen(recent, edge)
        return
    _open(edge, now)


def _open(edge: Edge, now: datetime) -> Incident:
    check = edge.check_record
    rule = check.rule
    steps = list(rule.policy.steps) if rule and rule.policy and not _in_maintenance(check, now) else []
    delay = max(SHORTEST, timedelta(seconds=rule.duration_seconds or 0)) if rule else SHORTEST
    cause = _explained_by(check)
    incident = Incident(
        check_record=check,
        title=f"{check.slug} is {edge.after}"[:200],
        detail=edge.detail,
        severity=rule.severity.slug if rule else "",
        opened_at=edge.at,
        steps=steps,
        told_from=max(edge.at + delay, now),  # what was found late is not told on all levels at once
        part_of=cause,
    )
    incident.next_step_at = None if cause else _due(incident)
    incident.save()
    _enter(incident, Kind.OPENED, "", edge.detail)
    if cause:
        _enter(cause, Kind.JOINED, "", incident.title)
    elif rule and rule.severity.opens_task:
        _open_task(incident)
    if not cause and check.kind == ROOTS[0] and check.host_id:
        _take_in(incident, check)
    return incident


def _take_in(incident: Incident, check: Check) -> None:
    """A host turns out to be silent: what nobody was told of yet, and runs on it, is part of that."""
    here = Q(check_record__host=check.host_id) | Q(check_record__service__host=check.host_id)
    untold = Incident.objects.select_for_update(of=("self",)).filter(here, part_of=None, step=0)
    for part in untold.exclude(state=Incident.State.RESOLVED).exclude(pk=incident.pk):
        part.part_of, part.next_step_at = incident, None
        part.save(update_fields=["part_of", "next_step_at"])
        part.parts.exclude(state=Incident.State.RESOLVED).update(part_of=incident)
        _enter(incident, Kind.JOINED, "", part.title)


def _recovery(edge: Edge, now: datetime) -> None:
    open_ones = Incident.objects.select_for_update().filter(check_record=edge.check_record)
    incident = open_ones.exclude(state=Incident.State.RESOLVED).first()
    if incident is not None:
        _enter(incident, Kind.RECOVERED, "", edge.detail)
        _close(incident, "system", "", edge.at)


def _close(incident: Incident, by: str, text: str, at: datetime) -> None:
    incident.state = Incident.State.RESOLVED
    incident.resolved_at, incident.resolved_by, incident.next_step_at = at, by, None
    incident.save()
    _enter(incident, Kind.RESOLVED, by, text)
    if incident.step:  # whoever heard of the trouble hears that it is over
        length = _lasting(incident)
        for step in incident.steps[: incident.step]:
            _push(
                incident,
                f"resolved {incident.reopened}",
                step["channel"],
                f"[RESOLVED] {escape(incident.title)} after {length}",
            )
    for part in incident.parts.exclude(state=Incident.State.RESOLVED):
        part.part_of = None  # it stands for itself now, and climbs by itself if it stays
        part.told_from = max(part.told_from, at + SHORTEST)
        part.next_step_at = _due(part)
        part.save(update_fields=["part_of", "told_from", "next_step_at"])


def _reopen(incident: Incident, edge: Edge) -> None:
    incident.state = Incident.State.ACKNOWLEDGED if incident.acknowledged_at else Incident.State.OPEN
    incident.resolved_at, incident.resolved_by = None, ""
    incident.reopened += 1
    incident.detail = edge.detail
    incident.next_step_at = None if incident.acknowledged_at else _due(incident)
    incident.save()
    _enter(incident, Kind.REOPENED, "", edge.detail)


def _recent(check: Check, at: datetime) -> Incident | None:
    """Flap damping: trouble that was over a moment ago goes on; only what the checks resolved, not a person."""
    over = Incident.objects.select_for_update().filter(
        check_record=check, state=Incident.State.RESOLVED, resolved_by="system", resolved_at__gt=at - QUIET
    )
    return over.order_by("-id").first()


def _explained_by(check: Check) -> Incident | None:
    """An open incident of what this check depends on, or of its host: thirteen sites of a dead host are one message."""
    causes = Q(check_record__in=check.depends_on.all())
    host = check.host_id or (check.service.host_id if check.service else None)
    deeper = ROOTS[: ROOTS.index(check.kind)] if check.kind in ROOTS else ROOTS
    if host is not None and deeper:
        causes |= Q(check_record__host=host, check_record__kind__in=deeper)
    found = Incident.objects.filter(causes, part_of=None).exclude(state=Incident.State.RESOLVED)
    return found.exclude(check_record=check).order_by("id").first()


def _in_maintenance(check: Check, now: datetime) -> bool:
    windows: QuerySet[MaintenanceWindow] = MaintenanceWindow.objects.filter(
        starts_at__lte=now, ends_at__gt=now
    )
    return windows.filter(Q(sites=check.site_id) | Q(hosts=check.host_id)).exists()


# --- Steps ------------------------------------------------------------------------------------------


def _tell_step(incident_id: int, now: datetime) -> bool:
    with acting_as(SYSTEM), audit.writing(why=f"incident {incident_id}"):
        waiting = Incident.objects.select_for_update(skip_locked=True).filter(
            pk=incident_id, next_step_at__lte=now
        )
        incident = waiting.first()
        if incident is None or incident.state != Incident.State.OPEN or incident.step >= len(incident.steps):
            Incident.objects.filter(pk=incident_id, next_step_at__lte=now).exclude(state="open").update(
                next_step_at=None
            )
            return False
        step = incident.steps[incident.step]
        _push(incident, f"step {incident.step}", step["channel"], _text(incident, step, now))
        _enter(incident, Kind.TOLD, "", f"{step['level']}: {step['channel']}")
        incident.step += 1
        incident.next_step_at = _due(incident)
        incident.save(update_fields=["step", "next_step_at"])
    return True


def _due(incident: Incident) -> datetime | None:
    """When the next step is to be told; None when there is none left."""
    if incident.step >= len(incident.steps):
        return None
    return incident.told_from + timedelta(seconds=incident.steps[incident.step]["after_seconds"])


def _push(incident: Incident, step: str, channel: str, text: str) -> None:
    enqueue(
        event=f"incident:{incident.pk}", step=f"{step} {channel}", recipient=_recipient(channel), text=text
    )


def _recipient(slug: str) -> str:
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


def _text(incident: Incident, step: dict[str, Any], now: datetime) -> str:
    lasting = round((now - incident.opened_at).total_seconds() / 60)
    action = f"\n{escape(step['action'])}" if step.get("action") else ""
    parts = incident.parts.exclude(state=Incident.State.RESOLVED).count()
    also = f" {parts} more depend on it." if parts else ""
    return (
        f"[{step['level']} {incident.severity.upper()}] {escape(incident.title)} for {lasting} min: "
        f"{escape(incident.detail)}{also}{action}"
    )


def _open_task(incident: Incident) -> None:
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


def _lasting(incident: Incident) -> str:
    assert incident.resolved_at is not None
    return f"{max(1, round((incident.resolved_at - incident.opened_at).total_seconds() / 60))} min"


def _locked(incident_id: int) -> Incident:
    found = (
        Incident.objects.select_for_update(of=("self",)).filter(pk=incident_id).first()
        if 0 < incident_id <= MAX_BIGINT
        else None
    )
    if found is None:
        raise NotFound(f"There is no incident {incident_id}.", code="incident_not_found")
    return found


def _enter(incident: Incident, kind: IncidentEntry.Kind, by: str, text: str) -> None:
    IncidentEntry.objects.create(incident=incident, kind=kind, by=by, text=text)
