"""`manage.py watch_mail ADDRESS --host HOST --secret REFERENCE`: fetch a mail account, or change how it is reached."""

import argparse
from typing import Any

from django.core.management.base import CommandError

from alai.kernel import command
from alai.kernel.errors import ApiError
from inbox.access import SYSTEM
from inbox.models import Account
from inbox.services.watching import watch_account

FIELDS = {
    "host": "host", "port": "port", "security": "security", "login": "login", "secret": "secret_ref",
    "sent": "sent_folder", "authserv": "authserv_ids",
}  # fmt: skip


class Command(command.Command):
    help = (
        "Watch a mail account. The password stays where the reference says: env:NAME is an environment variable of "
        "the mail worker, file:/path a file with mode 0600. What is not given stays as it is."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("address", metavar="ADDRESS")
        parser.add_argument("--host", help="of the IMAP server, as its certificate names it")
        parser.add_argument("--port", type=int, help="993, or 143 with --security starttls")
        parser.add_argument("--security", choices=Account.Security.values)
        parser.add_argument("--login", metavar="NAME", help="when it is not the address")
        parser.add_argument("--secret", metavar="REFERENCE", help="env:NAME or file:/path")
        parser.add_argument(
            "--sent", metavar="FOLDER", help="the Sent folder, when it is not found by itself"
        )
        parser.add_argument(
            "--authserv",
            metavar="ID",
            action="append",
            help="who writes Authentication-Results; may be repeated",
        )
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--off", action="store_true", help="fetch it no more; nothing is deleted")
        switch.add_argument("--on", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {field: options[name] for name, field in FIELDS.items() if options[name] is not None}
        if options["off"] or options["on"]:
            given["enabled"] = options["on"]
        if given.get("security") == Account.Security.STARTTLS:
            given.setdefault("port", 143)
        try:
            account, new = watch_account(by=SYSTEM, address=options["address"], **given)
        except ApiError as error:
            raise CommandError(error.detail) from None
        verb = "is switched off" if not account.enabled else "is watched from now on" if new else "is changed"
        self.stdout.write(f"{account} {verb}. See what its server says: manage.py check_mail {account}")
