"""Each endpoint of a Gatus file is taken whole or named with the reason why not; what was taken round-trips as YAML."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from alai.kernel.models import AuditEntry
from infra import gatus, registry
from infra.gatus import Left, NotTaken, Taken
from infra.models import Check
from infra.probes import make

FILE = """
endpoints:
  - name: front end
    group: core
    url: "https://www.example.com/health"
    interval: 2m30s
    client: {timeout: 7s}
    alerts: [{type: slack}]
    conditions:
      - "[STATUS] == 200"
      - "[BODY].status == UP"
      - "[RESPONSE_TIME] < 300"
      - "[CERTIFICATE_EXPIRATION] > 48h"
  - {name: port, url: "tcp://10.1.2.3:5432", conditions: ["[CONNECTED] == true"]}
  - {name: cert, url: "tls://www.example.com:443", conditions: ["[CERTIFICATE_EXPIRATION] > 240h"]}
  - name: dns
    url: "9.9.9.9"
    dns: {query-name: www.example.com, query-type: A}
    conditions: ["[BODY] == 192.0.2.1", "[DNS_RCODE] == NOERROR"]
  - {name: off, url: "https://www.example.com", enabled: false, client: {ignore-redirect: true}}
  - {name: ping, url: "icmp://www.example.com", conditions: ["[CONNECTED] == true"]}
  - {name: post, url: "https://www.example.com", method: POST, body: "{}", conditions: ["[STATUS] == 200"]}
  - {name: odd, url: "https://www.example.com", conditions: ["[DOMAIN_EXPIRATION] > 720h"]}
  - {name: lax, url: "https://www.example.com", client: {insecure: true}}
  - {name: secret, url: "https://www.example.com", headers: {X-Key: "${KEY}"}}
  - {name: newer, url: "https://www.example.com", quantum: true}
  - &base {name: first, url: "https://www.example.com/a", conditions: ["[STATUS] == 200"]}
  - {<<: *base, name: second}
external-endpoints:
  - {name: backup, token: x}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "gatus.yaml"
    file.write_text(FILE)
    return file


def run(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    call_command("import_gatus", str(path), *options)
    return capsys.readouterr().out


@pytest.mark.django_db
def test_every_endpoint_is_taken_or_named(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = run(path, capsys)
    assert "+ core/front-end http: its alerts are not taken: give it a rule" in told
    for name, words in {
        "ping": "pings are not sent", "post": "a body is not sent", "odd": "DOMAIN_EXPIRATION",
        "lax": "certificates are always verified", "secret": "headers are not sent", "newer": "quantum",
        "backup": "reports by itself",
    }.items():  # fmt: skip
        (line,) = [line for line in told.splitlines() if line.startswith(f"- {name}:")]
        assert words in line
    assert told.splitlines()[-1] == "7 created, 0 there already, 0 differ, 7 not taken."
    front = Check.objects.get(slug="core/front-end")
    assert (front.interval_seconds, front.settings["timeout"], front.settings["redirects"]) == (
        150,
        7.0,
        "follow",
    )
    assert front.settings["down_unless"] == [
        "[STATUS] == 200", "[BODY].status == UP", "[RESPONSE_TIME] < 300", "[CERTIFICATE_EXPIRATION] > 48h",
    ]  # fmt: skip
    assert Check.objects.get(slug="port").settings == {"host": "10.1.2.3", "port": 5432, "private": True}
    assert Check.objects.get(slug="cert").settings["warn_days"] == 10
    assert Check.objects.get(slug="dns").settings["expect"] == ["192.0.2.1"]
    assert not Check.objects.get(slug="off").enabled
    assert AuditEntry.objects.filter(target_type="infra_check", why="import_gatus").count() == 7
    registry.export(tmp_path / "out")
    assert registry.load(tmp_path / "out").plan.differences == []
    assert Check.objects.count() == 7


@pytest.mark.django_db
def test_again_changes_nothing_and_an_edited_check_stays(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Would be: 7 created" in run(path, capsys, "--dry-run")
    assert not Check.objects.exists()
    run(path, capsys)
    assert "0 created, 7 there already, 0 differ" in run(path, capsys)
    Check.objects.filter(slug="port").update(interval_seconds=900)
    assert "! port tcp: reaches into a private network; there is another check" in run(path, capsys)
    assert Check.objects.get(slug="port").interval_seconds == 900


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "no configuration of Gatus"), ("endpoints: 3", "no list of endpoints"), ("a: [", "not YAML"),
        ("hello", "no configuration"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_told(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(CommandError, match=words):
        call_command("import_gatus", str(tmp_path / "x.yaml"))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_gatus", str(tmp_path / "none.yaml"))


def test_anchors_that_stand_for_more_than_fits_in_memory_are_refused() -> None:
    bomb: Any = ["x"] * 10
    for _ in range(12):
        bomb = [bomb] * 10
    one, _ = gatus.convert(
        {"endpoints": [{"name": "a", "url": "https://x.example", "ui": bomb}, {"name": bomb}]}
    ).found
    assert isinstance(one, Left) and one.reason == "it is too large"


KEYS = ["name", "url", "conditions", "client", "dns", "interval", "timeout", "group"]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=12)
    | st.sampled_from(["https://x.example", "tcp://x:1", "tls://x:y", "30s", "[STATUS] == 200", "icmp://x", "ftp:"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(values, max_size=5))
def test_whatever_stands_in_a_file_every_endpoint_has_an_answer(endpoints: list[Any]) -> None:
    try:
        found = gatus.convert({"endpoints": endpoints}).found
    except NotTaken:
        raise AssertionError("a list of endpoints is a configuration") from None
    assert len(found) == len(endpoints)
    for one in found:
        if isinstance(one, Taken):
            make(one.fields["kind"], one.fields["settings"])
        else:
            assert isinstance(one, Left) and one.reason
