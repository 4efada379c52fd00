"""From confirmed changes to incidents, and from incidents to people who hear of them, each step once.

An edge is dealt with in one transaction: incident, timeline and edge together. A step is told in one transaction too:
the notification's own key (incident, step, recipient) makes a second try harmless.
"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.errors import Conflict
from alai.kernel.principals import Principal
from infra.models import Check, Edge, Incident, MaintenanceWindow
from infra.probes import Verdict
from infra.services.climbing import (
    SYSTEM,
    Kind,
    begin,
    close,
    due,
    enter,
    locked,
    push,
    put_off_step,
    put_off_update,
    reopen,
    text_of,
)
from infra.services.fatigue import dedup_window, held_until, shortest
from missioncontrol.services.common import acting_as

TROUBLE = (Verdict.DOWN, Verdict.BLOCKED, Verdict.DEGRADED)
STALLED = timedelta(minutes=5)
BATCH = 200
ROOTS = ("heartbeat", "tcp")  # kinds that explain what else fails on their host, the deepest cause first


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
    waiting = Incident.objects.filter(_speaks(moment), next_step_at__lte=moment)
    for pk in waiting.order_by("next_step_at", "id").values_list("pk", flat=True)[:BATCH]:
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
        incident = locked(by, incident_id)
        if incident.state == Incident.State.RESOLVED:
            raise Conflict(f"Incident {incident_id} is resolved.", code="incident_resolved")
        if incident.state == Incident.State.ACKNOWLEDGED:
            return incident
        incident.state = Incident.State.ACKNOWLEDGED
        incident.acknowledged_at, incident.acknowledged_by = timezone.now(), by.actor
        incident.next_step_at = None
        incident.save()
        enter(incident, Kind.ACKNOWLEDGED, by.actor, note)
        put_off_update(incident, timezone.now())
    return incident


def resolve(*, by: Principal, incident_id: int, note: str = "") -> Incident:
    """It is over, by a person's word. While its check is still in trouble, the next confirmed failure opens another."""
    with acting_as(by, why=note), audit.writing():
        incident = locked(by, incident_id)
        if incident.state != Incident.State.RESOLVED:
            close(incident, by.actor, note, timezone.now())
    return incident


def assign(*, by: Principal, incident_id: int, to: str) -> Incident:
    with acting_as(by), audit.writing():
        incident = locked(by, incident_id)
        incident.assigned_to = to
        incident.save(update_fields=["assigned_to"])
        enter(incident, Kind.ASSIGNED, by.actor, to or "nobody")
    return incident


def note(*, by: Principal, incident_id: int, text: str) -> Incident:
    with acting_as(by), audit.writing():
        incident = locked(by, incident_id)
        enter(incident, Kind.NOTE, by.actor, text)
        put_off_update(incident, timezone.now())
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
        enter(incident, Kind.WORSENED, "", f"{edge.before} to {edge.after}: {edge.detail}")
        return
    recent = _recent(check, edge.at)
    if recent is not None:
        recent.part_of = _explained_by(check)
        reopen(recent, edge.detail, edge.at)
        _take_in(recent, check)
        return
    _open(edge, now)


def _open(edge: Edge, now: datetime) -> Incident:
    check = edge.check_record
    rule = check.rule
    steps = list(rule.policy.steps) if rule and rule.policy and not _in_maintenance(check, now) else []
    delay = max(shortest(), timedelta(seconds=(rule.duration_seconds or 0) if rule else 0))
    incident = Incident(
        check_record=check,
        title=f"{check.slug} is {edge.after}"[:200],
        detail=edge.detail,
        opened_at=edge.at,
        steps=steps,
        told_from=max(edge.at + delay, now),  # what was found late is not told on all levels at once
        part_of=_explained_by(check),
    )
    begin(incident, severity=rule.severity if rule else None)
    _take_in(incident, check)
    return incident


def _take_in(incident: Incident, check: Check) -> None:
    """What this explains and nobody was told of yet is part of it, though it was found a moment before."""
    whole = incident.part_of or incident
    explained = Q(check_record__in=Check.objects.filter(depends_on=check))
    if check.kind in ROOTS and check.host_id:
        here = Q(check_record__host=check.host_id) | Q(check_record__service__host=check.host_id)
        explained |= here & ~Q(check_record__kind__in=ROOTS[: ROOTS.index(check.kind) + 1])
    untold = Incident.objects.select_for_update(of=("self",)).filter(explained, part_of=None, step=0)
    others = untold.exclude(state=Incident.State.RESOLVED).exclude(pk__in=(incident.pk, whole.pk))
    for part in others.order_by("id"):
        part.part_of, part.next_step_at, part.next_update_at = whole, None, None
        part.save(update_fields=["part_of", "next_step_at", "next_update_at"])
        part.parts.exclude(state=Incident.State.RESOLVED).update(part_of=whole)
        enter(whole, Kind.JOINED, "", part.title)


def _recovery(edge: Edge, now: datetime) -> None:
    open_ones = Incident.objects.select_for_update().filter(check_record=edge.check_record)
    incident = open_ones.exclude(state=Incident.State.RESOLVED).first()
    if incident is not None:
        enter(incident, Kind.RECOVERED, "", edge.detail)
        close(incident, "system", "", edge.at)


def _recent(check: Check, at: datetime) -> Incident | None:
    """Flap damping: trouble that was over a moment ago goes on; only what the checks resolved, not a person."""
    over = Incident.objects.select_for_update().filter(
        check_record=check,
        state=Incident.State.RESOLVED,
        resolved_by="system",
        resolved_at__gt=at - dedup_window(),
    )
    return over.order_by("-id").first()


def _explained_by(check: Check) -> Incident | None:
    """An open incident of what this check depends on, or of its host: thirteen sites of a dead host are one message."""
    causes = Q(check_record__in=check.depends_on.all())
    host = check.on_host
    deeper = ROOTS[: ROOTS.index(check.kind)] if check.kind in ROOTS else ROOTS
    if host is not None and deeper:
        causes |= Q(check_record__host=host, check_record__kind__in=deeper)
    unresolved = Incident.objects.filter(causes).exclude(state=Incident.State.RESOLVED)
    cause = unresolved.exclude(check_record=check).select_related("part_of").order_by("id").first()
    return cause and (cause.part_of or cause)


def _in_maintenance(check: Check, now: datetime) -> bool:
    windows: QuerySet[MaintenanceWindow] = MaintenanceWindow.objects.filter(
        starts_at__lte=now, ends_at__gt=now
    )
    named = Q(pk__in=[])
    if check.site_id is not None:
        named |= Q(sites=check.site_id)
    if check.host_id is not None:
        named |= Q(hosts=check.host_id)
    return windows.filter(named).exists()


# --- Steps ------------------------------------------------------------------------------------------


def _tell_step(incident_id: int, now: datetime) -> bool:
    with acting_as(SYSTEM), audit.writing(why=f"incident {incident_id}"):
        waiting = Incident.objects.select_for_update(skip_locked=True).filter(
            _speaks(now), pk=incident_id, next_step_at__lte=now
        )
        incident = waiting.first()
        if incident is None or incident.state != Incident.State.OPEN or incident.step >= len(incident.steps):
            Incident.objects.filter(pk=incident_id, next_step_at__lte=now).exclude(state="open").update(
                next_step_at=None
            )
            return False
        held = held_until(incident.severity, now)
        if held is not None:
            put_off_step(incident, held)
            return False
        step = incident.steps[incident.step]
        push(incident, f"step {incident.step}", step["channel"], text_of(incident, step, now))
        enter(incident, Kind.TOLD, "", f"{step['level']}: {step['channel']}")
        incident.step += 1
        incident.next_step_at = due(incident)
        incident.save(update_fields=["step", "next_step_at"])
    return True


def _speaks(now: datetime) -> Q:
    """Incidents that nobody silenced for the time being."""
    return Q(silenced_until=None) | Q(silenced_until__lte=now)
