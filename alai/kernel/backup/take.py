"""Taking a backup: everything in one snapshot, while others go on writing."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from alai.kernel import audit, context
from alai.kernel.backup import catalog
from alai.kernel.backup.archive import BLOCK, Sink, Writer, file_member, table_member, writing
from alai.kernel.backup.catalog import NOT_KEPT, Ours, Table
from alai.kernel.backup.errors import BackupError, cannot_use
from alai.kernel.backup.manifest import FileEntry, Manifest, TableEntry
from alai.kernel.backup.progress import Step, silent


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that is on the disk: its size in bytes, and what it holds."""

    path: Path
    size: int
    manifest: Manifest
    seconds: float


def take(*, path: Path, force: bool = False, step: Step = silent) -> Taken:
    """Write a backup to `path`; raises BackupError. Nothing stands there unless it is whole."""
    start = time.monotonic()
    with writing(path, force=force) as writer, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        catalog.configure(catalog.PATIENCE)
        with catalog.portable():
            manifest = _write(writer, step)
    size = path.stat().st_size
    with context.acting(actor="system", why=context.current().why or "backup"):
        audit.record(
            action="backup", target_type="installation", target_id=path.name, rows=manifest.rows, bytes=size,
            files=len(manifest.files), missing_files=len(manifest.missing_files),
        )  # fmt: skip
    return Taken(path, size, manifest, round(time.monotonic() - start, 3))


def _write(writer: Writer, step: Step) -> Manifest:
    ours = catalog.ours()
    if not ours.migrations:
        raise BackupError(
            "The database is empty, so there is nothing to back up: `manage.py migrate` begins one."
        )
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    tables = [catalog.table(name) for name in sorted(ours.tables - NOT_KEPT)]
    kept = {table.name: _write_table(writer, table, step) for table in tables if not table.is_derived}
    files, missing = _write_files(writer, _stored_files(ours), step)
    manifest = Manifest(
        version=settings.VERSION,
        made_at=made_at,
        postgresql=catalog.value("SHOW server_version"),
        transactions_below=catalog.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"),
        migrations=ours.migrations,
        tables=kept,
        # No snapshot holds sequences; the numbers they gave since are merely skipped.
        sequences={name: last for name, last in catalog.sequences().items() if name.split(".")[0] in kept},
        files=files,
        missing_files=tuple(missing),
    )
    writer.finish(manifest)
    return manifest


def _write_table(writer: Writer, table: Table, step: Step) -> TableEntry:
    columns = tuple(table.types)
    with writer.member(table_member(table.name)) as sink:
        copy_out(table, columns, sink, step)
    return TableEntry(columns, sink.lines, sink.sha256)


def copy_out(table: Table, columns: tuple[str, ...], sink: Sink, step: Step) -> None:
    """A table's rows in the order of its key, in COPY's text format."""
    step(table.name, 0)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(table.copy_out(columns)) as copy,
    ):
        for done, row in enumerate(copy, 1):
            sink.write(row)
            if done % 1000 == 0:
                step(table.name, 1000)
    sink.flush()
    step(table.name, sink.lines % 1000)


def _stored_files(ours: Ours) -> list[str]:
    """The names, below MEDIA_ROOT, of the files that rows of the snapshot name."""
    statement = sql.SQL("SELECT DISTINCT {column} FROM {table} WHERE {column} <> ''")
    found: set[str] = set()
    with connection.cursor() as cursor:
        for table, column in ours.file_columns:
            cursor.execute(statement.format(column=sql.Identifier(column), table=sql.Identifier(table)))
            found.update(row[0] for row in cursor.fetchall())
    return sorted(found)


def _write_files(writer: Writer, names: Iterable[str], step: Step) -> tuple[dict[str, FileEntry], list[str]]:
    files, missing = {}, []
    for name in names:
        path = Path(settings.MEDIA_ROOT) / name
        if path.is_file():
            step(name, 0)
            files[name] = _write_file(writer, name, path)
        else:
            missing.append(name)
    return files, missing


def _write_file(writer: Writer, name: str, path: Path) -> FileEntry:
    try:
        source = path.open("rb")
    except OSError as error:
        raise cannot_use(path, error) from None
    with source, writer.member(file_member(name)) as sink:
        while block := source.read(BLOCK):
            sink.write(block)
    return FileEntry(sink.size, sink.sha256)
