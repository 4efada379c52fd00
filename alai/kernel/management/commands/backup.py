"""`manage.py backup FILE`: everything that this installation holds, in one file."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from alai.kernel import command, context
from alai.kernel.backup.errors import BackupError
from alai.kernel.backup.progress import shown
from alai.kernel.backup.take import Taken, take


class Command(command.Command):
    help = (
        "Write every table and stored file to FILE, as they were at one moment; Mission Control may go on meanwhile. "
        "Row counts and checksums go with them. FILE appears when it is whole, and its owner alone can read it: it "
        "holds password hashes. `manage.py restore FILE` puts it back."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="the file to write")
        parser.add_argument("--force", action="store_true", help="overwrite FILE")
        parser.add_argument("--json", action="store_true", help="print what was saved as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"].expanduser().absolute()
        try:
            with shown() as step, context.acting(actor="system", why="manage.py backup"):
                taken = take(path=path, force=options["force"], step=step)
        except BackupError as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            reason = str(error).splitlines()[0]
            raise CommandError(f"PostgreSQL gave up ({reason}), so no backup was written.") from None
        self._report(taken, as_json=options["json"])

    def _report(self, taken: Taken, *, as_json: bool) -> None:
        manifest = taken.manifest
        if manifest.missing_files:
            self.stderr.write(
                f"warning: {len(manifest.missing_files)} stored files are missing on the disk and in the backup, "
                f"such as {manifest.missing_files[0]}.",
                self.style.WARNING,
            )
        if as_json:
            self.stdout.write(json.dumps(_facts(taken)))
            return
        self.stdout.write(
            f"{taken.path}: {manifest.rows:,} rows of {len(manifest.tables)} tables and {len(manifest.files)} files, "
            f"{taken.size / 1_000_000:.1f} MB in {taken.seconds:.1f} s."
        )


def _facts(taken: Taken) -> dict[str, Any]:
    return {"file": str(taken.path), "bytes": taken.size, **taken.manifest.facts(), "seconds": taken.seconds}
