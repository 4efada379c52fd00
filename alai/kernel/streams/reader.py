"""Reading pages of a source outside Django's pool, on one connection that opens when it is needed."""

import asyncio
import logging
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg.rows import dict_row

from alai.kernel.streams.source import PAGE_ROWS, Page, Position, Source

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[dict[str, Any]]
NOT_PSYCOPG = ("pool", "cursor_factory", "context", "server_side_binding", "assume_role", "isolation_level")


class Reader:
    """One statement at a time; an error closes the connection, and the next call opens another."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()

    async def page(self, source: Source, after: Position, limit: int = PAGE_ROWS) -> Page:
        """Raises psycopg.Error while the database cannot be read."""
        async with self._lock:
            try:
                connection = await self._open()
                cursor = await connection.execute(source.sql, source.parameters(after, limit))
                return Page.of(source, list(await cursor.fetchall()), after, limit)
            except BaseException:
                await self._drop()
                raise

    async def close(self) -> None:
        async with self._lock:
            await self._drop()

    async def _open(self) -> Connection:
        if self._connection is None:
            given = connections["default"].get_connection_params()
            wanted = {name: value for name, value in given.items() if name not in NOT_PSYCOPG}
            wanted["application_name"] = f"{wanted.get('application_name', 'streams')} {self.purpose}"
            wanted["prepare_threshold"] = 5 if settings.DATABASE_PREPARE else None
            self._connection = await psycopg.AsyncConnection.connect(
                **wanted, autocommit=True, row_factory=dict_row
            )
            await self._connection.execute("SET TIME ZONE 'UTC'")  # as Django's own connections
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
