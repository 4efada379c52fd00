"""What our own records say, read for probes that judge it: one read a source and round, however many checks ask."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, connection
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

Read = Callable[[], Mapping[str, Any]]
AWAY_AFTER = timedelta(seconds=45)  # with a beat's minute it stays below two missed beats
AWAKE = "watch:awake"
_reads: dict[str, Read] = {}


def register(source: str, read: Read) -> None:
    """Tell how a source is read: everything of it by name, or whatever the probe's keys are. Call it in `ready`."""
    _reads[source] = read


def gather(sources: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """What the sources say; one that cannot be read is left out, so that its probes conclude nothing."""
    found = {}
    for source in sources:
        try:
            found[source] = _reads[source]()
        except (DatabaseError, RedisError, OSError):
            logger.exception("Records could not be read", extra={"source": source})
    return found


def clock() -> datetime:
    """The database's clock, against which silence is measured."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    return row[0]


def awake_since(now: datetime) -> datetime:
    """Since when we have been listening without a gap: what did not come while we were away is no silence.

    The prober asks at least every few seconds, which is what keeps us awake.
    """
    since, last = cache.get(AWAKE) or (now, now)
    if now - last > AWAY_AFTER:
        since = now
    cache.set(AWAKE, (since, now), timeout=24 * 3600)
    return min(since, now)
