"""Types that every request body is made of: what PostgreSQL cannot hold is refused before it gets there."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from alai.kernel.models import ACTOR_NAME
from alai.kernel.pagination import MAX_BIGINT

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
# How the validator names the branches of a union.
KINDS = re.compile(
    r"(constrained-|function-|nullable|list\[|json-or-python|lax-or-strict).*|int|str|float|none"
)
SESSION_PART = r"[^:/\s\x00-\x1f\x7f]{1,120}"


class Body(BaseModel):
    """A request body: unknown fields are errors, so that a misspelt one is not silently lost.

    No ninja `Schema`: that one reads models and their relations, and to refuse unknown fields it validates twice.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


def in_utc(moment: datetime) -> datetime:
    """Naive times are UTC. Years outside 1970..9000 overflow one tool or another."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        inside = EARLIEST <= aware < LATEST
        aware = aware.astimezone(UTC) if inside else aware
    except OverflowError:
        inside = False
    if not inside:
        raise ValueError("the year must lie between 1970 and 9000")
    return aware


def _iso_only(value: Any) -> Any:
    """Numbers are not times: 0 would silently mean 1970."""
    if isinstance(value, int | float) or (isinstance(value, str) and value.strip().lstrip("+-").isdigit()):
        raise ValueError("write the time as ISO 8601, e.g. 2026-05-08T12:30:00Z")
    return value


def _no_truth(value: Any) -> Any:
    """Python counts true as 1; a client that sends it means something else."""
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something")
    return text


NUMBER = BeforeValidator(_no_truth)
Whole = Annotated[int, NUMBER]
Id = Annotated[Whole, Field(ge=1, le=MAX_BIGINT)]
Moment = Annotated[datetime, BeforeValidator(_iso_only), AfterValidator(in_utc)]
Text = Annotated[str, StringConstraints(max_length=100_000)]
Said = Annotated[Text, Field(min_length=1), AfterValidator(_not_blank)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
PATTERNS: dict[str, str] = {}


def matching(pattern: str, sentence: str) -> StringConstraints:
    """A text of this pattern; the sentence tells what that is to whoever sends another one."""
    PATTERNS[pattern] = sentence
    return StringConstraints(pattern=pattern)


ActorName = Annotated[
    str, matching(f"^{ACTOR_NAME}$", "an actor's name has letters, digits and . _ - only, 100 at most")
]
Session = Annotated[
    str,
    matching(
        f"^{SESSION_PART}(/{SESSION_PART})?$",
        "a session is session_id or session_id/agent_id, each of 1 to 120 characters without blanks, colons, slashes",
    ),
]
Sha256 = Annotated[str, matching("^[0-9a-fA-F]{64}$", "a SHA-256 has 64 hexadecimal digits")]


def readable(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the validator found, as `{"loc", "msg"}` for whoever sent it: fields and sentences, no names of ours."""
    return [{"loc": _place(one["loc"]), "msg": _message(one)} for one in errors]


def _message(error: Mapping[str, Any]) -> str:
    pattern = (error.get("ctx") or {}).get("pattern", "")
    return PATTERNS.get(pattern) or str(error["msg"]).removeprefix("Value error, ")


def _place(loc: Sequence[str | int]) -> list[str | int]:
    """Where in the request: the framework names its parameter `body` once more, and which of several types it tried."""
    parts = [loc[0], *loc[2:]] if len(loc) > 1 and loc[0] == loc[1] == "body" else list(loc)
    return [part for part in parts if not (isinstance(part, str) and KINDS.fullmatch(part))]
