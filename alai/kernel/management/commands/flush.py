"""Django's `flush`, which has its reasons to fail for itself; here there is one that it does not know."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import flush

from alai.kernel.command import Command as SettingsChecked


class Command(SettingsChecked, flush.Command):
    def handle(self, **options: Any) -> None:
        """Raises CommandError: history is append-only, so that a database with tables of ours is never emptied."""
        try:
            super().handle(**options)
        except CommandError as error:
            if "append-only" not in str(error.__cause__):
                raise
            raise CommandError(
                "Nothing was removed: tasks, mail and the audit have a history that cannot be emptied. "
                "To begin anew, use another database, or another DATA_DIR."
            ) from None
