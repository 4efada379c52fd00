from collections.abc import Iterator

import pytest

from tests.cast import Cast, assemble
from tests.serving import served


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """The real server is another process: it sees only what is committed."""
    return assemble()


@pytest.fixture(scope="package")
def server(django_db_setup: None) -> Iterator[str]:
    with served(STREAM_HEARTBEAT_SECONDS="0.5", STREAM_CHECK_SECONDS="0.5") as address:
        yield address


@pytest.fixture
def address(cast: Cast, server: str) -> str:
    return server
