"""A claim as the service makes it, with its history, against the barest statement that could grant a lease."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import cycle

import psycopg
from django.db import connection

from alai.kernel.principals import Principal
from missioncontrol import services
from tests.benchmarks import ledger
from tests.benchmarks.measure import Result, ratio, take_turns, told

BARE = """
UPDATE missioncontrol_task SET lease_actor = %s, lease_session = %s, lease_until = now() + %s,
    fencing_token = fencing_token + 1
WHERE id = %s AND (lease_until IS NULL OR lease_until < now()) RETURNING id, fencing_token, lease_until
"""
JOHN = Principal(actor="john", scopes=frozenset({"tasks:write"}))
TTL = timedelta(minutes=10)
ROUNDS, CLAIMS, WARM = 16, 150, 15


def run(_: list[str]) -> list[Result]:
    """On one psycopg connection, Django's; the bare statement without any trigger on the table."""
    other = ledger.connect(os.environ["DATABASE_URL"])
    tasks = cycle(ledger.fill(other, ready=9000, finished=0))
    connection.ensure_connection()
    cursor = psycopg.Cursor(connection.connection)

    def by_service(task: int) -> None:
        services.claim_task(by=JOHN, task_id=task, session="s1", ttl=TTL)

    def bare(task: int) -> None:
        cursor.execute(BARE, ["john", "s1", TTL, task], prepare=True).fetchone()

    def triggers(verb: str) -> None:
        other.execute(f"ALTER TABLE missioncontrol_task {verb} TRIGGER USER")

    def service_round() -> float:
        ledger.free(other)
        return _time(by_service, tasks)

    def bare_round() -> float:
        ledger.free(other)
        triggers("DISABLE")
        try:
            return _time(bare, tasks)
        finally:
            triggers("ENABLE")

    ours, theirs = take_turns(ROUNDS, service_round, bare_round)
    other.close()
    return [
        Result(
            "service claim with history : bare prepared UPDATE",
            ratio(theirs, ours), 0.55,
            f"{told(ours, 'µs')} against {told(theirs, 'µs')}, {ROUNDS} rounds of {CLAIMS}",
        )
    ]  # fmt: skip


def _time(claim: Callable[[int], None], tasks: Iterator[int]) -> float:
    """Microseconds a claim."""
    for _ in range(WARM):
        claim(next(tasks))
    begin = time.perf_counter()
    for _ in range(CLAIMS):
        claim(next(tasks))
    return (time.perf_counter() - begin) / CLAIMS * 1e6
