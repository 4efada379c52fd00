"""Model servers, queues, signs of life, secrets and backups: each kind of check says what is wrong, and no more."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from alai.kernel import health
from alai.kernel.notifications import enqueue
from infra import records
from infra.models import Check, Secret
from infra.probes import Observation, Verdict, make
from infra.probes.models import has_model, models_of
from tests.infra.world import see, town

TODAY = datetime.now(UTC).date()
pytestmark = pytest.mark.django_db


def judged(kind: str, **settings: object) -> Observation:
    """One look, with our own records read as the prober reads them."""
    probe = make(kind, settings)
    return see(probe, records.gather({getattr(probe, "source", "")} - {""}))


def test_a_model_server_has_the_models_that_it_should() -> None:
    with town() as place:
        url = f"{place.url}/json"
        seen = judged("model-server", url=url, private=True, models=["a", "b:latest"])
        assert (seen.verdict, seen.facts["models"]) == (Verdict.UP, ["a", "b"])
        lacking = judged("model-server", url=url, private=True, models=["a", "qwen3:32b"])
        assert (lacking.verdict, lacking.detail) == (Verdict.DEGRADED, "It lacks qwen3:32b.")
        assert lacking.facts["missing"] == ["qwen3:32b"]


@pytest.mark.parametrize("path", ["error", "fine", "garbage", "nowhere", "reset"])
def test_a_model_server_without_a_list_of_models_is_down(path: str) -> None:
    with town() as place:
        assert judged("model-server", url=f"{place.url}/{path}", private=True).verdict == Verdict.DOWN


def test_a_model_server_that_stalls_is_down_after_three_seconds() -> None:
    with town() as place:
        started = time.monotonic()
        seen = judged("model-server", url=f"{place.url}/hang", private=True)
        assert (seen.verdict, seen.detail) == (Verdict.DOWN, "No answer within 3 s.")
        assert 2.9 < time.monotonic() - started < 6


def test_names_of_models_are_read_as_ollama_reads_them() -> None:
    assert has_model(["bge-m3:latest"], "bge-m3")
    assert has_model(["org/model"], "org/model:latest")
    assert not has_model(["qwen3:32b"], "qwen3")
    assert models_of('{"data": [{"id": "x"}], "object": "list"}') == ["x"]
    assert [models_of(text) for text in ("[]", "{", '{"models": 1}', "null")] == [None] * 4


def test_a_header_comes_from_the_environment_and_is_left_out_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with town() as place:
        settings = {"url": f"{place.url}/fine", "private": True, "headers": {"X-API-Key": "env:DRIFT_KEY"}}
        see(make("http", settings))
        assert "X-API-Key" not in place.asked[-1]
        monkeypatch.setenv("DRIFT_KEY", "k1")
        see(make("http", settings))
        assert "X-API-Key: k1" in place.asked[-1]


def test_a_queue_that_grows_is_degraded_and_then_down() -> None:
    assert judged("queue", queue="notifications", degraded_above=1).verdict == Verdict.UP
    for number in range(3):
        enqueue(event=f"e{number}", step="s", recipient="ops", text="x")
    seen = judged("queue", queue="notifications", degraded_above=1, down_above=9)
    assert (seen.verdict, seen.detail) == (Verdict.DEGRADED, "notifications waiting is 3, above 1.")
    assert judged("queue", queue="notifications", degraded_above=1, down_above=2).verdict == Verdict.DOWN
    unknown = judged("queue", queue="pigeons")
    assert (unknown.verdict, "celery" in unknown.detail) == (Verdict.UNKNOWN, True)


def test_a_part_that_shows_no_life_is_down() -> None:
    health._stamped.clear()
    health.stamp("worker")
    assert judged("alive", part="worker").verdict == Verdict.UP
    assert judged("alive", part="worker", seconds=0).verdict == Verdict.DOWN
    assert judged("alive", part="pigeon").verdict == Verdict.UNKNOWN


def secret(slug: str, **fields: object) -> Secret:
    return Secret.objects.create(slug=slug, name=slug, location="a vault", **fields)


def test_secrets_that_are_due_are_named_the_oldest_first() -> None:
    secret("never-changed-by-plan")
    assert judged("secrets").verdict == Verdict.UP
    secret("unknown", rotation_days=90)
    assert "Nobody knows" in judged("secrets").detail
    assert judged("secrets").verdict == Verdict.UNKNOWN
    secret("old", rotation_days=90, last_rotated=TODAY - timedelta(days=100))
    secret("older", expires_on=TODAY + timedelta(days=30), before_expiry_days=60)
    seen = judged("secrets")
    assert (seen.verdict, seen.facts["due"]) == (Verdict.DEGRADED, ["older", "old"])
    assert "every 90 days" in seen.detail


def test_a_secret_that_is_due_soon_is_said_before() -> None:
    secret("soon", rotation_days=90, last_rotated=TODAY - timedelta(days=80))
    assert (judged("secrets").verdict, judged("secrets").facts["soon"]) == (Verdict.UP, ["soon"])
    assert judged("secrets", ahead_days=5).facts["soon"] == []
    Secret.objects.update(last_rotated=date(2020, 1, 1))
    assert judged("secrets").verdict == Verdict.DEGRADED


def test_a_folder_of_backups_that_this_machine_lacks_is_unknown_and_an_empty_one_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for pattern in ("~/backups/dns/zones-*.json", "~/backups/*/zones-*.json"):
        seen = judged("backup", files=pattern)
        assert (seen.verdict, "has no folder" in seen.detail) == (Verdict.UNKNOWN, True)
    (tmp_path / "backups" / "dns").mkdir(parents=True)
    for pattern in ("~/backups/dns/zones-*.json", "~/backups/*/zones-*.json"):
        assert judged("backup", files=pattern).verdict == Verdict.DOWN
        (tmp_path / "backups" / "dns" / "zones-20260508.json").write_text("{}")
        assert judged("backup", files=pattern).verdict == Verdict.UP
        (tmp_path / "backups" / "dns" / "zones-20260508.json").unlink()


def test_the_newest_backup_counts(tmp_path: Path) -> None:
    pattern = f"{tmp_path}/mc-*.backup"
    assert "No file fits" in judged("backup", files=pattern).detail
    for name, hours, size in (("mc-1.backup", 50, 10), ("mc-2.backup", 27, 10), ("other", 0, 10)):
        (tmp_path / name).write_bytes(b"x" * size)
        at = time.time() - hours * 3600
        os.utime(tmp_path / name, (at, at))
    seen = judged("backup", files=pattern)
    assert (seen.verdict, "mc-2.backup is 1 d 3 h old" in seen.detail) == (Verdict.DOWN, True)
    assert judged("backup", files=pattern, max_age_hours=30).verdict == Verdict.UP
    assert "only 10 bytes" in judged("backup", files=pattern, max_age_hours=30, min_bytes=11).detail


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("queue", {"queue": "x"}), ("alive", {"part": "beat"}), ("secrets", {}), ("job", {"job": "x"})],
)
def test_records_that_cannot_be_read_conclude_nothing(kind: str, settings: dict[str, str]) -> None:
    assert see(make(kind, settings)).verdict == Verdict.UNKNOWN


def test_every_kind_can_be_chosen_for_a_check() -> None:
    kinds = [name for name, _ in Check._meta.get_field("kind").choices or []]
    assert {
        "heartbeat",
        "service",
        "measure",
        "job",
        "model-server",
        "queue",
        "alive",
        "secrets",
        "backup",
    } <= set(kinds)
