"""Each probe against servers that behave in every way that sites do: the verdict is right, and nothing is raised."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.probes import Verdict
from infra.probes.base import USER_AGENT
from infra.probes.http import HttpProbe
from infra.probes.kinds import BadSettings, make
from infra.probes.network import TcpProbe, TlsProbe
from tests.infra.world import Town, see, town


@pytest.fixture(scope="module")
def place() -> Iterator[Town]:
    with town() as found:
        yield found


def http(place: Town, path: str, **settings: object) -> HttpProbe:
    probe = make("http", {"url": f"{place.url}/{path}", "private": True, "timeout": 1.0, **settings})
    assert isinstance(probe, HttpProbe)
    return probe


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("fine", Verdict.UP), ("moved", Verdict.UP), ("bic", Verdict.UP), ("error", Verdict.DOWN),
        ("forbidden", Verdict.DOWN), ("hang", Verdict.DOWN), ("drip", Verdict.DOWN), ("reset", Verdict.DOWN),
        ("garbage", Verdict.DOWN), ("nowhere", Verdict.DOWN), ("endless", Verdict.UP),
    ],
)  # fmt: skip
def test_the_verdict_is_right(path: str, verdict: Verdict, place: Town) -> None:
    seen = see(http(place, path))
    assert seen.verdict == verdict, seen
    assert seen.detail


def test_redirects_are_followed_only_when_asked_and_never_for_ever(place: Town) -> None:
    assert (
        see(http(place, "moved", redirects="follow", down_unless=["[STATUS] == 200"])).verdict == Verdict.UP
    )
    assert see(http(place, "loop", redirects="follow")).detail == "More than 5 redirects."


def test_a_browser_check_that_refuses_default_clients_is_blocked_not_down(place: Town) -> None:
    for agent in ("python", "node"):
        seen = see(http(place, "bic", agent=agent))
        assert seen.verdict == Verdict.BLOCKED
    assert see(http(place, "bic")).verdict == Verdict.UP
    assert any(USER_AGENT in head for head in place.asked)


def test_json_that_drifted_or_misses_a_key_is_told(place: Town) -> None:
    right = ["[BODY].configuration.cosine_threshold == 0.5", "[BODY].configuration.enable_rerank == false"]
    assert see(http(place, "json", degraded_unless=right)).verdict == Verdict.UP
    drifted = see(http(place, "json", degraded_unless=["[BODY].configuration.cosine_threshold == 0.2"]))
    assert (drifted.verdict, drifted.detail) == (
        Verdict.DEGRADED, "[BODY].configuration.cosine_threshold == 0.2 (it is 0.5)",
    )  # fmt: skip
    missing = see(http(place, "json", degraded_unless=["[BODY].configuration.max_async == 4"]))
    assert missing.detail.endswith("(it is missing)")


def test_words_and_lengths_of_the_body_count(place: Town) -> None:
    assert see(http(place, "fine", down_unless=["[BODY] == pat(*Sign in*)"])).verdict == Verdict.UP
    assert see(http(place, "json", down_unless=["len([BODY].models) >= 2"])).verdict == Verdict.UP
    assert see(http(place, "json", down_unless=["has([BODY].error) == false"])).verdict == Verdict.UP


def test_a_slow_answer_is_degraded(place: Town) -> None:
    seen = see(http(place, "fine", degraded_unless=["[RESPONSE_TIME] < 0.001"]))
    assert seen.verdict == Verdict.DEGRADED


def test_a_server_that_is_not_there_is_down(place: Town) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert see(make("http", {"url": f"http://127.0.0.1:{port}/", "private": True})).verdict == Verdict.DOWN
    assert see(TcpProbe("127.0.0.1", port, private=True)).verdict == Verdict.DOWN
    assert see(TcpProbe("127.0.0.1", place.port, private=True)).verdict == Verdict.UP


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody signed, for a name that is not ours."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=other.example",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True,
    )  # fmt: skip
    return folder


def test_a_certificate_that_is_not_good_is_down(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with town(context) as place:
        seen = see(http(place, "fine"))
        assert (seen.verdict, "certificate" in seen.detail) == (Verdict.DOWN, True)
        seen = see(TlsProbe("127.0.0.1", place.port, private=True))
        assert (seen.verdict, "certificate" in seen.detail) == (Verdict.DOWN, True)


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        ("http", {}, "url"),
        ("http", {"url": "http://x", "interval": 3}, "a http check has no interval"),
        ("http", {"url": "http://x", "down_unless": ["[STATUS] is 200"]}, "compares nothing"),
        ("http", {"url": "http://x", "down_unless": ["[COLOUR] == red"]}, "is none of [STATUS]"),
        ("tcp", {"host": "x", "port": "many"}, "port"),
        ("pigeon", {}, "no kind of check is called pigeon"),
    ],
)
def test_settings_that_do_not_fit_are_told(kind: str, settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadSettings) as raised:
        make(kind, settings)
    assert sentence in str(raised.value)
