"""Writing messages and memories."""

from datetime import datetime
from typing import Any

from django.db import connection

from alai.kernel import audit
from alai.kernel.principals import Principal
from missioncontrol.models import Memory, Message
from missioncontrol.services.common import acting_as

# An import takes it alone, agents share it: revisions are counted by whoever comes last.
MEMORIES_LOCK = 7_411_001


def post_message(
    *, by: Principal, channel: str, body: str, payload: dict[str, Any], recipient: str = ""
) -> Message:
    """Say something in a channel."""
    with acting_as(by), audit.writing():
        message = Message.objects.create(
            channel=channel, sender=by.actor, recipient=recipient, body=body, payload=payload
        )
        message.refresh_from_db()
        return message


def remember(
    *,
    by: Principal,
    kind: str,
    key: str,
    content: str,
    tags: list[str],
    importance: float,
    expires_at: datetime | None,
) -> Memory:
    """Keep something in mind under a key; what the agent kept there before becomes its past."""
    with acting_as(by), audit.writing():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [MEMORIES_LOCK])
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [f"{by.actor}\n{key}"])
        memory = Memory.objects.create(
            agent=by.actor,
            kind=kind,
            key=key,
            content=content,
            tags=tags,
            importance=importance,
            expires_at=expires_at,
        )
        memory.refresh_from_db(fields=["revision", "is_current", "created_at"])
        return memory
