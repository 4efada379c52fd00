"""Restoring a backup: all of it, verified, in one transaction, or nothing."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection, transaction

from alai.kernel import audit, context
from alai.kernel.backup import catalog, schema
from alai.kernel.backup.archive import Archive, Sink, reading
from alai.kernel.backup.catalog import Table
from alai.kernel.backup.errors import BackupError
from alai.kernel.backup.files import require_inside, unpacked
from alai.kernel.backup.manifest import Manifest, TableEntry
from alai.kernel.backup.progress import Step, silent
from alai.kernel.backup.take import copy_out

LOCK = 0x5245_5354_4F52  # "RESTOR": one at a time
LONG_AGO = b"3"  # PostgreSQL's first ordinary transaction
IN_USE = ("55P03", "40P01")  # lock_not_available, deadlock_detected


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back and verified."""

    manifest: Manifest
    seconds: float


def check(*, path: Path, step: Step = silent) -> Manifest:
    """Read a whole backup and compare every row count and checksum; changes nothing."""
    with reading(path) as archive:
        schema.require_known(archive.manifest, str(path))
        _check(archive, step)
        return archive.manifest


def bring_back(*, path: Path, replace: bool = False, step: Step = silent) -> Restored:
    """Restore a backup; raises BackupError, and then nothing has changed. `replace` deletes what is there."""
    start = time.monotonic()
    with reading(path) as archive:
        schema.require_known(archive.manifest, str(path))
        _check(archive, step)
        with unpacked(archive, step) as files, transaction.atomic():
            _replace_database(archive, replace, step)
            _record(archive)
            files.place()
    return Restored(archive.manifest, round(time.monotonic() - start, 3))


def _check(archive: Archive, step: Step) -> None:
    require_inside(archive)
    for name, entry in archive.manifest.tables.items():
        found = 0
        for block in archive.table(name):
            found += block.count(b"\n")
            step(f"reading {name}", block.count(b"\n"))
        if found != entry.rows:
            raise BackupError(
                f"{archive.path} is damaged: the table {name} has {found} of {entry.rows} rows."
            )
    for name in archive.manifest.files:
        for _ in archive.file(name):
            step(f"reading {name}", 0)


def _replace_database(archive: Archive, replace: bool, step: Step) -> None:
    manifest = archive.manifest
    catalog.configure(catalog.PATIENCE)
    if not catalog.value("SELECT pg_try_advisory_xact_lock(%s)", LOCK):
        raise BackupError("Another restore is under way: wait for its end.")
    ours = catalog.ours()
    schema.require_alone(ours)
    if not replace:
        schema.require_empty(ours)
    step("building the tables", 0)
    _clear(ours)
    schema.build(manifest)
    with catalog.portable():
        keep_numbers = manifest.transactions_below <= _settled()
        for name, entry in manifest.tables.items():
            _load(archive, catalog.table(name), entry, keep_numbers, step)
    for name, last in manifest.sequences.items():
        _set_sequence(name, last)
    ContentType.objects.clear_cache()
    schema.bring_up_to_date()


def _clear(ours: catalog.Ours) -> None:
    try:
        schema.clear(ours)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") not in IN_USE:
            raise
        raise BackupError(
            "Somebody is writing to the database, so nothing was changed: stop Mission Control and restore again."
        ) from None


def _settled() -> int:
    """Transaction numbers below this one lie in the past of every reader here."""
    return int(catalog.value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))


def _load(archive: Archive, table: Table, entry: TableEntry, keep_numbers: bool, step: Step) -> None:
    """Copy a table in, and copy it out again to see that the very same rows stand there."""
    if not set(entry.columns) <= set(table.types):
        raise BackupError(
            f"{archive.path} cannot be restored: the table {table.name} has other columns here."
        )
    blocks = archive.table(table.name)
    numbers = [] if keep_numbers else [entry.columns.index(name) for name in table.transaction_columns()]
    sent = Sink(None)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(table.copy_in(entry.columns)) as copy,
    ):
        for block in _long_ago(blocks, numbers) if numbers else blocks:
            sent.write(block)
            copy.write(block)
            step(f"writing {table.name}", block.count(b"\n"))
    sent.flush()
    standing = Sink(None)
    copy_out(table, entry.columns, standing, step)
    if (standing.lines, standing.sha256) != (sent.lines, sent.sha256):
        raise BackupError(
            f"The table {table.name} did not come back as it was saved ({standing.lines:,} of {sent.lines:,} rows), "
            "so nothing was changed."
        )


def _long_ago(blocks: Iterator[bytes], columns: list[int]) -> Iterator[bytes]:
    """Rows whose transaction numbers belong to another server. They may lie in the future of this one, where
    commit-safe readers wait for them; here, all of them have ended long ago."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield b"".join(_with(line, columns) for line in lines)


def _with(line: bytes, columns: list[int]) -> bytes:
    fields = line.split(b"\t")
    for column in columns:
        fields[column] = LONG_AGO
    return b"\t".join(fields) + b"\n"


def _set_sequence(name: str, last: int) -> None:
    table, column = name.rsplit(".", 1)
    catalog.rows("SELECT setval(pg_get_serial_sequence(quote_ident(%s), %s), %s)", table, column, last)


def _record(archive: Archive) -> None:
    manifest = archive.manifest
    with context.acting(actor="system", why=context.current().why or "restore"):
        audit.record(
            action="restore", target_type="installation", target_id=archive.path.name, rows=manifest.rows,
            files=len(manifest.files), made_at=manifest.made_at, version=manifest.version,
        )  # fmt: skip
