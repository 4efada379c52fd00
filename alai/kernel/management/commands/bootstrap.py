"""`manage.py bootstrap`: the first administrator of a new installation."""

import os
import secrets
from typing import Any

from django.contrib.auth.models import Group, User

from alai.kernel import audit, command, context
from alai.kernel.models import Actor
from alai.kernel.people import CEO

NAME = "admin"


class Command(command.Command):
    help = (
        "Create the first administrator, unless there is one. The name and a random password are printed once; "
        "ADMIN_PASSWORD sets the password."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(is_superuser=True).exists():
            return
        chosen = os.environ.get("ADMIN_PASSWORD", "")
        password = chosen or secrets.token_urlsafe(12)
        with context.acting(actor="system", why="first start"), audit.writing():
            user = User.objects.create_superuser(NAME, password=password)
            user.groups.add(Group.objects.get_or_create(name=CEO)[0])
            Actor.objects.get_or_create(name=NAME, defaults={"kind": Actor.Kind.PERSON, "user": user})
        shown = "the one in ADMIN_PASSWORD" if chosen else f"{password}  (shown once; change it in the admin)"
        self.stdout.write(f"\n  Sign in as: {NAME}\n  Password:   {shown}\n")
