"""HiveMind over HTTP: messages in channels, memories that are found again."""

import json
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Header, Query, Router, Status
from ninja.responses import NinjaJSONEncoder
from pydantic import Field

from alai.kernel import pagination
from alai.kernel.api import PROBLEMS, Scope, caller, idempotent
from alai.kernel.pagination import DEFAULT_LIMIT, MAX_LIMIT
from alai.kernel.streams.opening import STREAM_REPLY, open_stream
from alai.kernel.streams.source import Row, Source, Wanted
from missioncontrol import recall, services
from missioncontrol.hivemind_schemas import (
    MemoryIn,
    MemoryList,
    MemoryOut,
    MessageIn,
    MessageList,
    MessageOut,
)
from missioncontrol.models import Message

router = Router(tags=["hivemind"])
HIVEMIND = Scope("hivemind")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=500)]
Name = Annotated[str, Query(max_length=200)]
Channels = Annotated[list[Annotated[str, Field(max_length=200)]], Query(max_length=50)]


@router.post(
    "/hivemind/messages",
    auth=HIVEMIND,
    response={201: MessageOut, **PROBLEMS},
    operation_id="post_message",
    openapi_extra=idempotent(),
)
def post_message(request: HttpRequest, body: MessageIn) -> Status[MessageOut]:
    """Say something in a channel; it is there for good."""
    fields = {**body.model_dump(), "recipient": body.recipient or ""}
    return Status(201, MessageOut.of(services.post_message(by=caller(request), **fields)))


@router.get(
    "/hivemind/messages", auth=HIVEMIND, response={200: MessageList, **PROBLEMS}, operation_id="list_messages"
)
def list_messages(
    request: HttpRequest,
    channel: Channels = [],  # noqa: B006 - ninja copies it
    after_id: Annotated[str, Query(max_length=500)] = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> MessageList:
    """The latest messages of a channel, or of several, oldest first; `cursor` leads to those before.

    `after_id` takes the `position` of an answer or the `cursor` of a message and answers what was committed since,
    nothing left out; while `next_cursor` is not null there is more after it.
    """
    page = recall.list_messages(
        [name for name in channel if name], after=after_id, limit=limit, cursor=cursor
    )
    items = [MessageOut.of(message) for message in page.items]
    return MessageList(items=items, next_cursor=page.next_cursor, position=page.position)


def render(row: Row) -> str:
    position = pagination.encode(row["entry_xid"], row["id"])
    fields = {
        **row,
        "recipient": row["recipient"] or None,
        "payload": json.loads(row["payload"]),
        "cursor": position,
    }
    return json.dumps(
        MessageOut.model_validate(fields).model_dump(), cls=NinjaJSONEncoder, ensure_ascii=False
    )


MESSAGES = Source(
    name="messages",
    tables=f"{Message._meta.db_table} entry",
    columns=(
        "entry.channel, entry.sender, entry.recipient, entry.body, entry.payload::text AS payload, "
        "entry.created_at"
    ),
    render=render,
)


@router.get(
    "/hivemind/stream",
    auth=HIVEMIND,
    response={200: None, **PROBLEMS},
    operation_id="stream_messages",
    openapi_extra={"responses": {200: STREAM_REPLY}},
)
def stream_messages(
    request: HttpRequest,
    channel: Channels = [],  # noqa: B006
    recent: Annotated[int, Query(ge=0, le=MAX_LIMIT)] = 0,
    last_event_id: Annotated[str, Query(max_length=500)] = "",
    last_event_id_header: Annotated[str, Header(alias="Last-Event-ID", max_length=500)] = "",
) -> HttpResponse:
    """Messages as they are committed, as Server-Sent Events; of all channels, or of those that are named.

    Without `Last-Event-ID` (or `last_event_id`) it begins with the `recent` latest ones.
    """
    channels = [name for name in channel if name]
    wanted: list[Wanted] = [{"channel": set(channels)}] if channels else []
    begin = last_event_id_header or last_event_id
    if recent and not begin:
        begin = pagination.encode(*recall.before_latest(channels, recent))
    return open_stream(request, caller(request), MESSAGES, wanted, begin)


@router.post(
    "/hivemind/memories",
    auth=HIVEMIND,
    response={201: MemoryOut, **PROBLEMS},
    operation_id="remember",
    openapi_extra=idempotent(),
)
def remember(request: HttpRequest, body: MemoryIn) -> Status[MemoryOut]:
    """Keep something in mind. The same agent and key again make a new revision; the old ones are kept."""
    return Status(201, MemoryOut.of(services.remember(by=caller(request), **body.model_dump())))


@router.get(
    "/hivemind/memories",
    auth=HIVEMIND,
    response={200: MemoryList, **PROBLEMS},
    operation_id="recall_memories",
)
def recall_memories(
    request: HttpRequest,
    q: Annotated[str, Query(max_length=500)] = "",
    kind: Name = "",
    agent: Name = "",
    tag: Name = "",
    key: Name = "",
    revisions: bool = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> MemoryList:
    """Memories that have not expired, current revisions unless `revisions`.

    `q` answers at most 200 without a cursor, ranked by its words, importance and recency; else newest first.
    """
    filters = recall.MemoryFilters(q.strip(), kind, agent, tag, key, revisions)
    page = recall.recall(filters, limit=limit, cursor=cursor)
    return MemoryList(items=[MemoryOut.of(memory) for memory in page.items], next_cursor=page.next_cursor)
