"""`manage.py send_digest`: the daily digest by hand."""

import argparse
from typing import Any

from django.conf import settings

from alai.kernel import command
from inbox import services


class Command(command.Command):
    help = (
        "Send the daily inbox digest to the channel INBOX_SLACK_CHANNEL. It goes out once a day; --force sends it "
        "again, --dry-run prints it and sends nothing."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="send it even if today's was sent")
        parser.add_argument("--dry-run", action="store_true", help="print it and send nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        result = services.send_digest(force=options["force"], dry_run=options["dry_run"])
        if options["dry_run"]:
            self.stdout.write(result.text)
        elif result.sent:
            self.stdout.write(
                f"The digest of {result.date} is in the outbox for {settings.INBOX_SLACK_CHANNEL}."
            )
        else:
            self.stdout.write(f"The digest of {result.date} was sent already; --force sends it again.")
