"""How the rows of the legacy hivemind.db become messages and memories."""

import json
import math
from collections.abc import Sequence
from typing import Any

from alai.kernel.api import JSON_DEPTH, check_storable, depth
from alai.kernel.errors import Invalid
from alai.kernel.importing import Candidate, Check, DatabaseMapping, Draft, Rejection, TableMapping, store
from missioncontrol.models import Memory, Message
from missioncontrol.services.hivemind import MEMORIES_LOCK

NAME = "hivemind"
USUAL_IMPORTANCE = 0.5


def to_memory(draft: Draft) -> Rejection | None:
    """Rows of one agent and key become revisions, in the order of their times."""
    values = draft.values
    values["agent"] = _named(draft, "agent", 200)
    values["kind"] = _named(draft, "kind", 50)
    values["key"] = _named(draft, "key", 200)
    values["content"] = draft.text("content")
    values["tags"] = draft.words("tags")
    values["importance"] = _importance(draft)
    values["created_at"] = _born(draft)
    values["expires_at"] = draft.moment("expires_at")
    return None


def to_message(draft: Draft) -> Rejection | None:
    values = draft.values
    values["channel"] = _named(draft, "channel", 100)
    values["sender"] = draft.text("sender", 200)
    values["recipient"] = draft.text("recipient", 200)
    values["body"] = draft.text("body")
    values["payload"] = _payload(draft)
    values["created_at"] = _born(draft)
    if draft.row.values.get("read_at") is not None:
        draft.keep("read_at")  # who read it stands nowhere, and nothing here is ever "read"
    return None


def alone(candidates: Sequence[Candidate]) -> None:
    """Let no agent write a revision while the rows come in."""
    store.run("SELECT pg_advisory_xact_lock(%s)", [MEMORIES_LOCK])


def _named(draft: Draft, column: str, limit: int) -> str:
    name = draft.text(column, limit)
    if name.strip():
        return name
    draft.keep(column, "empty")
    return "unknown"


def _born(draft: Draft) -> Any:
    at = draft.moment("created_at")
    if at is None:
        draft.keep("created_at", "unknown: the time of the import stands in its place")
    return at or draft.now


def _importance(draft: Draft) -> float:
    raw = draft.row.values.get("importance")
    try:
        number = float(raw) if isinstance(raw, int | float | str) else math.nan
    except ValueError:
        number = math.nan
    if isinstance(raw, int | float) and 0 <= number <= 1:
        return number
    value = USUAL_IMPORTANCE if math.isnan(number) else min(max(number, 0.0), 1.0)
    draft.keep("importance", f"read as {value:g}")
    return value


def _payload(draft: Draft) -> dict[str, Any]:
    written = draft.text("payload")
    if not written:
        return {}
    try:
        loaded = json.loads(written, parse_constant=_refuse)
    except (ValueError, RecursionError):
        loaded = None
    if isinstance(loaded, dict) and depth(loaded) <= JSON_DEPTH and _storable(loaded):
        return loaded
    draft.keep("payload", "not a JSON object that could be stored")
    return {}


def _storable(value: Any) -> bool:
    """Neither NUL characters nor lone surrogates, and no infinity, which JSON's 1e999 becomes."""
    try:
        check_storable(value)
    except Invalid:
        return False
    return _finite(value)


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_finite(one) for one in value.values())
    if isinstance(value, list):
        return all(_finite(one) for one in value)
    return not isinstance(value, float) or math.isfinite(value)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


MEMORIES = TableMapping(
    table="memories",
    model=Memory,
    required=frozenset({"id", "agent", "key", "content"}),
    known=frozenset(
        {"id", "agent", "kind", "key", "content", "tags", "importance", "created_at", "expires_at"}
    ),
    key=("id",),
    columns=(
        *("id", "agent", "kind", "key", "content", "tags", "importance", "created_at", "expires_at"),
        "legacy",
    ),
    convert=to_memory,
    identity=("agent", "key", "created_at"),
    review=alone,
    checks=(
        *(Check(name, name) for name in ("agent", "kind", "key", "content")),
        Check("tags", "tags", "words"),
        Check("importance", "importance", "number"),
        Check("created_at", "created_at", "moment"),
        Check("expires_at", "expires_at", "moment"),
    ),
)
MESSAGES = TableMapping(
    table="messages",
    model=Message,
    required=frozenset({"id", "channel", "body"}),
    known=frozenset({"id", "channel", "sender", "recipient", "body", "payload", "created_at", "read_at"}),
    key=("id",),
    columns=("id", "channel", "sender", "recipient", "body", "payload", "created_at", "legacy"),
    convert=to_message,
    appends=True,
    checks=(
        *(Check(name, name) for name in ("channel", "sender", "recipient", "body")),
        Check("created_at", "created_at", "moment"),
    ),
)
HIVEMIND = DatabaseMapping(NAME, (MEMORIES, MESSAGES))
