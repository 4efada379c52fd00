"""`manage.py load_registry [DIR] [--dry-run]`: the company's facts from YAML into the database."""

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from alai.kernel import command, context
from infra import registry
from infra.registry import Outcome, RegistryError

SHOWN = 40


class Command(command.Command):
    help = (
        "Load the registry's YAML files: create, update, and delete what files once brought and no longer have. "
        "What was edited in the admin is kept and listed as a difference. All or nothing."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", default=str(settings.REGISTRY_DIR), metavar="DIR")
        parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
        parser.add_argument(
            "--first-start", action="store_true", help="do nothing when the database already holds a registry"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["folder"]).expanduser()
        if options["first_start"] and (not folder.is_dir() or any(_has_rows())):
            return
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder: name the one that holds the registry's YAML files")
        if not any(folder.glob("*.y*ml")):
            raise CommandError(f"{folder} holds no YAML file")
        with context.acting(actor="system"):
            try:
                outcome = registry.load(folder, dry_run=options["dry_run"])
            except RegistryError as error:
                raise CommandError(_listed(error)) from None
        if options["first_start"]:
            self.stdout.write(f"The company's registry is loaded: {outcome.plan.count('create')} facts.")
        else:
            self._tell(outcome, dry_run=options["dry_run"])

    def _tell(self, outcome: Outcome, *, dry_run: bool) -> None:
        plan = outcome.plan
        for line in [
            change for change in plan.changes if change.fields or change.op in ("delete", "release")
        ]:
            self.stdout.write(str(line))
        for difference in plan.differences:
            self.stdout.write(str(difference))
        for sentence in outcome.kept:
            self.stdout.write(f"! {sentence}")
        deleted = plan.count("delete") - len(outcome.kept)
        done = f"{plan.count('create')} created, {plan.count('update')} updated, {deleted} deleted"
        kept = f"{plan.unchanged} unchanged, {len(plan.differences)} edited here"
        self.stdout.write(f"{'Would be: ' if dry_run else ''}{done}, {kept}.")


def _has_rows() -> list[bool]:
    return [kind.model._default_manager.exists() for kind in registry.kinds()]


def _listed(error: RegistryError) -> str:
    more = len(error.problems) - SHOWN
    lines = [str(problem) for problem in error.problems[:SHOWN]] + ([f"and {more} more"] if more > 0 else [])
    return "nothing was loaded:\n  " + "\n  ".join(lines)
