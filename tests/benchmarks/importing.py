"""The import of an old ledger, against COPY of the rows that it ends in, into the same tables."""

import os
import tempfile
import time
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from alai.kernel.importing import run as import_files
from tests.benchmarks import ledger
from tests.benchmarks.measure import Result, ratio, take_turns, told
from tests.importing.ledgers import SCHEMA
from tests.importing.ledgers import ledger as write_ledger

TASKS, COMMENTS, DEPENDENCIES, HISTORY = 8_378, 4_000, 2_000, 16_000  # tasks as in the sample
TABLES = (
    "missioncontrol_task",
    "missioncontrol_comment",
    "missioncontrol_dependency",
    "missioncontrol_taskevent",
)
ROUNDS = 3


def run(_: list[str]) -> list[Result]:
    with ledger.connect(os.environ["DATABASE_URL"]) as connection, tempfile.TemporaryDirectory() as folder:
        path = _clean_ledger(Path(folder) / "mc.db")
        saved: dict[str, bytes] = {}

        def by_import() -> float:
            _empty(connection)
            begin = time.perf_counter()
            report = import_files([path])
            taken = time.perf_counter() - begin
            assert report.agrees, report
            saved.update({table: _dump(connection, table) for table in TABLES})
            return taken * 1000

        def by_copy() -> float:
            _empty(connection)
            begin = time.perf_counter()
            with connection.transaction():
                connection.execute("""SELECT set_config('alai.context', '{"bulk": "benchmark"}', true)""")
                for table, rows in saved.items():
                    _restore(connection, table, rows)
            return (time.perf_counter() - begin) * 1000

        ours, theirs = take_turns(ROUNDS, by_import, by_copy)
        rows = TASKS + COMMENTS + DEPENDENCIES + HISTORY
    return [
        Result(
            "imported rows a second : COPY of the same rows", ratio(theirs, ours), 0.2,
            f"{told(ours, 'ms')} against {told(theirs, 'ms')} for {rows:,} rows, {ROUNDS} rounds",
        ),
        Result(
            f"import of {TASKS:,} tasks with all that hangs on them", median(ours) / 1000, 10,
            f"{rows / median(ours) * 1000:,.0f} rows a second", unit="s", at_most=True,
        ),
    ]  # fmt: skip


def _clean_ledger(path: Path) -> Path:
    day = "2026-03-{:02} 03:09:00"
    return write_ledger(
        path, SCHEMA,
        tasks=[
            {
                "id": n, "title": f"Write offer {n}", "description": "what the customer wants " * (n % 30),
                "status": ("done", "open", "in_progress")[n % 3], "priority": ("low", "medium", "high")[n % 3],
                "owner": "john", "team": f"team{n % 5}", "parent_id": n // 2 or None, "tags": '["offer", "mail"]',
                "source": "mail", "created_at": day.format(n % 28 + 1), "updated_at": day.format(n % 28 + 1),
                "completed_at": day.format(n % 28 + 1) if n % 3 == 0 else None,
            }
            for n in range(1, TASKS + 1)
        ],
        task_comments=[
            {"id": n, "task_id": n, "author": "john", "body": "sent " * (n % 20 + 1), "created_at": day.format(9)}
            for n in range(1, COMMENTS + 1)
        ],
        task_deps=[{"task_id": n + 1, "depends_on": n} for n in range(1, DEPENDENCIES + 1)],
        task_history=[
            {"id": n, "task_id": n % TASKS + 1, "actor": "john", "action": "updated", "detail": "open -> done",
             "at": day.format(n % 28 + 1)}
            for n in range(1, HISTORY + 1)
        ],
    )  # fmt: skip


def _empty(connection: "psycopg.Connection[Any]") -> None:
    connection.execute(
        "SET LOCAL alai.retention = 'on'; TRUNCATE missioncontrol_task, kernel_importrow CASCADE"
    )
    connection.execute("VACUUM")


def _dump(connection: "psycopg.Connection[Any]", table: str) -> bytes:
    with connection.cursor().copy(f"COPY {table} TO STDOUT") as stream:
        return b"".join(stream)


def _restore(connection: "psycopg.Connection[Any]", table: str, rows: bytes) -> None:
    source = BytesIO(rows)
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as stream:
        while block := source.read(1 << 16):
            stream.write(block)
