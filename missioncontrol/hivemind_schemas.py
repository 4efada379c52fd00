"""HiveMind's shapes on the wire."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field, StringConstraints

from alai.kernel import pagination
from alai.kernel.shapes import NUMBER, ActorName, Body, Moment, Said, matching
from missioncontrol.models import Memory, Message
from missioncontrol.schemas import Tags

Channel = Annotated[
    str, matching(r"^[^\s\x00-\x1f\x7f]{1,100}$", "a channel's name has 1 to 100 characters without blanks")
]
Key = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Kind = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]


class MessageIn(Body):
    channel: Channel
    body: Said
    payload: dict[str, Any] = {}
    recipient: ActorName | None = Field(
        None, description="Whom it is meant for; everybody in the channel can read it."
    )


class MessageOut(Schema):
    id: int
    channel: str
    sender: str
    recipient: str | None
    body: str
    payload: dict[str, Any]
    created_at: datetime
    cursor: str = Field(description="For after_id: what came after this message.")

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        return cls(
            id=message.pk,
            channel=message.channel,
            sender=message.sender,
            recipient=message.recipient or None,
            body=message.body,
            payload=message.payload,
            created_at=message.created_at,
            cursor=pagination.encode(int(message.xid), message.pk),
        )


class MessageList(Schema):
    items: list[MessageOut]
    next_cursor: str | None
    position: str = Field(description="For after_id: what comes from now on.")


class MemoryIn(Body):
    kind: Kind
    key: Key
    content: Said
    tags: Tags = []
    importance: Annotated[float, NUMBER, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    expires_at: Moment | None = None


class MemoryOut(Schema):
    id: int
    agent: str
    kind: str
    key: str
    content: str
    tags: list[str]
    importance: float
    created_at: datetime
    expires_at: datetime | None
    revision: int
    is_current: bool
    score: float | None = Field(None, description="With q: what the ranking is by.")

    @classmethod
    def of(cls, memory: Memory) -> "MemoryOut":
        return cls(
            id=memory.pk,
            agent=memory.agent,
            kind=memory.kind,
            key=memory.key,
            content=memory.content,
            tags=memory.tags,
            importance=memory.importance,
            created_at=memory.created_at,
            expires_at=memory.expires_at,
            revision=memory.revision,
            is_current=memory.is_current,
            score=getattr(memory, "score", None),
        )


class MemoryList(Schema):
    items: list[MemoryOut]
    next_cursor: str | None
