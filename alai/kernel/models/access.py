"""How people get in: their sessions, their authenticators, their recovery codes."""

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Now
from django.utils.module_loading import import_string
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.oath import TOTP

from alai.kernel.sealing import unseal

DIGITS = 6
TOLERANCE = 1  # steps of 30 seconds that a phone's clock may be off, either way


class Session(AbstractBaseSession):
    """A browser's session, kept by `alai.kernel.sessions`; who is signed in with it, where, and since when.

    `session_key` holds the SHA-256 of the cookie's value, so that whoever reads the table has no cookie.
    """

    session_key = models.CharField(max_length=64, primary_key=True, verbose_name="hash of the key")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions"
    )
    address = models.GenericIPAddressField(null=True, help_text="Where it was last used from.")
    agent = models.CharField(max_length=400, blank=True, help_text="What the browser says of itself.")
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="To within a few minutes.")

    class Meta:
        ordering = ["-seen_at"]
        verbose_name = "session"
        verbose_name_plural = "sessions"

    def __str__(self) -> str:
        return f"Session of {self.user or 'nobody'}"

    def save(self, *, force_update: bool = False, **options: Any) -> None:
        """What a request changed in its session is no news of who uses it and when."""
        if force_update:
            options["update_fields"] = ("session_data", "expire_date")
        super().save(force_update=force_update, **options)

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        store: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
        return store


class Authenticator(TimestampMixin, ThrottlingMixin, Device):
    """Somebody's authenticator app: a django-otp device that keeps its secret sealed.

    After each wrong code the library waits twice as long before it looks at another, right or wrong.
    """

    sealed_secret = models.CharField(max_length=255)
    last_step = models.BigIntegerField(default=-1, help_text="A code of this time step or before was used.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="one_authenticator_a_person")]

    def __str__(self) -> str:
        return f"Authenticator of {self.user}"

    def get_throttle_factor(self) -> float:
        return settings.TWO_FACTOR_WAIT_SECONDS

    def verify_token(self, token: str) -> bool:
        """Whether the code is right, and newer than any used before. Call it with the row locked.

        Raises sealing.Unreadable after a change of SECRET_KEY.
        """
        if not self.verify_is_allowed()[0]:
            return False
        step = matching_step(unseal(self.sealed_secret), token, after=self.last_step)
        if step is None:
            self.throttle_increment()
            return False
        self.last_step = step
        self.throttle_reset(commit=False)
        self.set_last_used_timestamp(commit=False)
        self.save()
        return True


def matching_step(secret: str, code: str, *, after: int = -1) -> int | None:
    """The time step, later than `after`, of which `code` is the secret's (hex) code now; else None."""
    totp = TOTP(bytes.fromhex(secret), digits=DIGITS)
    totp.time = time.time()  # one moment for all the steps that are tried
    found: bool = totp.verify(int(code), TOLERANCE, after + 1)
    return totp.t() if found else None


class RecoveryCode(models.Model):
    """A way in without the phone. Only the SHA-256 of its 80 random bits is stored; it works once."""

    authenticator = models.ForeignKey(Authenticator, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["authenticator", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"Recovery code of {self.authenticator.user}{', used' if self.used_at else ''}"
