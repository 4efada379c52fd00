from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management.color import Style
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import override_settings

from tests.cast import Cast, assemble

# Several processes share the files: those that take longest go first, so that none is left alone with one in the end.
LONGEST = ("backup", "chaos", "api", "proveo", "importing", "browser", "streams", "embedded", "cli", "inbox")
QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.split("/")[1], len(rank)))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing a password well takes half a second, which hundreds of tests would pay for somebody's sign-in."""
    with override_settings(PASSWORD_HASHERS=QUICK):
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_are_found_when_asked_for() -> Iterator[None]:
    """Every test client makes the middleware anew, which would walk all static files each time."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture
def cast(db: None) -> Cast:
    return assemble()


@pytest.fixture(scope="session", autouse=True)
def only_what_is_full_is_emptied() -> Iterator[None]:
    """After a test that commits Django empties every table, which takes ten times as long as to see which are empty."""
    whole = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, style: Style, tables: Sequence[str], **options: Any) -> list[str]:
        if not tables:
            return []
        asked = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in tables
        )
        with self.connection.cursor() as cursor:
            cursor.execute(asked)
            full = [name for (name,) in cursor.fetchall()]
        return whole(self, style, full, **{**options, "allow_cascade": True})

    with patch.object(DatabaseOperations, "sql_flush", sql_flush):
        yield
