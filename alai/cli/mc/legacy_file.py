"""The legacy SQLite file: one transaction at a time, and its times and leases in SQL."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager

from alai.cli.errors import Refused, Unreachable, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Json = dict[str, Any]

# Dates stand in the file as `2026-03-06T03:09:00.000Z` and as `2026-03-06 03:09:00`: as text they do not compare.
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
LIVE = "(coalesce(lease_holder, '') <> '' AND coalesce(julianday(lease_until) > julianday('now'), 0))"
OWN = "(lease_holder = :actor AND coalesce(lease_session, '') = :session)"
ENDED = "lease_holder = NULL, lease_session = NULL, lease_until = NULL"
CLOSED = "('done', 'cancelled')"
STANDING = f"""
    SELECT id, status, lease_holder, coalesce(lease_session, '') AS lease_session, dod_evidence,
           coalesce({{moment}}, lease_until) AS lease_until, {LIVE} AS live
    FROM tasks WHERE id = :id
"""


def moment(column: str) -> str:
    """The column's time as the API writes it, to the second; what is no time stays as it is."""
    return f"coalesce(strftime('%Y-%m-%dT%H:%M:%SZ', {column}), {column})"


class File:
    """`write` is one IMMEDIATE transaction: it begins when it has the lock, and is whole or not at all."""

    def __init__(self, path: str, timeout: float, *, read_only: bool) -> None:
        if not path:
            raise Usage("Name the legacy file in ALAI_MC_DB, or the server in ALAI_MC_URL.")
        self.path = path
        self.timeout = timeout
        self._read_only = read_only

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        with self._opened("ro") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        if self._read_only:
            raise Refused(
                "The configuration names a server, so that the legacy file is not written: unset ALAI_MC_DB to work "
                "on the server, or set ALAI_MC_LEGACY=1 to write to the file all the same."
            )
        with self._opened("rw") as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection

    @contextmanager
    def _opened(self, mode: str) -> Iterator[sqlite3.Connection]:
        from urllib.parse import quote

        where = f"file:{quote(os.path.abspath(self.path))}?mode={mode}"  # noqa: PTH100 - pathlib is slow to load
        try:
            connection = sqlite3.connect(where, timeout=self.timeout, uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise self._away(error) from None
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        except sqlite3.Error as error:
            raise self._away(error) from None
        finally:
            connection.close()

    def _away(self, error: sqlite3.Error) -> Unreachable:
        return Unreachable(f"The legacy file {self.path} cannot be used ({error}), so nothing was done.")


def standing(connection: sqlite3.Connection, task: int) -> sqlite3.Row:
    """The task's status and lease as they are now; Refused when there is no such task."""
    sql = STANDING.format(moment="strftime('%Y-%m-%dT%H:%M:%SZ', lease_until)")
    row: sqlite3.Row | None = connection.execute(sql, {"id": task}).fetchone()
    if row is None:
        raise Refused(f"There is no task {task}.", "task_not_found")
    return row


def holder(row: sqlite3.Row) -> str:
    return f"{row['lease_holder']}:{row['lease_session']}"


def held(row: sqlite3.Row) -> Refused:
    return Refused(f"Task {row['id']} held by {holder(row)} until {row['lease_until']}", "lease_held")


def closed(row: sqlite3.Row) -> Refused:
    return Refused(f"Task {row['id']} is {row['status']}; reopen it first.", "task_closed")


def changed(connection: sqlite3.Connection, sql: str, values: Mapping[str, object]) -> bool:
    """Whether the UPDATE found its row as its WHERE wants it: that alone decides who won."""
    return connection.execute(sql, values).rowcount == 1


def note(connection: sqlite3.Connection, task: int, actor: str, action: str, detail: str) -> None:
    sql = f"INSERT INTO task_history (task_id, actor, action, detail, at) VALUES (?, ?, ?, ?, {NOW})"
    connection.execute(sql, (task, actor, action, detail))
