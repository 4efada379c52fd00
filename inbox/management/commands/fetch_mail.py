"""`manage.py fetch_mail [ADDRESS...]`: one turn of fetching by hand."""

import argparse
from typing import Any

from django.core.management.base import CommandError

from alai.kernel import command
from alai.kernel.words import plural
from inbox.fetching.kept import KEEPER
from inbox.fetching.poll import poll
from inbox.management.naming import chosen


class Command(command.Command):
    help = (
        "Fetch what is new from mail accounts now, also from those that wait after a failure. Without ADDRESS: from "
        "every account that is switched on. Exit status 1 when one failed."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("addresses", nargs="*", metavar="ADDRESS")
        parser.add_argument(
            "--all", action="store_true", help="go on until everything is fetched, however long it takes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        try:
            for account in chosen(options["addresses"]):
                outcome = poll(account.pk)
                while options["all"] and outcome.more:
                    self.stdout.write(f"{account}: {outcome.sentence}")
                    outcome = poll(account.pk)
                self.stdout.write(f"{account}: {outcome.sentence}")
                failed += outcome.failed
        finally:
            KEEPER.close()
        if failed:
            raise CommandError(f"{plural(failed, 'account')} could not be fetched; see above.")
