"""A ledger of the usual size, and its state between rounds."""

from typing import Any

import psycopg

FILL = """
INSERT INTO missioncontrol_task (title, description, status, priority, owner, team, tags, source, legacy,
    lease_actor, lease_session, lease_enforced, fencing_token, due_at, created_at)
SELECT 'Write offer ' || n, repeat('what the customer wants ', 20),
    CASE WHEN n <= %(open)s THEN 'open' ELSE 'done' END, n %% 4, CASE WHEN n %% 3 = 0 THEN 'john' ELSE '' END,
    'team' || n %% 5, ARRAY['offer', 'k' || n %% 40], 'mail', '{}', '', '', true, 0,
    CASE WHEN n %% 5 = 0 THEN now() + n * interval '1 minute' END, now() - n * interval '1 minute'
FROM generate_series(1, %(all)s) n RETURNING id
"""
QUIET = """SELECT set_config('alai.context', '{"history": "missioncontrol_task"}', false)"""
FREE = """
UPDATE missioncontrol_task SET status = 'open', lease_actor = '', lease_session = '', lease_until = NULL
WHERE lease_actor <> ''
"""


def connect(database: str) -> "psycopg.Connection[Any]":
    """A plain connection in autocommit, which prepares what it is told to prepare."""
    return psycopg.connect(database, autocommit=True)


def fill(connection: "psycopg.Connection[Any]", *, ready: int, finished: int) -> list[int]:
    """Add open and done tasks; the ids of the open ones."""
    connection.execute(QUIET)
    rows = connection.execute(FILL, {"open": ready, "all": ready + finished}).fetchall()
    connection.execute("VACUUM ANALYZE")
    return sorted(row[0] for row in rows)[:ready]


def free(connection: "psycopg.Connection[Any]") -> None:
    """Take all leases back, and the dead rows with them."""
    connection.execute(QUIET)
    connection.execute(FREE)
    connection.execute("VACUUM missioncontrol_task")
