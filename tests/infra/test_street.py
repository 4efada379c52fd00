"""Two hundred servers, half of them wrong in every way: each verdict is right, and no healthy one is called down."""

import pytest

from tests.infra.street import HEALTHY, ILL, SICK, street, walk


@pytest.mark.timeout(180)
def test_every_verdict_is_right_and_no_healthy_server_is_called_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with street() as found:
        monkeypatch.setenv("SSL_CERT_FILE", str(found.ca_file))
        report = walk(found, rounds=1, healthy=1_000)
    assert report.wrong == []
    assert report.looks >= HEALTHY + SICK
    assert report.of_healthy >= 1_000
    assert {house.kind for house in found.houses} >= set(ILL)
