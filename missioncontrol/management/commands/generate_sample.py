"""`manage.py generate_sample --tasks N --events M`: an empty ledger becomes one to try things on."""

import argparse
import time
from typing import Any

from django.core.management.base import CommandError

from alai.kernel import command
from alai.kernel.backup.progress import shown
from missioncontrol import sample

MOST = 20_000_000


class Command(command.Command):
    help = (
        "Fill an empty ledger with made-up tasks, events and memories of two years, the same for the same seed. "
        "A million tasks take some minutes. Use a DATA_DIR of its own: nothing tells them from real ones."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--tasks", type=int, default=1_000, metavar="N")
        parser.add_argument("--events", type=int, metavar="M", help="five for each task, unless told")
        parser.add_argument("--memories", type=int, default=0, metavar="K")
        parser.add_argument("--seed", type=int, default=1, help="another seed, another ledger (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        tasks, memories, seed = options["tasks"], options["memories"], options["seed"]
        size = sample.Size(tasks, 5 * tasks if options["events"] is None else options["events"], memories)
        if not 1 <= tasks <= MOST or not 0 <= size.events <= 5 * MOST or not 0 <= memories <= MOST:
            raise CommandError(
                f"--tasks must lie between 1 and {MOST}, --events and --memories must not be negative"
            )
        if not 0 <= seed < 2_000_000:
            raise CommandError("--seed must lie between 0 and 1999999")
        begin = time.monotonic()
        try:
            with shown() as step:
                sample.fill(size, seed=seed, step=step)
        except sample.NotEmpty as error:
            raise CommandError(str(error)) from None
        taken = time.monotonic() - begin
        made = f"{size.tasks:,} tasks, {size.events:,} events and {size.memories:,} memories"
        self.stdout.write(f"Made {made} in {taken:.0f} s.")
