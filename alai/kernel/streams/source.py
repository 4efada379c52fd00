"""What is streamed: a table whose rows carry the id of the transaction that wrote them.

Ids commit out of order, so a reader that remembers the last id loses rows. `(xid, id)` read below the oldest
transaction still under way does not: whatever is there is complete, and nothing appears before it later.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from alai.kernel import pagination

Position = tuple[int, int]  # (xid, id)
Row = Mapping[str, Any]
Wanted = Mapping[str, Container[Any]]  # column -> its accepted values

PAGE_ROWS = 1000
PAGE = """
SELECT snapshot.xmin::text::bigint AS safe_xid, page.*
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) snapshot
LEFT JOIN LATERAL (
    SELECT entry.xid::text::bigint AS entry_xid, entry.id, {columns}
    FROM {tables}
    WHERE (entry.xid, entry.id) > (%s::text::xid8, %s) AND entry.xid < snapshot.xmin
    ORDER BY entry.xid, entry.id
    LIMIT %s
) page ON true
ORDER BY page.entry_xid, page.id
"""


@dataclass(frozen=True)
class Source:
    """A streamed table. `tables` is a FROM clause that calls it `entry`; `render` makes a row's JSON.

    The table needs an index on (xid, id). JSON columns are selected as text: not every connection reads them.
    """

    name: str
    tables: str
    columns: str
    render: Callable[[Row], str]

    @cached_property
    def sql(self) -> str:
        return PAGE.format(columns=self.columns, tables=self.tables)

    def parameters(self, after: Position, limit: int = PAGE_ROWS) -> list[Any]:
        return [str(after[0]), after[1], limit]


@dataclass(frozen=True)
class Item:
    """A row on its way to the listeners; its frame is made once for all of them, and only if one wants it."""

    source: Source
    row: Row

    @property
    def position(self) -> Position:
        return self.row["entry_xid"], self.row["id"]

    @cached_property
    def frame(self) -> bytes:
        return f"id: {pagination.encode(*self.position)}\ndata: {self.source.render(self.row)}\n\n".encode()

    def suits(self, wanted: Wanted) -> bool:
        return all(self.row[column] in values for column, values in wanted.items())


@dataclass(frozen=True, slots=True)
class Page:
    """Rows after a position, and the position up to which nothing more can appear."""

    items: list[Item]
    end: Position
    complete: bool

    @classmethod
    def of(cls, source: Source, rows: list[Row], after: Position, limit: int = PAGE_ROWS) -> "Page":
        items = [Item(source, row) for row in rows if row["id"] is not None]
        if items and len(items) == limit:
            return cls(items, items[-1].position, complete=False)
        return cls(items, max(after, (rows[0]["safe_xid"], 0)), complete=True)


def mark(position: Position) -> bytes:
    """A frame without data: where a client that goes away now may go on."""
    return f"id: {pagination.encode(*position)}\n\n".encode()
