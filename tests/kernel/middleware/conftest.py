from collections.abc import Iterator

import pytest

from tests.kernel.middleware.site import Site, serving


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with serving() as site:
        yield site
