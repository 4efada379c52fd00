"""What a signed-in person may do."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User

READING = {"tasks:read", "inbox:read", "infra:read"}


def session_scopes(user: AbstractBaseUser) -> frozenset[str]:
    """A superuser may do everything but approve as CEO; the group `ceo` may that; other staff may read."""
    scopes = {"admin"} if getattr(user, "is_superuser", False) else READING
    if isinstance(user, User) and user.groups.filter(name="ceo").exists():
        scopes = scopes | {"admin", "ceo"}
    return frozenset(scopes)
