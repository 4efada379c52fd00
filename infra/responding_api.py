"""What agents and people do about an incident, over HTTP."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from alai.kernel.api import PROBLEMS, Scope, caller
from alai.kernel.shapes import Body, Line
from infra import services
from infra.schemas import IncidentOut

router = Router(tags=["infra"])
WRITE = Scope("infra:write")


class TextIn(Body):
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class RoleIn(Body):
    role: Literal["commander", "technical", "communications", "scribe"]
    to: Annotated[str, Field(max_length=200)] = Field(description="Empty: nobody any more.")


class SilenceIn(Body):
    minutes: Annotated[float, Field(ge=0, le=1440)] = Field(description="0 ends it.")
    reason: Line


@router.post(
    "/infra/incidents/{int:incident_id}/notes",
    auth=WRITE,
    response={200: IncidentOut, **PROBLEMS},
    operation_id="note_incident",
)
def note(request: HttpRequest, incident_id: int, body: TextIn) -> IncidentOut:
    """Add a line to its timeline; the next word about it is owed an interval later."""
    return IncidentOut.of(services.note(by=caller(request), incident_id=incident_id, text=body.text))


@router.post(
    "/infra/incidents/{int:incident_id}/publish",
    auth=WRITE,
    response={200: IncidentOut, **PROBLEMS},
    operation_id="publish_incident",
)
def publish(request: HttpRequest, incident_id: int, body: TextIn) -> IncidentOut:
    """Tell the public how it stands; strangers read it on the status page as it is."""
    return IncidentOut.of(services.publish(by=caller(request), incident_id=incident_id, text=body.text))


@router.post(
    "/infra/incidents/{int:incident_id}/role",
    auth=WRITE,
    response={200: IncidentOut, **PROBLEMS},
    operation_id="give_incident_role",
)
def role(request: HttpRequest, incident_id: int, body: RoleIn) -> IncidentOut:
    """Say who commands, leads the repair, speaks, or writes it down."""
    return IncidentOut.of(
        services.give_role(by=caller(request), incident_id=incident_id, role=body.role, to=body.to)
    )


@router.post(
    "/infra/incidents/{int:incident_id}/silence",
    auth=WRITE,
    response={200: IncidentOut, **PROBLEMS},
    operation_id="silence_incident",
)
def silence(request: HttpRequest, incident_id: int, body: SilenceIn) -> IncidentOut:
    """Have nobody told for so long; 409 when it is resolved."""
    return IncidentOut.of(
        services.silence(
            by=caller(request), incident_id=incident_id, minutes=body.minutes, reason=body.reason
        )
    )
