from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.core.servers.basehttp import WSGIRequestHandler
from django.test import override_settings
from pytest_django import DjangoDbBlocker
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from tests.cast import Cast, assemble
from tests.emptying import quick_emptying

# Several processes share the files: those that take longest go first, so that none is left alone with one in the end.
LONGEST = ("backup", "chaos", "api", "proveo", "importing", "browser", "streams", "embedded", "cli", "inbox")
# Rooms whose files share what takes long to make: a full backup, a browser.
WHOLE = ("tests/backup", "tests/browser")
QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.split("/")[1], len(rank)))


class RoomByRoom(LoadFileScheduling):
    """A file's tests go to one process, and all files of some rooms."""

    def _split_scope(self, nodeid: str) -> str:
        room = "/".join(nodeid.split("/")[:2])
        return room if room in WHOLE else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> RoomByRoom:
    return RoomByRoom(config, log)


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


@pytest.fixture(scope="session", autouse=True)
def the_test_server_answers_at_once() -> Iterator[None]:
    """Its answers' bodies would wait for the acknowledgement of their heads, 40 ms each."""
    with patch.object(WSGIRequestHandler, "disable_nagle_algorithm", True):
        yield


@pytest.fixture(autouse=True)
def nothing_is_remembered_of_the_test_before() -> None:
    """Teams, channels and counts stand in the cache for up to a minute."""
    cache.clear()


@pytest.fixture
def cast(db: None) -> Cast:
    return assemble()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(quick_emptying())
        yield
