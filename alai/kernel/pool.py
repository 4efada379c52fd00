"""Whether a pooled connection still stands, asked without a round trip."""

import select
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

_ask = ConnectionPool.check_connection


def check_connection(connection: Connection[Any]) -> None:
    """Raise when the server has gone. A server that ends a connection makes its socket readable; an idle
    healthy one has nothing to say, so that only then it is worth a query."""
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN)
    if watch.poll(0):
        _ask(connection)


def install() -> None:
    """Django hands its pools `ConnectionPool.check_connection`, an empty query for each request."""
    ConnectionPool.check_connection = staticmethod(check_connection)  # type: ignore[method-assign,assignment]
