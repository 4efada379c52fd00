"""`manage.py import_gatus FILE [--dry-run]`: a Gatus configuration's endpoints as checks."""

import argparse
import re
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import CommandError

from alai.kernel import command
from alai.kernel.errors import ApiError
from infra import gatus, services
from infra.gatus import NotTaken, Reading
from infra.services.climbing import SYSTEM

MAX_BYTES = 4 * 1024 * 1024


class _Loader(yaml.SafeLoader):
    """Gatus reads YAML as Go does: `on` and `off` are words. Anchors, which its files are full of, are followed."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


class Command(command.Command):
    help = (
        "Take the endpoints of a Gatus configuration over as checks. Each endpoint is taken whole or named with the "
        "reason why not; a check that is there already is left as it is. export_registry writes them into files."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be taken and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reading = _read(Path(options["file"]).expanduser())
        try:
            done = services.import_checks(by=SYSTEM, checks=reading.taken, dry_run=options["dry_run"])
        except ApiError as error:
            raise CommandError(f"nothing was imported: {error.detail}") from None
        signs = {**dict.fromkeys(done.created, "+"), **dict.fromkeys(done.unchanged, "=")}
        for one in reading.taken:
            sign = signs.get(one.name, "!")
            remarks = [
                *one.remarks,
                *(["there is another check of that name: it stays"] if sign == "!" else []),
            ]
            self.stdout.write(
                f"{sign} {one.name} {one.fields['kind']}{': ' if remarks else ''}{'; '.join(remarks)}"
            )
        for other in reading.left:
            self.stdout.write(f"- {other.name}: {other.reason}")
        counts = (
            f"{len(done.created)} created, {len(done.unchanged)} there already, {len(done.differing)} differ"
        )
        self.stdout.write(
            f"{'Would be: ' if options['dry_run'] else ''}{counts}, {len(reading.left)} not taken."
        )


def _read(path: Path) -> Reading:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CommandError(f"{path} is larger than {MAX_BYTES // 1024 // 1024} MB")
        return gatus.convert(_Loader(path.read_text("utf-8")).get_single_data())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8 text") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise CommandError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    except NotTaken as error:
        raise CommandError(f"{path}: {error}") from None
