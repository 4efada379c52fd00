"""What the database holds, by its own catalogue and its own migrations (the code may be newer)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import FileField
from psycopg import sql

from alai.kernel.backup.errors import BackupError

Migrations = tuple[tuple[str, str], ...]

# Sessions are secrets of the moment; django_migrations is written by migrating.
NOT_KEPT = {"django_session", "kernel_session", "django_migrations"}
PATIENCE = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
# The same rows must give the same text on every server and in every release.
TEXT = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
}
COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL), a.attcollation <> 0,
       array_position(i.indkey::int2[], a.attnum)
FROM pg_attribute a
LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = quote_ident(%s)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum
"""
DERIVED = "SELECT coalesce(obj_description(quote_ident(%s)::regclass, 'pg_class') LIKE 'derived: %%', false)"
TABLES = """
SELECT relname FROM pg_class c
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'f') AND NOT relispartition
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY relname
"""
SEQUENCES = """
SELECT t.relname || '.' || a.attname, s.last_value
FROM pg_depend d
JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'
JOIN pg_class t ON t.oid = d.refobjid
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
JOIN pg_sequences s ON s.schemaname = current_schema() AND s.sequencename = q.relname
WHERE t.relnamespace = current_schema()::regnamespace AND d.deptype IN ('a', 'i') AND s.last_value IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that exists. `types`: column to type; `order`: expressions that put its rows in one certain order.

    `is_derived`: triggers write it from the rows of another table, as its comment says.
    """

    name: str
    types: dict[str, str]
    order: sql.Composed
    is_derived: bool

    def transaction_columns(self) -> set[str]:
        return {name for name, kind in self.types.items() if kind == "xid8"}

    def copy_out(self, columns: tuple[str, ...]) -> sql.Composed:
        return sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT").format(
            _names(columns), sql.Identifier(self.name), self.order
        )

    def copy_in(self, columns: tuple[str, ...]) -> sql.Composed:
        return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(self.name), _names(columns))


@dataclass(frozen=True, slots=True)
class Ours:
    """What the applied migrations made: tables, and the columns that name stored files."""

    migrations: Migrations
    tables: frozenset[str]
    file_columns: tuple[tuple[str, str], ...]


@contextmanager
def portable() -> Iterator[None]:
    """In a transaction: rows become the same text on every server. What was set before stands again after."""
    before = {name: value("SELECT current_setting(%s)", name) for name in TEXT}
    configure(TEXT)
    yield
    configure(before)


def configure(settings: dict[str, str]) -> None:
    """Set PostgreSQL's parameters until the transaction ends."""
    for name, text in settings.items():
        rows("SELECT set_config(%s, %s, true)", name, text)


def by_present_names(migrations: Iterable[tuple[str, str]], loader: MigrationLoader) -> set[tuple[str, str]]:
    """The migrations as this version calls them: several that one replaced since, all applied, are that one."""
    names = set(migrations)
    for key, migration in loader.disk_migrations.items():
        if migration.replaces and names.issuperset(migration.replaces):
            names = names.difference(migration.replaces) | {key}
    return names


def unknown_names(migrations: Iterable[tuple[str, str]], loader: MigrationLoader) -> list[str]:
    """Those that this version does not have, as `app.name`."""
    names = by_present_names(migrations, loader)
    return [".".join(key) for key in sorted(names) if key not in loader.graph.nodes]


def ours() -> Ours:
    """What is Mission Control's in this database; raises BackupError for one that newer code has changed."""
    loader = MigrationLoader(connection)
    if unknown := unknown_names(loader.applied_migrations, loader):
        raise BackupError(
            f"The database is of another version, with the migration {unknown[0]}: use that version's commands."
        )
    applied = [key for key in loader.applied_migrations if key in loader.graph.nodes]
    models = loader.project_state(applied, at_end=True).apps.get_models(include_auto_created=True)
    return Ours(
        migrations=tuple(sorted(applied)),
        tables=frozenset(model._meta.db_table for model in models if model._meta.managed),
        file_columns=tuple(
            (model._meta.db_table, str(field.column))
            for model in models
            for field in model._meta.local_concrete_fields
            if isinstance(field, FileField)
        ),
    )


def table_names() -> list[str]:
    """Every table of the schema, Mission Control's or not."""
    return [row[0] for row in rows(TABLES)]


def table(name: str) -> Table:
    columns = rows(COLUMNS, name)
    key = sorted((column for column in columns if column[3] is not None), key=lambda column: column[3])
    order = [
        sql.SQL('{} COLLATE "C"' if collated else "{}").format(sql.Identifier(column))
        for column, _, collated, _ in key or columns
    ]
    types = {column: kind for column, kind, _, _ in columns}
    # Before tables had comments, only search words beside a key were derived.
    derived = value(DERIVED, name) or ("tsvector" in types.values() and len(types) == 2)
    return Table(name, types, sql.SQL(", ").join(order), derived)


def sequences() -> dict[str, int]:
    """`table.column` to the last number its sequence gave; without those that gave none."""
    return dict(rows(SEQUENCES))


def rows(statement: str, *params: str | int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def value(statement: str, *params: str | int) -> Any:
    return rows(statement, *params)[0][0]


def _names(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column) for column in columns)
