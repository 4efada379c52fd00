"""The ledger's live events: `GET /events/stream`."""

import json
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Header, Query, Router
from ninja.responses import NinjaJSONEncoder
from pydantic import Field

from alai.kernel import pagination
from alai.kernel.api import PROBLEMS, Scope, caller
from alai.kernel.shapes import Id, Moment
from alai.kernel.streams.opening import STREAM_REPLY, open_stream
from alai.kernel.streams.source import Row, Source, Wanted
from missioncontrol import selectors
from missioncontrol.models import Task, TaskEvent
from missioncontrol.schemas import EventOut

router = Router(tags=["events"])
Names = Annotated[list[Annotated[str, Field(max_length=500)]], Query(max_length=50)]
LastEventId = Annotated[str, Header(alias="Last-Event-ID", max_length=500)]


class LiveEventOut(EventOut):
    """An event with what a listener shows of its task."""

    team: str | None
    title: str


@dataclass(frozen=True)
class NotBefore(Container[datetime]):
    """All times from a moment on."""

    moment: datetime

    def __contains__(self, at: object) -> bool:
        return isinstance(at, datetime) and at >= self.moment


def render(row: Row) -> str:
    fields = {**row, "team": row["team"] or None, "why": row["why"] or None, "data": json.loads(row["data"])}
    fields |= {"on_behalf_of": row["on_behalf_of"] or None, "request_id": row["request_id"] or None}
    # Times as the REST API writes them.
    return json.dumps(
        LiveEventOut.model_validate(fields).model_dump(), cls=NinjaJSONEncoder, ensure_ascii=False
    )


TASK_EVENTS = Source(
    name="task events",
    tables=f"{TaskEvent._meta.db_table} entry JOIN {Task._meta.db_table} task ON task.id = entry.task_id",
    columns=(
        "entry.task_id, entry.kind, entry.actor, entry.on_behalf_of, entry.at, entry.data::text AS data, entry.why, "
        "entry.request_id, task.team, task.title"
    ),
    render=render,
)


@router.get(
    "/events/stream",
    auth=Scope("tasks:read", "tasks:write"),
    response={200: None, **PROBLEMS},
    operation_id="stream_events",
    openapi_extra={"responses": {200: STREAM_REPLY}},
)
def stream_events(
    request: HttpRequest,
    kinds: Names = [],  # noqa: B006 - ninja copies it
    team: Names = [],  # noqa: B006
    task_id: Annotated[list[Id], Query(max_length=50)] = [],  # noqa: B006
    actor: Names = [],  # noqa: B006
    since: Moment | None = None,
    last_event_id: Annotated[str, Query(max_length=500)] = "",
    last_event_id_header: LastEventId = "",
) -> HttpResponse:
    """Task events as they are committed, as Server-Sent Events.

    `kinds` takes several, separated by commas or repeated; so do `team` and `actor`. `Last-Event-ID` (or
    `last_event_id`) goes on after that event with nothing lost or repeated; without it the stream begins now, or
    with the first event of `since`.
    """
    by = caller(request)
    asked: dict[str, set[Any]] = {
        "kind": _several(kinds),
        "team": _several(team),
        "actor": _several(actor),
        "task_id": set(task_id),
    }
    wanted: list[Wanted] = [{column: values for column, values in asked.items() if values}]
    if by.teams:
        wanted.append({"team": set(by.teams)})
    begin = last_event_id_header or last_event_id
    if since:
        wanted.append({"at": NotBefore(since)})
        begin = begin or pagination.encode(*selectors.position_at(since))
    return open_stream(request, by, TASK_EVENTS, wanted, begin)


def _several(names: list[str]) -> set[str]:
    return {name.strip() for text in names for name in text.split(",") if name.strip()}
