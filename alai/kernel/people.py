"""What a signed-in person may do."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User

CEO = "ceo"
# What somebody must be allowed to see in the admin to read it through the API, too.
READING = {
    "tasks:read": ["missioncontrol.view_task"],
    "inbox:read": ["inbox.view_message", "inbox.view_mail"],
    "infra:read": [
        f"infra.view_{kind}" for kind in ("site", "host", "service", "job", "check", "incident", "cost")
    ],
}


def session_scopes(user: AbstractBaseUser) -> frozenset[str]:
    """A superuser may do everything but approve as CEO; the group `ceo` may that; other staff read what they see."""
    if not isinstance(user, User):
        return frozenset()
    if user.groups.filter(name=CEO).exists():
        return frozenset({"admin", "ceo"})
    if user.is_superuser:
        return frozenset({"admin"})
    return frozenset(scope for scope, permissions in READING.items() if user.has_perms(permissions))


def outranks(person: AbstractBaseUser | AnonymousUser, other: User) -> bool:
    """Whether one may change how the other signs in and what they may: nobody rises by that above themselves."""
    if getattr(person, "is_superuser", False):
        return True
    return not other.is_superuser and not other.groups.filter(name=CEO).exists()
