"""`manage.py export_registry DIR`: the registry back as YAML, byte for byte the same where nothing changed."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from alai.kernel import command
from infra import registry


class Command(command.Command):
    help = "Write the registry as YAML files, with a JSON Schema of each for editors."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", metavar="DIR", help="created when it is not there")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["folder"]).expanduser()
        try:
            changed = registry.export(folder)
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error.strerror or error}") from None
        for path in changed:
            self.stdout.write(str(path))
        self.stdout.write(f"{len(changed)} files written." if changed else "Nothing has changed.")
