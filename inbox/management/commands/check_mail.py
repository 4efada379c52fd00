"""`manage.py check_mail [ADDRESS...]`: what mail servers say of accounts, in words. Stores nothing."""

import argparse
from typing import Any

from django.core.management.base import CommandError

from alai.kernel import command
from alai.kernel.words import plural
from inbox.fetching.checking import check
from inbox.management.naming import chosen


class Command(command.Command):
    help = (
        "Connect to mail accounts and say what is there: TLS, folders, messages, how far they are read. Nothing is "
        "stored and nothing changes on the server. Without ADDRESS: every account that is switched on. Exit status 1 "
        "when one cannot be read."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("addresses", nargs="*", metavar="ADDRESS")

    def handle(self, *args: Any, **options: Any) -> None:
        bad = 0
        for account in chosen(options["addresses"]):
            self.stdout.write(f"{account} at {account.host}:{account.port}")
            lines = list(check(account))
            bad += any(line.bad for line in lines)
            for line in lines:
                self.stdout.write(f"  {line.word:<12}{line.sentence}")
        if bad:
            raise CommandError(f"{plural(bad, 'account')} cannot be read as it should be; see above.")
