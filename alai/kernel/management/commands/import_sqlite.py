"""`manage.py import_sqlite DB...`: the old system's SQLite files into this database, again and again."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError
from tqdm import tqdm

from alai.kernel import command
from alai.kernel.importing.runner import BATCH_ROWS, Busy, Report, run, to_json

UNDEFINED_TABLE = "42P01"
SHOWN = 10  # differences of the sample
COLUMNS = ("source", "created", "updated", "unchanged", "rejected")


class Command(command.Command):
    help = (
        "Import legacy SQLite files: each is recognised by its tables and copied first, so that the old system may "
        "go on writing. Every row is created, updated, unchanged or rejected with a reason (see Import rejects in "
        "the admin). It can be run again, and killed, at any time. Exit code 0 when the sums agree and a sample of "
        "100 rows matches field by field, else 1."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="DB", type=Path, help="a SQLite file")
        parser.add_argument("--dry-run", action="store_true", help="judge every row and write nothing")
        parser.add_argument("--json", action="store_true", help="print the sums as one JSON object")
        parser.add_argument(
            "--batch", type=int, default=BATCH_ROWS, metavar="ROWS", help="rows a transaction"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["batch"] <= 50_000:
            raise CommandError("--batch must lie between 1 and 50000")
        report = self._run(options)
        for sentence in report.notices:
            self.stderr.write(sentence, self.style.WARNING)
        for sentence in [*report.errors.values(), *report.sample.mismatches[:SHOWN]]:
            self.stderr.write(f"error: {sentence}")
        if options["json"]:
            self.stdout.write(json.dumps(to_json(report)))
        else:
            self.stdout.write(_table(report))
            self.stdout.write(_sentence(report, dry_run=options["dry_run"]))
        if not report.agrees:
            sys.exit(1)

    def _run(self, options: dict[str, Any]) -> Report:
        watched = sys.stderr.isatty()
        try:
            return run(
                options["files"],
                dry_run=options["dry_run"],
                batch_rows=options["batch"],
                progress=_bar if watched else None,
            )
        except Busy as error:
            raise CommandError(str(error)) from None
        except ProgrammingError as error:
            if getattr(error.__cause__, "sqlstate", "") != UNDEFINED_TABLE:
                raise
            raise CommandError("The database has no tables yet: run `manage.py migrate` first.") from None
        except OperationalError as error:
            reason = str(error).splitlines()[0]
            raise CommandError(
                f"PostgreSQL gave up ({reason}). What was imported so far is complete: run the import again."
            ) from None


def _bar(total: int) -> Callable[[int], object]:
    bar = tqdm(total=total, unit=" rows", file=sys.stderr, leave=False)

    def step(rows: int) -> None:
        bar.update(rows)
        if bar.n >= total:
            bar.close()

    return step


def _table(report: Report) -> str:
    lines: list[tuple[str, ...]] = [("", *COLUMNS)]
    for name, tables in report.files.items():
        lines += [
            (f"{name}  {table}", *(f"{getattr(counts, column):,}" for column in COLUMNS))
            for table, counts in tables.items()
        ]
    first = max(len(line[0]) for line in lines)
    return "\n".join(line[0].ljust(first) + "".join(text.rjust(12) for text in line[1:]) for line in lines)


def _sentence(report: Report, *, dry_run: bool) -> str:
    every = [counts for tables in report.files.values() for counts in tables.values()]
    rejected = sum(counts.rejected for counts in every)
    read = sum(counts.source for counts in every)
    parts = [f"{read:,} rows {'judged, nothing written,' if dry_run else 'read'} in {report.seconds:.1f} s"]
    parts.append(f"{rejected:,} rejected (see Import rejects in the admin)" if rejected else "none rejected")
    parts.append(f"{report.sample.checked} compared field by field, {report.sample.mismatched} differ")
    if not all(counts.agrees for counts in every):
        parts.append("the sums do not agree")
    if report.errors:
        parts.append(f"{len(report.errors)} files could not be imported whole")
    return "; ".join(parts) + "."
