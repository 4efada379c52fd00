"""Types that every request body is made of: what PostgreSQL cannot hold is refused before it gets there."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from alai.kernel.models import ACTOR_NAME
from alai.kernel.pagination import MAX_BIGINT

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
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


Id = Annotated[int, Field(ge=1, le=MAX_BIGINT)]
Moment = Annotated[datetime, BeforeValidator(_iso_only), AfterValidator(in_utc)]
Text = Annotated[str, StringConstraints(max_length=100_000)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
ActorName = Annotated[str, StringConstraints(pattern=f"^{ACTOR_NAME}$")]
Session = Annotated[str, StringConstraints(pattern=f"^{SESSION_PART}(/{SESSION_PART})?$")]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{64}$")]
