from collections.abc import Iterator

import pytest
from django.test import override_settings

from tests.cast import Cast, assemble

QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing a password well takes half a second, which hundreds of tests would pay for somebody's sign-in."""
    with override_settings(PASSWORD_HASHERS=QUICK):
        yield


@pytest.fixture
def cast(db: None) -> Cast:
    return assemble()
