"""What people do about an incident beside having it: roles, words for the public, silence, the review afterwards."""

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.errors import Conflict, Invalid
from alai.kernel.principals import Principal
from alai.kernel.slack import escape
from infra.models import Incident, Postmortem
from infra.services.climbing import SYSTEM, Kind, enter, locked, push, put_off_update
from infra.services.fatigue import held_until
from missioncontrol.services.common import acting_as

ROLES = {
    "commander": "incident commander",
    "technical": "technical lead",
    "communications": "communications lead",
    "scribe": "scribe",
}
PARTS = (
    "summary", "impact", "root_cause", "detection", "response", "went_well", "went_wrong", "actions",
)  # fmt: skip
NEEDED = ("summary", "impact", "root_cause", "actions")  # of a postmortem that is finished
LONGEST_SILENCE = timedelta(days=1)
LONGEST_TEXT = 20_000
REMIND = "incidents"  # the channel of a declared incident, when nobody was told in another one
BATCH = 200


def give_role(*, by: Principal, incident_id: int, role: str, to: str) -> Incident:
    """Somebody commands, leads, speaks or writes; empty `to`: nobody does any more. Handbook: "War Room Setup"."""
    if role not in ROLES:
        raise Invalid(f"There is no role {role[:40]}: {', '.join(ROLES)}.")
    with acting_as(by), audit.writing():
        incident = locked(by, incident_id)
        setattr(incident, role, to.strip()[:200])
        incident.save(update_fields=[role])
        enter(incident, Kind.ROLE, by.actor, f"{to.strip() or 'nobody'} is {ROLES[role]}")
    return incident


def publish(*, by: Principal, incident_id: int, text: str) -> Incident:
    """Tell the public how it stands, on the status page; whoever writes it decides what strangers may know."""
    if not text.strip():
        raise Invalid("Write what the public shall read.")
    with acting_as(by), audit.writing():
        incident = locked(by, incident_id)
        enter(incident, Kind.PUBLISHED, by.actor, text.strip()[:2000])
        put_off_update(incident, timezone.now())
    return incident


def silence(*, by: Principal, incident_id: int, minutes: float, reason: str) -> Incident:
    """Nobody is told anything for so long (a day at most); what is due by then is told afterwards. 0 ends it."""
    if not reason.strip():
        raise Invalid("Say why nobody shall be told.")
    if not 0 <= minutes <= LONGEST_SILENCE.total_seconds() / 60:
        raise Invalid("A silence lasts at most 1440 minutes.")
    with acting_as(by, why=reason), audit.writing():
        incident = locked(by, incident_id)
        if incident.state == Incident.State.RESOLVED:
            raise Conflict(f"Incident {incident_id} is resolved.", code="incident_resolved")
        until = timezone.now() + timedelta(minutes=minutes) if minutes else None
        incident.silenced_until = until
        incident.save(update_fields=["silenced_until"])
        enter(
            incident, Kind.SILENCED, by.actor, f"{minutes:g} min: {reason}" if minutes else f"ended: {reason}"
        )
    return incident


def write_postmortem(
    *, by: Principal, incident_id: int, texts: dict[str, str], finish: bool = False
) -> Postmortem:
    """Keep what is written so far. `finish` needs summary, impact, root cause and actions, and a resolved incident."""
    unknown = sorted(set(texts) - set(PARTS))
    if unknown:
        raise Invalid(f"A postmortem has no {unknown[0]}: {', '.join(PARTS)}.")
    with acting_as(by), audit.writing():
        incident = locked(by, incident_id)
        found, _ = Postmortem.objects.select_for_update().get_or_create(incident=incident)
        for part, text in texts.items():
            setattr(found, part, text.strip()[:LONGEST_TEXT])
        found.written_by, found.updated_at = by.actor, timezone.now()
        if finish:
            _finish(incident, found)
            enter(incident, Kind.REVIEWED, by.actor, "")
        found.save()
    return found


def remind(*, now: datetime | None = None) -> int:
    """Ask for the word that is owed about each incident of a severity that wants one; answers how many. Each once."""
    moment = now or timezone.now()
    owed = _owing(moment).order_by("next_update_at", "id").values_list("pk", flat=True)[:BATCH]
    return sum(_remind(pk, moment) for pk in owed)


def _owing(now: datetime) -> QuerySet[Incident]:
    rows = Incident.objects.filter(next_update_at__lte=now).exclude(state=Incident.State.RESOLVED)
    return rows.exclude(silenced_until__gt=now)


def _remind(incident_id: int, now: datetime) -> bool:
    with acting_as(SYSTEM), audit.writing(why=f"incident {incident_id}"):
        incident = _owing(now).select_for_update(skip_locked=True).filter(pk=incident_id).first()
        if incident is None or incident.next_update_at is None:
            return False
        held = held_until(incident.severity, now)
        if held is not None:
            incident.next_update_at = held
            incident.save(update_fields=["next_update_at"])
            return False
        channel: str = incident.steps[0]["channel"] if incident.steps else REMIND
        who = (
            incident.communications or incident.commander or incident.acknowledged_by or incident.assigned_to
        )
        addressed = f"{escape(who)}: " if who else ""
        minutes = incident.update_every // 60
        push(
            incident,
            f"update {incident.next_update_at.isoformat()}",
            channel,
            f"[UPDATE OWED] {addressed}{escape(incident.title)}: nobody has said how it stands for {minutes} min.",
        )
        enter(incident, Kind.REMINDED, "", channel)
        put_off_update(incident, now)
    return True


def _finish(incident: Incident, found: Postmortem) -> None:
    if incident.state != Incident.State.RESOLVED:
        raise Conflict(f"Incident {incident.pk} is not resolved yet.", code="incident_not_resolved")
    missing = [part.replace("_", " ") for part in NEEDED if not getattr(found, part)]
    if missing:
        raise Invalid(f"Still to be written: {', '.join(missing)}.")
    found.finished_at = timezone.now()
