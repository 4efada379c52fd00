"""`manage.py restore FILE`: a backup put back whole and verified, or nothing changed."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from alai.kernel import command, context
from alai.kernel.backup.bring_back import bring_back, check
from alai.kernel.backup.errors import BackupError
from alai.kernel.backup.manifest import Manifest
from alai.kernel.backup.progress import shown


class Command(command.Command):
    help = (
        "Put back what `manage.py backup` saved, into an empty installation; every table's rows and checksum are "
        "verified. It happens in one transaction: a restore that fails or is killed changes nothing. A backup of an "
        "older version is migrated to this one."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="a file that `manage.py backup` wrote")
        parser.add_argument("--replace", action="store_true", help="delete what the installation holds now")
        parser.add_argument("--check", action="store_true", help="read and verify FILE, and change nothing")
        parser.add_argument("--json", action="store_true", help="print what was restored as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        start = time.monotonic()
        try:
            manifest = self._run(options)
        except BackupError as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            reason = str(error).splitlines()[0]
            raise CommandError(f"PostgreSQL gave up ({reason}), so nothing was changed.") from None
        seconds = round(time.monotonic() - start, 3)
        if options["json"]:
            self.stdout.write(json.dumps(_facts(manifest, seconds, restored=not options["check"])))
            return
        self.stdout.write(
            f"{manifest.rows:,} rows of {len(manifest.tables)} tables and {len(manifest.files)} files of "
            f"{manifest.made_at} {'are whole' if options['check'] else 'are back and verified'} ({seconds:.1f} s)."
        )

    def _run(self, options: dict[str, Any]) -> Manifest:
        path = options["file"].expanduser().absolute()
        with shown() as step, context.acting(actor="system", why="manage.py restore"):
            if options["check"]:
                return check(path=path, step=step)
            return bring_back(path=path, replace=options["replace"], step=step).manifest


def _facts(manifest: Manifest, seconds: float, *, restored: bool) -> dict[str, Any]:
    return {"restored": restored, "verified": True, **manifest.facts(), "seconds": seconds}
