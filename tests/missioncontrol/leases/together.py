"""Real concurrency: threads with connections of their own, and rows that somebody else holds locked."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import psycopg
from django.db import connection

from alai.kernel.errors import ApiError

PATIENCE = 10.0


def together[T](*calls: Callable[[], T]) -> list[T | str]:
    """Make the calls at the same moment; their results in order, or the code of a refusal."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | str:
        connection.ensure_connection()
        barrier.wait(PATIENCE)
        return outcome(call)

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(_and_close, run, call) for call in calls]]


def outcome[T](call: Callable[[], T]) -> T | str:
    """The result, or the code of the refusal."""
    try:
        return call()
    except ApiError as error:
        return error.code


@contextmanager
def in_background[T](call: Callable[[], T]) -> Iterator["Future[T | str]"]:
    """The call under way in a thread, and known to wait for a lock."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(_and_close, outcome, call)
        _wait_until(someone_waits)
        yield future


@contextmanager
def locked_elsewhere(task_id: int, *, change: str = "") -> Iterator[psycopg.Connection[Any]]:
    """Another connection holds the task's row; the block commits or rolls it back. `change` is SQL for SET."""
    with psycopg.connect(**_address()) as other:
        if change:
            other.execute(f"UPDATE missioncontrol_task SET {change} WHERE id = %s", [task_id])
        else:
            other.execute("SELECT id FROM missioncontrol_task WHERE id = %s FOR UPDATE", [task_id])
        yield other


def someone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def wait_for_expiry(task_id: int) -> None:
    """Until the database clock has passed the committed end of the task's lease."""

    def passed() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT lease_until <= clock_timestamp() FROM missioncontrol_task WHERE id = %s", [task_id]
            )
            return bool(cursor.fetchone()[0])

    _wait_until(passed)


def _and_close[**P, T](call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return call(*args, **kwargs)
    finally:
        connection.close()


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that within 10 s"
        time.sleep(0.01)


def _address() -> dict[str, Any]:
    settings = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {name: settings[key] for name, key in names.items()}
