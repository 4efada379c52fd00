"""`claims/next` and a fenced `done`, both with history, against procrastinate's fetching and finishing of a job.

SQL against SQL: the statements of both, as their libraries send them, prepared, each in its own transaction.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files
from typing import Any

import psycopg
from procrastinate.sql import queries

from missioncontrol import lease_sql
from tests.benchmarks import ledger
from tests.benchmarks.measure import Result, ratio, take_turns, told

READY, FINISHED = 7000, 5000
ROUNDS, PAIRS, WARM = 10, 100, 10
NEXT, _ = lease_sql.next_statement("")
JOBS = """
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args, status)
SELECT 'default', 'write_offer', n % 4, jsonb_build_object('text', repeat('what the customer wants ', 20)),
       (CASE WHEN n <= 7000 THEN 'todo' ELSE 'succeeded' END)::procrastinate_job_status
FROM generate_series(1, 12000) n
"""
WHO = {"by": "john", "behalf": "", "why": "", "request": "", "context": '{"history": "missioncontrol_task"}'}
GRANT = {
    "actor": "john",
    "session": "s1",
    "ttl": timedelta(minutes=10),
    "enforced": True,
    "note": "{}",
    "override": False,
    "capabilities": None,
}
DONE = {
    "actor": "john", "session": "s1", "person": False, "protected": True, "reason": "", "enforced": True,
    "kind": "done", "status": "done", "owner": None, "note": "{}",
}  # fmt: skip

Pair = Callable[["psycopg.Cursor[Any]"], None]


def run(_: list[str]) -> list[Result]:
    with ledger.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute(files("procrastinate.sql").joinpath("schema.sql").read_text())
        connection.execute(JOBS)
        connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
        ledger.fill(connection, ready=READY, finished=FINISHED)
    return [_compare(1), _compare(4)]


def ours(cursor: "psycopg.Cursor[Any]") -> None:
    """Take the best task; finish it under its fence."""
    row = cursor.execute(NEXT, {**WHO, **GRANT}, prepare=True).fetchone()
    assert row is not None
    done = cursor.execute(
        lease_sql.CHANGE, {**WHO, **DONE, "task": row[0], "fence": row[8]}, prepare=True
    ).fetchone()
    assert done is not None and done[2] == "ok", done


def theirs(cursor: "psycopg.Cursor[Any]") -> None:
    """Fetch the best job; finish it, keeping it as the library does unless told otherwise."""
    row = cursor.execute(queries["fetch_job"], {"queues": None, "worker_id": 1}, prepare=True).fetchone()
    assert row is not None and row[0] is not None
    finished = {"job_id": row[0], "status": "succeeded", "delete_job": False}
    cursor.execute(queries["finish_job"], finished, prepare=True)


def _compare(connections: int) -> Result:
    mine, others = take_turns(ROUNDS, lambda: _rate(ours, connections), lambda: _rate(theirs, connections))
    several = "connections" if connections > 1 else "connection"
    return Result(
        f"next and done : procrastinate's fetch and finish, {connections} {several}",
        ratio(mine, others), 1.5,
        f"{told(mine, '/s')} against {told(others, '/s')}, {ROUNDS} rounds of {PAIRS * connections}",
    )  # fmt: skip


def _rate(pair: Pair, connections: int) -> float:
    """Pairs a second, by so many processes with a connection each."""
    processes = multiprocessing.get_context("fork")
    barrier, times = processes.Barrier(connections), processes.SimpleQueue()

    def work() -> None:
        with ledger.connect(os.environ["DATABASE_URL"]) as connection:
            cursor = psycopg.Cursor(connection)
            for _ in range(WARM):
                pair(cursor)
            barrier.wait(30)
            begin = time.perf_counter()
            for _ in range(PAIRS):
                pair(cursor)
            times.put((begin, time.perf_counter()))

    workers = [processes.Process(target=work) for _ in range(connections)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert all(worker.exitcode == 0 for worker in workers), "a worker of the benchmark failed"
    spans: list[tuple[float, float]] = [times.get() for _ in workers]
    return connections * PAIRS / (max(end for _, end in spans) - min(begin for begin, _ in spans))
