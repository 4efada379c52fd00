"""Cursor pagination: a page is found by the key of the last row seen, so that inserts never shift it."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet

from alai.kernel.errors import Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_BIGINT = 2**63 - 1


def as_id(text: str) -> int:
    """An id from an address; 0, which no row has, for anything else."""
    fits = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if fits else 0


@dataclass(frozen=True, slots=True)
class Page[T]:
    items: Sequence[T]
    next_cursor: str | None


def encode(*key: int) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode(cursor: str, length: int, parameter: str = "cursor") -> tuple[int, ...]:
    """The key inside a cursor, which came as that query parameter; 422 for anything that `encode` did not make."""
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != length
        or not all(type(part) is int and 0 <= part <= MAX_BIGINT for part in key)
    ):
        raise Invalid(
            f"{parameter} is not one that this list returned; start again without it",
            errors=[{"loc": ["query", parameter], "msg": "not a cursor of this list"}],
        )
    return tuple(key)


def decode_position(cursor: str, parameter: str = "cursor") -> tuple[int, int]:
    """The `(xid, id)` inside a position of the change feed; 422 when this server cannot have given it.

    After a restore onto another server its transactions count from lower numbers, and an old position would
    silently hide what happens there.
    """
    xid, row_id = decode(cursor, 2, parameter)
    with connection.cursor() as database:
        database.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        (limit,) = database.fetchone() or (0,)
    if xid > limit:
        raise Invalid(
            "This position is not from this server's history; start again with a time.",
            code="position_unknown",
        )
    return xid, row_id


@dataclass(frozen=True, slots=True)
class Feed[T]:
    """What was committed after a position; `position` is where to go on, `more` whether something waits there."""

    items: Sequence[T]
    position: tuple[int, int]
    more: bool


def committed_after[M: Model](rows: QuerySet[M], start: tuple[int, int], *, limit: int) -> Feed[M]:
    """The rows, which have a column `xid`, after a position and below every transaction still under way."""
    safe = safe_xid()
    later = rows.extra(
        where=["(xid, id) > (%s::text::xid8, %s)", "xid < %s::text::xid8"],
        params=[str(start[0]), start[1], str(safe)],
    )
    found = list(later.order_by("xid", "id")[: limit + 1])
    items = found[:limit]
    if len(found) > limit:
        last: Any = items[-1]
        return Feed(items, (int(last.xid), last.pk), more=True)
    return Feed(items, max((safe, 0), start), more=False)


def by_id[M: Model](
    rows: QuerySet[M], *, limit: int, cursor: str | None, newest_first: bool = True
) -> Page[M]:
    """A page by primary key."""
    sign, comparison = ("-", "lt") if newest_first else ("", "gt")
    if cursor:
        rows = rows.filter(**{f"pk__{comparison}": decode(cursor, 1)[0]})
    found = list(rows.order_by(f"{sign}pk")[: limit + 1])
    items = found[:limit]
    return Page(items, encode(items[-1].pk) if len(found) > limit else None)


def safe_xid() -> int:
    """The oldest transaction still under way: rows of earlier ones are all visible, none will appear later."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        row: tuple[Any, ...] = cursor.fetchone()
    return int(row[0])
