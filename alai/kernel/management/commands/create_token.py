"""`manage.py create_token --agent NAME --scope S`: prints a new token alone on stdout."""

import argparse
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils import timezone

from alai.kernel import command, context, limits
from alai.kernel.auth import issue_token
from alai.kernel.models import SCOPES, Actor

DEFAULT_SCOPES = ["tasks:read", "tasks:write", "hivemind"]


class Command(command.Command):
    help = (
        "Create an API token for an agent and print it once; only its hash is stored. "
        f"Scopes: {', '.join(SCOPES)}. Without --scope: {', '.join(DEFAULT_SCOPES)}."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--agent", required=True, help="the actor's name; created as an agent when new")
        parser.add_argument("--scope", action="append", metavar="S", help="may be repeated")
        parser.add_argument("--name", default="", help="what the token is for")
        parser.add_argument("--days", type=int, help="expires after so many days; without it, never")
        parser.add_argument(
            "--team", action="append", default=[], help="only this team's tasks; may be repeated"
        )
        parser.add_argument("--account", action="append", default=[], help="only this mail account")
        parser.add_argument("--host", action="append", default=[], help="only this host")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] is not None and not 1 <= options["days"] <= 36_500:
            raise CommandError("--days must lie between 1 and 36500")
        with context.acting(actor="system", why="manage.py create_token"):
            self.stdout.write(self._issue(options))
        for kind in ("team", "account", "host"):
            for remark in limits.remarks(kind, options[kind]):
                self.stderr.write(remark)

    def _issue(self, options: dict[str, Any]) -> str:
        days = options["days"]
        try:
            token = issue_token(
                actor=_actor(options["agent"]),
                scopes=options["scope"] or DEFAULT_SCOPES,
                name=options["name"],
                expires_at=timezone.now() + timedelta(days=days) if days else None,
                teams=options["team"],
                accounts=options["account"],
                hosts=options["host"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        return token[1]


def _actor(name: str) -> Actor:
    """The actor of that name, or a new agent."""
    found = Actor.objects.filter(name=name).first()
    if found is not None:
        if not found.is_active:
            raise CommandError(f"{name} is inactive: activate the actor in the admin first")
        return found
    actor = Actor(name=name, kind=Actor.Kind.AGENT)
    try:
        actor.full_clean()
    except ValidationError:
        raise CommandError(
            f"{name!r} is no actor's name: letters, digits and ._@- only, beginning with a letter or digit"
        ) from None
    actor.save()
    return actor
