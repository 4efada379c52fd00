"""The second factor at sign-in: codes of an authenticator app, and recovery codes for when the phone is gone.

django-otp counts, compares and throttles; here is what the house adds: sealed secrets, hashed recovery codes,
who must have it, and the way back for somebody who lost theirs.
"""

import base64
import hashlib
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY

from alai.kernel import audit, context, notifications, sessions, words
from alai.kernel.errors import Conflict, Forbidden, Invalid
from alai.kernel.models import Actor, Authenticator, RecoveryCode
from alai.kernel.models.access import DIGITS, matching_step
from alai.kernel.people import session_scopes
from alai.kernel.principals import Principal
from alai.kernel.sealing import Unreadable, seal
from alai.kernel.slack import escape

logger = logging.getLogger(__name__)

ISSUER = "Mission Control"
RECOVERY_CODES = 10
TYPED = re.compile(rf"[0-9]{{{DIGITS}}}")
RECOVERY = re.compile(r"[a-z2-7]{16}")
Missing = Literal["", "code", "set-up"]


class WrongCode(Exception):
    """A code that does not let in; the message says what to do, and is for the person."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A right code; `codes_left` is set when it was a recovery code."""

    device: Authenticator
    codes_left: int | None = None


# --- Reads ------------------------------------------------------------------------------------------


def of(user: AbstractBaseUser) -> Authenticator | None:
    device: Authenticator | None = Authenticator.objects.filter(user_id=user.pk).first()
    return device


def is_required_of(user: AbstractBaseUser) -> bool:
    """Whether REQUIRE_TWO_FACTOR means this person."""
    match settings.REQUIRE_TWO_FACTOR:
        case "everybody":
            return True
        case "staff":
            return bool(getattr(user, "is_staff", False))
        case "administrators":
            return "admin" in session_scopes(user)
    return False


def missing(user: AbstractBaseUser, session: SessionBase) -> Missing:
    """What a signed-in person still owes before this session counts: a code, setting it up, or nothing."""
    device_id = sessions.device_of(session, user)
    if device_id is None:
        return "set-up" if is_required_of(user) else ""
    shown = Authenticator(pk=device_id).persistent_id
    return "" if session.get(DEVICE_ID_SESSION_KEY) == shown else "code"


def codes_left(device: Authenticator) -> int:
    return RecoveryCode.objects.filter(authenticator=device, used_at=None).count()


# --- Setting up -------------------------------------------------------------------------------------


def new_secret() -> str:
    """160 random bits, hex."""
    return secrets.token_hex(20)


def readable(secret: str) -> str:
    """The secret (hex) as apps take it when typed: base32 in groups of four."""
    return _grouped(base64.b32encode(bytes.fromhex(secret)).decode())


def address(secret: str, user: User) -> str:
    """The `otpauth://` address that the QR code holds."""
    label = quote(f"{ISSUER}:{user.get_username()}")
    query = {"secret": base64.b32encode(bytes.fromhex(secret)).decode(), "issuer": ISSUER, "digits": DIGITS}
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"


def activate(
    *, user: User, secret: str, step: int, replacing: Authenticator | None = None
) -> tuple[Authenticator, list[str]]:
    """Ask for this authenticator's codes from now on; answers it and the recovery codes, never seen again.

    `secret` is hex; `step` comes from `prove`, whose code is used up. `replacing` is the authenticator that was
    there before; raises Conflict when that is not so any more.
    """
    with audit.writing(why="two-factor set up"):
        User.objects.select_for_update().get(pk=user.pk)  # one at a time
        if of(user) != replacing:
            raise Conflict("Your two-factor was changed elsewhere meanwhile; look again.")
        Authenticator.objects.filter(user=user).delete()
        device = Authenticator.objects.create(
            user=user, name="Authenticator app", sealed_secret=seal(secret), last_step=step
        )
        return device, renew_codes(device=device)


def prove(*, secret: str, code: str) -> int:
    """The time step of a right code, from an app that is being set up. Raises WrongCode."""
    typed = _tidied(code)
    step = matching_step(secret, typed) if TYPED.fullmatch(typed) else None
    if step is None:
        raise WrongCode(f"That is not the code which your app shows now: type its {DIGITS} digits.")
    return step


def renew_codes(*, device: Authenticator) -> list[str]:
    """New recovery codes in place of the old ones; they are never seen again."""
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    with audit.writing(history=RecoveryCode._meta.db_table):
        device.recovery_codes.all().delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(authenticator=device, digest=_hashed(code)) for code in codes
        )
        audit.record(
            action="recovery-codes-made", target_type="auth_user", target_id=device.user_id, codes=len(codes)
        )
    return [_grouped(code) for code in codes]


# --- Asking -----------------------------------------------------------------------------------------


def verify(*, user: User, code: str) -> Verified:
    """The second step of signing in: a code of the app, or a recovery code. Either works once. Raises WrongCode."""
    typed = _tidied(code)
    with context.acting(actor=user.get_username()):
        if TYPED.fullmatch(typed):
            return Verified(_verify_code(user, typed))
        if RECOVERY.fullmatch(typed):
            return _use_recovery_code(user, typed)
    raise WrongCode(f"Type the {DIGITS} digits that your app shows, or one of your recovery codes.")


def _verify_code(user: User, typed: str) -> Authenticator:
    with transaction.atomic():
        # Locked: of two requests with the same code, one comes second and finds it used.
        device: Authenticator | None = Authenticator.objects.select_for_update().filter(user=user).first()
        if device is None:
            raise WrongCode("Two-factor is not set up.")
        allowed, facts = device.verify_is_allowed()
        if not allowed:
            raise WrongCode(_wait(facts["locked_until"]))
        try:
            right = device.verify_token(typed)
        except Unreadable:
            logger.exception("An authenticator's secret cannot be read: was SECRET_KEY changed?")
            raise WrongCode(
                "The server can no longer read your authenticator's secret: use a recovery code, "
                "or have an administrator reset your two-factor."
            ) from None
    if not right:
        raise WrongCode("That code is wrong, or was used already. Wait for the next one.")
    return device


def _use_recovery_code(user: User, typed: str) -> Verified:
    """Not throttled by the app's wrong codes: 80 random bits are beyond guessing, and it is the way back in."""
    unused = RecoveryCode.objects.filter(authenticator__user=user, digest=_hashed(typed), used_at=None)
    with audit.writing(why="signing in with a recovery code"):
        if not unused.update(used_at=Now()):
            raise WrongCode("That recovery code is wrong, or was used already.")
        device = Authenticator.objects.get(user=user)
        return Verified(device, codes_left(device))


# --- Turning it off ---------------------------------------------------------------------------------


def turn_off(*, user: User) -> None:
    """What a person does about their own. Raises Forbidden while it is required."""
    if is_required_of(user):
        raise Forbidden("Two-factor is required of you; move it to another phone instead.")
    with audit.writing(why="two-factor turned off"):
        _delete(user)


def reset(*, by: Principal, user: User, reason: str) -> None:
    """Take away somebody's second factor, end their sessions, and tell them.

    They sign in with their password alone, and set it up anew where it is required. Raises Forbidden, Invalid,
    or Conflict when there is nothing to reset.
    """
    by.require("admin")
    if by.actor == user.get_username():
        raise Forbidden("Your own two-factor is turned off under My account, with a code.")
    if not reason.strip():
        raise Invalid("Say why: the reason stands in the audit trail.")
    with audit.writing(why=reason.strip()):
        if not _delete(user):
            raise Conflict(f"{user.get_username()} has no second factor to reset.", code="nothing_to_reset")
        sessions.end(sessions=sessions.live(user), why=reason.strip())
        entry = audit.record(action="two-factor-reset", target_type="auth_user", target_id=user.pk)
        _tell(user, by, reason.strip(), entry.pk)


def _delete(user: User) -> bool:
    """With the recovery codes, whose deletion the authenticator's own entry implies."""
    with audit.writing(history=RecoveryCode._meta.db_table):
        RecoveryCode.objects.filter(authenticator__user=user).delete()
    return bool(Authenticator.objects.filter(user=user).delete()[0])


def _tell(user: User, by: Principal, reason: str, entry_id: int) -> None:
    recipient = Actor.objects.filter(user=user).values_list("recipient", flat=True).first()
    if recipient:
        text = (
            f"Your second factor was reset by {escape(by.actor)}: {escape(reason)}\n"
            "Sign in with your password and set it up anew. If you did not ask for this, tell an administrator now."
        )
        notifications.enqueue(event=f"two-factor-reset:{user.pk}:{entry_id}", recipient=recipient, text=text)


def _wait(until: datetime) -> str:
    return f"Too many wrong codes. Try again in {words.duration(until - timezone.now())}, or use a recovery code."


def _tidied(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _new_code() -> str:
    return base64.b32encode(secrets.token_bytes(10)).decode().lower()


def _hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
