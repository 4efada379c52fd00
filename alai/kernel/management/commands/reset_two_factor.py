"""`manage.py reset_two_factor NAME`: the way back in when nobody is left who could reset it in the browser."""

import argparse
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError

from alai.kernel import command, context, two_factor
from alai.kernel.errors import ApiError
from alai.kernel.principals import Principal

OPERATOR = Principal(actor="system", scopes=frozenset({"admin"}))


class Command(command.Command):
    help = (
        "Take away a person's second factor and end their sessions; their password alone signs them in then. "
        "For the last administrator, who has nobody to ask. It stands in the audit trail."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the name that the person signs in with")
        parser.add_argument("--reason", default="reset on the command line", help="for the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"there is no person named {options['name']}")
        try:
            with context.acting(actor=OPERATOR.actor):
                two_factor.reset(by=OPERATOR, user=user, reason=options["reason"])
        except ApiError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{user.get_username()} signs in with the password alone now.")
