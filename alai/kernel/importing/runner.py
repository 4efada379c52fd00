"""One import: files in, a report out."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from alai.kernel import context
from alai.kernel.importing import store
from alai.kernel.importing.check import Sample
from alai.kernel.importing.engine import MAX_KEPT_ID, Counts, Loader
from alai.kernel.importing.mapping import DatabaseMapping, SourceRow, TableMapping, order_of, recognise
from alai.kernel.importing.order import circles, parents_first
from alai.kernel.importing.source import MAX_ID, Source, SourceError
from alai.kernel.importing.values import printable
from alai.kernel.models import ImportRun

ACTOR = "import"
BATCH_ROWS = 2_000
BATCH_BYTES = 16 * 1024 * 1024  # one JSON of rejects must stay far below PostgreSQL's 256 MB
LOCK = 0x494D_504F_5254  # "IMPORT": one at a time
LOCK_SECONDS = 5  # an import that was killed a moment ago may still hold it

Progress = Callable[[int], object]


class Busy(Exception):
    """Another import is running."""


@dataclass(slots=True)
class Report:
    """What an import did: file -> table -> counts; sentences about files that failed, and about what to know."""

    files: dict[str, dict[str, Counts]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    sample: Sample = field(default_factory=Sample)
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """The sums agree, the sample matches and every file could be read."""
        tables = [counts for file in self.files.values() for counts in file.values()]
        return not self.errors and not self.sample.mismatched and all(counts.agrees for counts in tables)


def run(
    paths: Sequence[Path],
    *,
    dry_run: bool = False,
    batch_rows: int = BATCH_ROWS,
    progress: Callable[[int], Progress] | None = None,
) -> Report:
    """Import SQLite files. `progress` is told the number of rows, and answers what each batch reports to."""
    start = time.monotonic()
    report = Report()
    with ExitStack() as stack, alone(), context.acting(actor=ACTOR, why="import_sqlite"):
        record = None if dry_run else ImportRun.objects.create()
        sources, total = {}, 0
        for name, path in _named(paths).items():
            try:
                source = stack.enter_context(closing(Source(path)))
                total += sum(source.count(table) for table in source.tables)
                sources[name] = source
            except SourceError as error:
                report.errors[name] = str(error)
        step = progress(total) if progress else _silent
        with _rolled_back() if dry_run else ExitStack():
            for name, source in sorted(sources.items(), key=lambda item: _turn(item[1])):
                _File(report, name, source, batch_rows, step, dry_run).load()
            report.sample.compare()
        report.seconds = round(time.monotonic() - start, 3)
        if record is not None:
            record.agrees, record.report, record.ended_at = report.agrees, to_json(report), timezone.now()
            record.save()
    return report


@dataclass(slots=True)
class _File:
    """One source on its way in."""

    report: Report
    name: str
    source: Source
    batch_rows: int
    step: Progress
    dry_run: bool
    mapping: DatabaseMapping | None = None

    def load(self) -> None:
        tables = self.report.files.setdefault(self.name, {})
        try:
            columns = self.source.columns()
            self.mapping = recognise(columns)
            known = self._known(columns)
            if self.mapping:
                tables.update({table.table: Counts() for table in self.mapping.tables})
            self._notice(columns, known)
            loader = Loader(self.mapping, self._source_name(), self.name, timezone.now(), not self.dry_run)
            if not self.dry_run:
                for table in known:
                    self._move_sequence(table)
            for table in known:
                self._load_table(loader, table, tables[table.table])
            for rest in columns.keys() - {table.table for table in known}:
                self._keep_table(loader, rest, tables.setdefault(rest, Counts()))
        except SourceError as error:
            self.report.errors[self.name] = str(error)

    def _source_name(self) -> str:
        return self.mapping.name if self.mapping else printable(self.source.path.stem)[:100]

    def _known(self, columns: dict[str, list[str]]) -> list[TableMapping]:
        """The mapped tables that are there with the columns they need."""
        tables = self.mapping.tables if self.mapping else ()
        return [table for table in tables if table.required <= set(columns.get(table.table, ()))]

    def _notice(self, columns: dict[str, list[str]], known: Sequence[TableMapping]) -> None:
        rest = sorted(columns.keys() - {table.table for table in known})
        if not columns:
            raise SourceError(f"{self.source.path} holds no tables.")
        if self.source.unread:
            self.report.notices.append(
                f"{self.name}: SQLite cannot read {', '.join(self.source.unread)} here; what the virtual ones hold is "
                "kept from the plain tables beside them."
            )
        if rest:
            self.report.notices.append(
                f"{self.name}: no mapping knows the tables {', '.join(rest)}; their rows are kept as they are."
            )

    def _move_sequence(self, table: TableMapping) -> None:
        """Before anything is written: an id that the source has is never drawn here again."""
        if table.ids == "new":
            return
        limit = MAX_ID if table.ids == "same" else MAX_KEPT_ID
        numbers = (number for (number,) in self.source.numbers(table.table, table.key) if number is not None)
        store.move_sequence_past(
            table.target, max((number for number in numbers if number <= limit), default=0)
        )

    def _load_table(self, loader: Loader, table: TableMapping, counts: Counts) -> None:
        counts.source = self.source.count(table.table)
        rows: Iterable[SourceRow] = self.source.rows(table.table, table.key)
        cut: frozenset[str] = frozenset()
        if table.parent and table.parent in self.source.columns()[table.table]:
            parents, closing_rows = circles(self.source.numbers(table.table, (*table.key, table.parent)))
            rows = parents_first(rows, table.parent, parents)
            cut = frozenset(map(str, closing_rows))
        lost = store.open_reject_keys(loader.source, self.name, table.table)
        for batch in self._batches(table.table, rows):
            lost.difference_update(row.key for row in batch)
            counts.add(loader.load(table, batch, cut))
        # The same file as before, later: these rows were corrected by their key, or deleted over there.
        if counts.unchanged + counts.updated > counts.created + counts.rejected:
            loader.close_rejects(table.table, sorted(lost))

    def _keep_table(self, loader: Loader, table: str, counts: Counts) -> None:
        counts.source = self.source.count(table)
        for batch in self._batches(table, self.source.rows(table)):
            counts.add(loader.keep(table, batch))

    def _batches(self, table: str, rows: Iterable[SourceRow]) -> Iterator[list[SourceRow]]:
        batch: list[SourceRow] = []
        size = 0
        for row in rows:
            self.report.sample.offer(self.source, self._source_name(), self.mapping, table, row)
            batch.append(row)
            size += sum(len(value) for value in row.values.values() if isinstance(value, str | bytes))
            if len(batch) == self.batch_rows or size > BATCH_BYTES:
                yield batch
                self.step(len(batch))
                batch, size = [], 0
        if batch:
            yield batch
            self.step(len(batch))


def _turn(source: Source) -> int:
    """What others refer to comes first, in whatever order the files were named: the ledger before mail about it."""
    try:
        return order_of(recognise(source.columns()))
    except SourceError:
        return order_of(None)


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Each file once, under its name; files of the same name under their paths."""
    unique = list({os.path.realpath(path): path for path in paths}.values())
    names = [path.name for path in unique]
    return {printable(path.name if names.count(path.name) == 1 else str(path)): path for path in unique}


def _silent(rows: int) -> None:
    """Nobody watches."""


@contextmanager
def alone() -> Iterator[None]:
    """A lock of this session: PostgreSQL frees it when the process is gone, however it went."""
    end = time.monotonic() + LOCK_SECONDS
    connection.ensure_connection()
    while not store.run("SELECT pg_try_advisory_lock(%s)", [LOCK])[0][0]:
        if time.monotonic() > end:
            raise Busy("Another import is running: wait until it has ended, then run this one again.")
        time.sleep(0.2)
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            store.run("SELECT pg_advisory_unlock(%s)", [LOCK])


@contextmanager
def _rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def to_json(report: Report) -> dict[str, Any]:
    """The report as `--json` prints it."""
    files = {
        name: {
            table: {
                "source": counts.source,
                "created": counts.created,
                "updated": counts.updated,
                "unchanged": counts.unchanged,
                "rejected": counts.rejected,
            }
            for table, counts in tables.items()
        }
        for name, tables in report.files.items()
    }
    sample = {"checked": report.sample.checked, "mismatched": report.sample.mismatched}
    return {
        "files": files,
        "sample_check": sample,
        "seconds": report.seconds,
        **({"errors": report.errors} if report.errors else {}),
    }
