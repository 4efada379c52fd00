"""Readiness asks every part at once and never waits for one that hangs."""

import threading
import time

import pytest

from alai.kernel import health
from alai.kernel.health import Finding
from alai.kernel.valkey import valkey


@pytest.fixture(autouse=True)
def own_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_checks", {})
    monkeypatch.setattr(health, "_stamped", {})


def test_all_well_is_ready() -> None:
    health.register("one", lambda: Finding("ok", "fine"), vital=True)
    report = health.report()
    assert report.status == "ready"
    finding = report.checks["one"]
    assert (finding.status, finding.detail) == ("ok", "fine") and (finding.latency_ms or 0) >= 0


def test_a_part_that_is_not_vital_only_degrades() -> None:
    health.register("one", lambda: Finding("ok"), vital=True)
    health.register("two", lambda: Finding("unavailable"))
    assert health.report().status == "degraded"


def test_a_vital_part_makes_all_unavailable() -> None:
    health.register("one", lambda: Finding("unavailable"), vital=True)
    assert health.report().status == "unavailable"


def test_a_probe_with_nothing_to_say_is_left_out() -> None:
    health.register("one", lambda: None)
    assert health.report() == health.Report("ready", {})


def test_a_probe_that_raises_is_unavailable_and_tells_no_secret() -> None:
    def broken() -> Finding:
        raise ValueError("postgres://u:geheim@db")

    health.register("one", broken)
    finding = health.report().checks["one"]
    assert (finding.status, finding.detail) == ("unavailable", "failed with ValueError")


def test_probes_run_side_by_side() -> None:
    def slow() -> Finding:
        time.sleep(0.2)
        return Finding("ok")

    for number in range(10):
        health.register(f"slow {number}", slow)
    started = time.monotonic()
    assert health.report().status == "ready"
    assert time.monotonic() - started < 1.0


def test_a_hanging_probe_costs_one_thread_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "BUDGET", 0.1)
    go_on = threading.Event()

    def hanging() -> Finding:
        go_on.wait(10)
        return Finding("ok")

    health.register("one", hanging)
    before = threading.active_count()
    for _ in range(5):
        report = health.report()
        assert report.checks["one"] == Finding("unavailable", "no answer within 0.1 s")
    assert threading.active_count() == before + 1
    go_on.set()
    monkeypatch.setattr(health, "BUDGET", 2.0)
    assert health.report().checks["one"].status == "ok"


def test_a_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    found = ["ok"]
    health.register("one", lambda: Finding(found[0]))  # type: ignore[arg-type]
    for status in ("ok", "degraded", "degraded", "ok"):
        found[0] = status
        health.report()
    assert [record.getMessage() for record in caplog.records] == [
        "Health of one: ok -> degraded ()",
        "Health of one: degraded -> ok ()",
    ]


def test_who_never_stamped_is_not_seen() -> None:
    valkey().delete("mc:alive:beat")
    assert health.seen("beat") == Finding("degraded", "not seen")


def test_who_stamped_is_seen() -> None:
    health.stamp("beat")
    assert health.seen("beat") == Finding("ok", "last seen 0 s ago")


def test_who_stamped_long_ago_is_degraded() -> None:
    health.stamp("beat")
    valkey().pexpire("mc:alive:beat", (health.STAMP_KEPT - 61) * 1000)
    assert health.seen("beat") == Finding("degraded", "last seen 61 s ago")


def test_stamping_often_writes_seldom() -> None:
    health.stamp("beat")
    valkey().delete("mc:alive:beat")
    health.stamp("beat")
    assert not valkey().exists("mc:alive:beat")
