"""The review of an incident: what is known by itself beside what people write. Handbook: "Alert Fatigue Prevention"."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from alai.kernel import words
from infra.models import AlertPolicy, Incident, Postmortem
from infra.outages import checks_of, down_seconds
from infra.probes.beats import span
from infra.services.responding import PARTS, ROLES

KEEPS_OWING = dt.timedelta(days=90)  # what is older was reviewed elsewhere or never will be
ASKED = {
    "summary": "What happened, in two sentences.",
    "impact": "Whom it hit, and how.",
    "root_cause": "Why it happened; ask why until the answer is one that can be changed.",
    "detection": "How it was noticed, and whether soon enough.",
    "response": "What was done, and what helped.",
    "went_well": "What worked.",
    "went_wrong": "What did not.",
    "actions": "One a line: what, who, until when.",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A section to be written."""

    name: str
    title: str
    asked: str
    text: str


def owed() -> QuerySet[Incident]:
    """Resolved incidents of the severities that are reviewed, without a finished review."""
    reviewed = AlertPolicy.objects.exclude(postmortem_for=None).values_list("postmortem_for__slug", flat=True)
    rows = Incident.objects.filter(
        state=Incident.State.RESOLVED, severity__in=list(reviewed), part_of=None,
        resolved_at__gt=timezone.now() - KEEPS_OWING,
    )  # fmt: skip
    return rows.filter(postmortem__finished_at=None)


def is_owed(incident: Incident) -> bool:
    return owed().filter(pk=incident.pk).exists()


def roles_of(incident: Incident) -> list[tuple[str, str, str]]:
    """Role, its title, who has it."""
    return [(role, title.capitalize(), getattr(incident, role)) for role, title in ROLES.items()]


def context(incident: Incident, typed: dict[str, str] | None) -> dict[str, Any]:
    """Everything that `infra/postmortem.html` shows; `typed` is what was refused and must not be lost."""
    found: Postmortem | None = getattr(incident, "postmortem", None)
    parts = [
        Part(
            name,
            name.replace("_", " ").capitalize(),
            ASKED[name],
            typed[name] if typed is not None else str(getattr(found, name, "")),
        )
        for name in PARTS
    ]
    return {
        "incident": incident,
        "postmortem": found,
        "parts": parts,
        "entries": list(incident.entries.order_by("id")[:500]),
        "roles": [(title, who) for _, title, who in roles_of(incident) if who],
        "facts": facts(incident),
    }


def facts(incident: Incident) -> list[tuple[str, str]]:
    """What nobody has to write: how long it was away, how soon it was noticed, told, taken."""
    end = incident.resolved_at or timezone.now()
    known = [
        ("Severity", incident.severity or "none"),
        ("Lasted", words.duration(end - incident.opened_at)),
        ("Down time", span(down_seconds(checks_of(incident), incident.opened_at, end))),
    ]
    told = incident.entries.filter(kind="told").order_by("id").first()
    if told is not None:
        known.append(("First told after", words.duration(told.at - incident.opened_at)))
    if incident.acknowledged_at is not None:
        known.append(("Somebody had it after", words.duration(incident.acknowledged_at - incident.opened_at)))
    if incident.reopened:
        known.append(("Came back", words.plural(incident.reopened, "time")))
    parts = incident.parts.count()
    if parts:
        known.append(("Explained", words.plural(parts, "other incident")))
    return known
