"""The import's own tables and its bulk writes: COPY for what is new, one UPDATE for each row that changed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg import Cursor
from psycopg.types.json import JsonbLoader

from alai.kernel.importing.mapping import Reference, Rejection, SourceRow, TableMapping
from alai.kernel.importing.raw import row_to_json
from alai.kernel.models import ImportReject, ImportRow, LegacyRow

ROWS = ImportRow._meta.db_table
REJECTS = ImportReject._meta.db_table
LEGACY = LegacyRow._meta.db_table
DETAIL_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the last import of a row left behind."""

    target_id: int
    source_hash: bytes
    target_hash: bytes
    settled_hash: bytes | None
    unresolved: bool


@dataclass(frozen=True, slots=True)
class Imported:
    """What this import of a row leaves behind."""

    row: SourceRow
    target_id: int
    target_hash: bytes
    settled_hash: bytes | None
    unresolved: bool


def _cursor() -> Cursor[tuple[Any, ...]]:
    """A cursor past Django's, whose audit wrapper costs a round trip and which leaves jsonb unread."""
    connection.ensure_connection()
    cursor = Cursor(connection.connection)
    cursor.adapters.register_loader("jsonb", JsonbLoader)
    return cursor


def run(sql: str, params: Any = None) -> list[tuple[Any, ...]]:
    """Run one statement; answer its rows."""
    with connection.wrap_database_errors, _cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def run_many(sql: str, params: Iterable[Sequence[Any]]) -> None:
    with connection.wrap_database_errors, _cursor() as cursor:
        cursor.executemany(sql, params)


def copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table. JSON columns take text."""
    names = ", ".join(f'"{name}"' for name in columns)
    with (
        connection.wrap_database_errors,
        _cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as stream,
    ):
        for row in rows:
            stream.write_row(row)


def remembered(source: str, table: str, keys: list[str]) -> dict[str, Remembered]:
    found = run(
        f"SELECT key, target_id, source_hash, target_hash, settled_hash, unresolved FROM {ROWS} "
        'WHERE source = %s AND "table" = %s AND key = ANY(%s)',
        [source, table, keys],
    )
    return {key: Remembered(*rest) for key, *rest in found}


def standing(source: str, references: Iterable[tuple[Reference, str]]) -> dict[tuple[str, str], int]:
    """Where the referenced source rows went: (table, key) -> target id, if that target still stands."""
    by_table: dict[tuple[str, str], set[str]] = {}
    for reference, target in references:
        by_table.setdefault((reference.table, target), set()).add(reference.key)
    found: dict[tuple[str, str], int] = {}
    for (table, target), keys in by_table.items():
        rows = run(
            f'SELECT r.key, r.target_id FROM {ROWS} r JOIN "{target}" t ON t.id = r.target_id '
            'WHERE r.source = %s AND r."table" = %s AND r.key = ANY(%s)',
            [source, table, sorted(keys)],
        )
        found |= {(table, key): target_id for key, target_id in rows}
    return found


def keys_of(source: str, table: str, targets: list[int]) -> dict[int, str]:
    """By target: the key of a source row that it was imported from."""
    select = f'SELECT target_id, key FROM {ROWS} WHERE source = %s AND "table" = %s AND target_id = ANY(%s)'
    return dict(run(select, [source, table, targets])) if targets else {}


def taken(target: str, ids: list[int]) -> set[int]:
    return {row[0] for row in run(f'SELECT id FROM "{target}" WHERE id = ANY(%s)', [ids])} if ids else set()


def fresh_ids(target: str, count: int) -> list[int]:
    if not count:
        return []
    drawn = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    return [row[0] for row in run(drawn, [f'"{target}"', count])]


def move_sequence_past(target: str, highest: int) -> None:
    """Ids drawn from now on lie above `highest`; a sequence never goes back."""
    [(sequence,)] = run("SELECT pg_get_serial_sequence(%s, 'id')", [f'"{target}"'])
    run(f"SELECT setval(%s, %s) FROM {sequence} WHERE last_value <= %s", [sequence, highest, highest])


def current(table: TableMapping, ids: list[int]) -> dict[int, dict[str, Any]]:
    """The targets as they are now, locked until the end of the transaction."""
    columns = list(dict.fromkeys(["id", *table.columns]))
    names = ", ".join(f'"{name}"' for name in columns)
    rows = run(f'SELECT {names} FROM "{table.target}" WHERE id = ANY(%s) ORDER BY id FOR UPDATE', [ids])
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def row(target: str, target_id: int) -> dict[str, Any] | None:
    """One target with all its columns."""
    with connection.wrap_database_errors, _cursor() as cursor:
        found = cursor.execute(f'SELECT * FROM "{target}" WHERE id = %s', [target_id]).fetchone()
        names = [column.name for column in cursor.description or ()]
    return None if found is None else dict(zip(names, found, strict=True))


def kept_rows(source: str, table: str, key: str) -> list[dict[str, Any]]:
    """The stored versions of a legacy row."""
    select = f'SELECT row FROM {LEGACY} WHERE source = %s AND "table" = %s AND key = %s'
    return [one[0] for one in run(select, [source, table, key])]


def remember(source: str, table: str, rows: Sequence[Imported]) -> None:
    columns = [
        "source",
        "table",
        "key",
        "target_id",
        "source_hash",
        "target_hash",
        "settled_hash",
        "unresolved",
    ]
    copy(
        ROWS,
        columns,
        (
            (
                source,
                table,
                one.row.key,
                one.target_id,
                one.row.hash,
                one.target_hash,
                one.settled_hash,
                one.unresolved,
            )
            for one in rows
        ),
    )


def remember_again(source: str, table: str, rows: Sequence[Imported]) -> None:
    run_many(
        f"UPDATE {ROWS} SET target_id = %s, source_hash = %s, target_hash = %s, settled_hash = %s, unresolved = %s "
        'WHERE source = %s AND "table" = %s AND key = %s',
        [
            (
                one.target_id,
                one.row.hash,
                one.target_hash,
                one.settled_hash,
                one.unresolved,
                source,
                table,
                one.row.key,
            )
            for one in rows
        ],
    )


def reject(source: str, file: str, table: str, rows: Sequence[tuple[SourceRow, Rejection]]) -> None:
    """Keep the rows whole with the reason."""
    # A VALUES list would bind 65,535 parameters at most; JSON carries any number of rows.
    items = [
        {
            "key": row.key,
            "reason": why.reason,
            "detail": why.detail,
            "row": row_to_json(row.values),
            "hash": row.hash.hex(),
        }
        for row, why in rows
    ]
    run(
        f"""
        INSERT INTO {REJECTS} (source, file, "table", key, reason, detail, row, source_hash, state)
        SELECT %s, %s, %s, key, reason, detail, row, decode(hash, 'hex'), 'open'
        FROM jsonb_to_recordset(%s::jsonb) AS i(key text, reason text, detail text, row jsonb, hash text)
        ON CONFLICT (source, "table", key) DO UPDATE SET
            file = EXCLUDED.file, reason = EXCLUDED.reason, detail = EXCLUDED.detail, row = EXCLUDED.row,
            source_hash = EXCLUDED.source_hash, state = 'open', at = now()
        """,
        [source, file[:250], table, json.dumps(items)],
    )


def open_rejects(source: str, table: str, keys: list[str]) -> dict[str, tuple[bytes, str, str]]:
    """What stands open among the rejects: key -> source hash, reason, detail."""
    select = f"SELECT key, source_hash, reason, detail FROM {REJECTS} WHERE source = %s"
    found = run(select + " AND \"table\" = %s AND key = ANY(%s) AND state = 'open'", [source, table, keys])
    return {key: (hashed, reason, detail) for key, hashed, reason, detail in found}


def open_reject_keys(source: str, file: str, table: str) -> set[str]:
    """The open rejects that came from this file."""
    select = (
        f"SELECT key FROM {REJECTS} WHERE source = %s AND file = %s AND \"table\" = %s AND state = 'open'"
    )
    return {key for (key,) in run(select, [source, file[:250], table])}


def resolve(source: str, table: str, keys: list[str]) -> None:
    """Rows that are in now are no longer open among the rejects."""
    run(
        f"UPDATE {REJECTS} SET state = 'resolved', at = now() "
        "WHERE source = %s AND \"table\" = %s AND key = ANY(%s) AND state = 'open'",
        [source, table, keys],
    )


def kept(source: str, table: str, keys: list[str]) -> dict[str, set[bytes]]:
    """The versions of legacy rows that are stored already, by key."""
    found: dict[str, set[bytes]] = {}
    select = f'SELECT key, source_hash FROM {LEGACY} WHERE source = %s AND "table" = %s AND key = ANY(%s)'
    for key, version in run(select, [source, table, keys]):
        found.setdefault(key, set()).add(version)
    return found


def keep(source: str, table: str, rows: Sequence[SourceRow]) -> None:
    copy(
        LEGACY,
        ["source", "table", "key", "row", "source_hash"],
        ((source, table, row.key, json.dumps(row_to_json(row.values)), row.hash) for row in rows),
    )
