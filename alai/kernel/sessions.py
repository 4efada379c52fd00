"""People's sessions: Django's, in a table that also says who is signed in, where, and since when.

Django's documented way to extend its database sessions (`SESSION_ENGINE`). A session that is ended is a row
that is gone, so its next request is nobody's. The table holds hashes of the keys only.
"""

import hashlib
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DBStore
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.address import client_address
from alai.kernel.models import Authenticator, Session

SEEN_EVERY = timedelta(minutes=5)
PLACE = ("user_id", "address", "agent", "signed_in_at", "seen_at")


def hash_key(key: str | None) -> str:
    """A session key has 160 random bits, so a plain hash is as good as a slow one."""
    return hashlib.sha256(key.encode()).hexdigest() if key else ""


class SessionStore(DBStore):
    """`row` is the session as it was loaded; None for a new one."""

    row: Session | None = None
    # Django's own would look for keys in the clear; these call the methods here.
    aload = SessionBase.aload
    aexists = SessionBase.aexists
    acreate = SessionBase.acreate
    asave = SessionBase.asave
    adelete = SessionBase.adelete

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        self.row = _row(self.session_key)
        if self.row is None:
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(self.row.session_data)
        return data

    def exists(self, session_key: str) -> bool:
        return super().exists(hash_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """A session that changes its key stays where and whose it was."""
        instance: Any = super().create_model_instance(data)
        instance.session_key = hash_key(instance.session_key)
        for name in PLACE if self.row else ():
            setattr(instance, name, getattr(self.row, name))
        return instance

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            super().delete(hash_key(key))

    def flush(self) -> None:
        super().flush()
        self.row = None


def signed_in(sender: object, request: HttpRequest, user: User, **_: object) -> None:
    """For `user_logged_in`: note whose the session is from now on, and where."""
    session = request.session
    if not isinstance(session, SessionStore):
        return
    if session.session_key is None:
        session.create()  # somebody else's was flushed
    Session.objects.filter(pk=hash_key(session.session_key)).update(
        user=user,
        address=client_address(request),
        agent=request.headers.get("User-Agent", "")[:400].replace("\0", ""),
        signed_in_at=Now(),
        seen_at=Now(),
    )
    session.row = _row(session.session_key)


def _row(key: str | None) -> Session | None:
    """The session, and with the same query the authenticator of whoever is signed in with it."""
    device = Authenticator.objects.filter(user=OuterRef("user")).values("pk")
    rows = Session.objects.filter(pk=hash_key(key), expire_date__gt=timezone.now())
    return rows.annotate(device_id=Subquery(device)).first()


def device_of(session: SessionBase, user: AbstractBaseUser) -> int | None:
    """The key of somebody's authenticator, which the session usually knows already."""
    row: Any = getattr(session, "row", None)
    known: int | None
    if row is not None and row.user_id == user.pk:
        known = row.device_id
        return known
    known = Authenticator.objects.filter(user_id=user.pk).values_list("pk", flat=True).first()
    return known


def note_seen(request: HttpRequest) -> None:
    """Keep when and where a session was last used; a write in five minutes, not one a request."""
    row = getattr(request.session, "row", None)
    if row is None or row.seen_at is None or row.seen_at > timezone.now() - SEEN_EVERY:
        return
    row.seen_at, row.address = timezone.now(), client_address(request)
    stale = Session.objects.filter(pk=row.pk, seen_at__lt=Now() - SEEN_EVERY)
    stale.update(seen_at=Now(), address=row.address)


def live(user: User) -> QuerySet[Session]:
    """Where somebody is signed in now, last used first."""
    return Session.objects.filter(user=user, expire_date__gt=Now()).defer("session_data").order_by("-seen_at")


def own(request: HttpRequest) -> str:
    """The hash that names the request's own session."""
    return hash_key(request.session.session_key)


def end(*, sessions: QuerySet[Session], why: str) -> int:
    """Sign out wherever these sessions are; answers how many they were."""
    with audit.writing(why=why):
        ended = list(sessions.order_by("pk").select_for_update().values_list("pk", "user_id"))
        Session.objects.filter(pk__in=[key for key, _ in ended]).delete()
        for user_id in {user_id for _, user_id in ended}:
            count = sum(other == user_id for _, other in ended)
            audit.record(action="sessions-ended", target_type="auth_user", target_id=user_id, sessions=count)
    return len(ended)


def end_others(*, request: HttpRequest, user: User, why: str) -> int:
    """Leave the request's own session alone."""
    return end(sessions=live(user).exclude(pk=own(request)), why=why)


def person_changed(sender: object, instance: User, created: bool, **_: object) -> None:
    """For `post_save` of users: a new password, or being deactivated, ends every session.

    The one in which somebody changed their own gets a new key right afterwards, and with it a new row.
    """
    if created:
        return
    if getattr(instance, "_password", None) is not None:
        end(sessions=live(instance), why="the password was changed")
    elif not instance.is_active:
        end(sessions=live(instance), why="the account was deactivated")
