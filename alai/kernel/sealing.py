"""Secrets that must be read again (an authenticator's), encrypted with a key derived from SECRET_KEY.

A copy of the database alone does not give them away. What can be hashed instead is hashed.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"alai.kernel.sealing"


class Unreadable(Exception):
    """Sealed with another SECRET_KEY, or damaged."""


def seal(text: str) -> str:
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text; raises Unreadable when neither SECRET_KEY nor one of SECRET_KEY_FALLBACKS sealed it."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable("It was sealed with another SECRET_KEY.") from None


def _box() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
