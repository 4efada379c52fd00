"""Where a request comes from: the header is believed as far as proxies of ours wrote it."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from alai.kernel.address import client_address

FORGED = "198.51.100.66"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, f"{FORGED}", "10.0.0.1"),
        (0, "", "10.0.0.1"),
        (1, f"{FORGED}, 203.0.113.9", "203.0.113.9"),
        (2, f"{FORGED}, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "", "10.0.0.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "nonsense", None),
    ],
)
def test_the_client_is_whom_the_outermost_proxy_saw(
    settings: Settings, proxies: int, forwarded: str, expected: str | None
) -> None:
    settings.PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")
    assert client_address(request) == expected
