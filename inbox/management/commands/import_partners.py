"""`manage.py import_partners FILE`: the old allowlist, strategic-partners.json, into the partners here."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from alai.kernel import command
from alai.kernel.errors import ApiError
from alai.kernel.words import plural
from inbox import services
from inbox.access import SYSTEM


class Command(command.Command):
    help = (
        'Import a strategic-partners.json: {"senders": [{"email", "name", "tier", "reason"}], "domains": [...]}. '
        "Partners that are there already get the file's name, tier and reason; none is removed. All or nothing."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from None
        try:
            added, known = services.import_partners(by=SYSTEM, text=text)
        except ApiError as error:
            raise CommandError(f"{path}: {error.detail}") from None
        self.stdout.write(f"{plural(added, 'partner')} added, {known} known before.")
