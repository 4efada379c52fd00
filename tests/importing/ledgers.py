"""Old ledgers for tests: clean ones with the real schema, and loose ones whose columns take anything."""

import random
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from alai.kernel.importing import Report, run
from alai.kernel.importing.engine import Counts

SCHEMA = """
CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT, status TEXT DEFAULT 'open',
    priority TEXT DEFAULT 'medium', owner TEXT, team TEXT, parent_id INTEGER, tags TEXT, source TEXT,
    created_at TEXT, updated_at TEXT, completed_at TEXT, due_at TEXT, dod_evidence TEXT,
    lease_holder TEXT, lease_session TEXT, lease_until TEXT, cost_usd REAL);
CREATE TABLE task_comments (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id INTEGER, author TEXT, body TEXT,
    created_at TEXT);
CREATE TABLE task_deps (task_id INTEGER, depends_on INTEGER, PRIMARY KEY (task_id, depends_on));
CREATE TABLE task_history (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id INTEGER, actor TEXT, action TEXT,
    detail TEXT, at TEXT);
"""
TABLES = {
    "tasks": (
        "id title description status priority owner team parent_id tags source created_at updated_at completed_at "
        "due_at dod_evidence lease_holder lease_session lease_until cost_usd"
    ),
    "task_comments": "id task_id author body created_at",
    "task_deps": "task_id depends_on",
    "task_history": "id task_id actor action detail at",
}
# No types and no keys: SQLite then stores every value as it comes.
LOOSE = ";".join(f"CREATE TABLE {name} ({', '.join(columns.split())})" for name, columns in TABLES.items())
Row = Mapping[str, Any]


def ledger(path: Path, schema: str = LOOSE, **tables: Iterable[Row]) -> Path:
    """A ledger with these rows; an existing file gets them added."""
    fresh = not path.exists()
    with closing(sqlite3.connect(path)) as db, db:
        if fresh:
            db.executescript(schema)
        for table, rows in tables.items():
            for row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join(_mark(value) for value in row.values())
                values = [value.raw if isinstance(value, Undecoded) else value for value in row.values()]
                db.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', values)
    return path


class Undecoded:
    """Text that is not UTF-8, as a careless program writes it."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


def _mark(value: object) -> str:
    return "CAST(? AS TEXT)" if isinstance(value, Undecoded) else "?"


def change(path: Path, sql: str, *arguments: Any) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, arguments)


def task(number: Any, **columns: Any) -> dict[str, Any]:
    """A clean open task; `columns` override."""
    return {
        "id": number,
        "title": f"Task {number}",
        "status": "open",
        "priority": "high",
        "created_at": "2026-03-06T03:09:00.000Z",
        "updated_at": "2026-03-06 03:09:00",
        **columns,
    }


def load(*paths: Path, **options: Any) -> Report:
    """Import, and hold the report to its promise: each source row ended exactly once, and the sample matches."""
    report = run(list(paths), **options)
    for tables in report.files.values():
        for table, counts in tables.items():
            assert counts.agrees, (table, counts)
    assert not report.sample.mismatches
    return report


def counts(report: Report, table: str = "tasks") -> Counts:
    """The counts of a table in a report about one file."""
    [tables] = report.files.values()
    return tables[table]


def realistic(path: Path, tasks: int = 300, seed: int = 1) -> Path:
    """Some hundreds of rows of every sort, dirty ones among them, the same for the same seed."""
    chance = random.Random(seed)
    numbers = [7 * number + 1 for number in range(tasks)]
    ledger(
        path,
        tasks=[_some_task(number, numbers, chance) for number in numbers],
        task_comments=[
            {
                "id": number + 1,
                "task_id": chance.choice([*numbers, -1]),
                "author": "john",
                "body": chance.choice(["fine", "nul \0 here", Undecoded(b"\xff\xfe"), b"\x00\x01", None, 12]),
                "created_at": chance.choice(["2026-03-06 03:09:00", "garbage", 1_772_766_540]),
            }
            for number in range(tasks)
        ],
        task_deps=[
            {"task_id": chance.choice(numbers), "depends_on": chance.choice([*numbers, 0])}
            for _ in range(tasks // 2)
        ],
        task_history=[
            {
                "id": number + 1,
                "task_id": chance.choice([*numbers, None]),
                "actor": "pi-orch",
                "action": chance.choice(["created", "done"]),
                "detail": chance.choice([None, "evidence attached", "nul\0"]),
                "at": "2026-03-06 03:09:00",
            }
            for number in range(2 * tasks)
        ],
    )
    return path


def _some_task(number: int, numbers: list[int], chance: random.Random) -> dict[str, Any]:
    leased = {
        "lease_holder": "john",
        "lease_session": f"s{number}",
        "lease_until": "2026-06-30T12:09:00.000Z",
    }
    return task(
        number,
        title=chance.choice([f"Task {number}", "", "nul\0title", Undecoded(b"caf\xe9")]),
        status=chance.choice(["open", "in_progress", "done", "Completed", "zombie", "ready"]),
        parent_id=chance.choice([None, None, *numbers]),
        tags=chance.choice([None, '["seo", "infra"]', "not json", "[1, null"]),
        cost_usd=chance.choice([None, 0.3072, "much", 1e99]),
        due_at=chance.choice([None, "2026-05-01", "0000-00-00", "99999-01-01"]),
        dod_evidence=chance.choice([None, f"/tmp/evidence-{number}/"]),
        **(leased if chance.random() < 0.2 else {}),
    )
