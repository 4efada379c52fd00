"""The handbook's four custom metrics and our own, read as Prometheus reads them."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from alai.kernel import metrics
from alai.kernel.valkey import valkey
from tests.kernel.middleware.site import ROOT, serving

Value = Callable[..., float | None]


def scrape() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    samples = itertools.chain.from_iterable(family.samples for family in families)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def value(name: str, **labels: str) -> float | None:
    return scrape().get((name, frozenset(labels.items())))


def test_the_four_custom_metrics_are_there() -> None:
    text = metrics.render().decode()
    for line in (
        "# TYPE alai_job_queue_depth gauge",
        "# TYPE alai_job_processing_duration histogram",
        "# TYPE alai_external_api_calls_total counter",
        "# TYPE alai_cache_hit_ratio gauge",
    ):
        assert line in text


def test_the_queues_depth_is_its_length() -> None:
    valkey().delete("celery")
    assert value("alai_job_queue_depth", queue_name="celery") == 0
    valkey().rpush("celery", "a", "b")
    try:
        assert value("alai_job_queue_depth", queue_name="celery") == 2
    finally:
        valkey().delete("celery")


def test_calls_to_other_services_are_counted() -> None:
    before = value("alai_external_api_calls_total", service="slack", status="timeout") or 0
    metrics.external_call("slack", "timeout")
    assert value("alai_external_api_calls_total", service="slack", status="timeout") == before + 1


@pytest.fixture
def own_gauges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_gauges", {})


@pytest.mark.usefixtures("own_gauges")
def test_apps_register_values_read_at_scrape_time() -> None:
    metrics.gauge("alai_tasks", "Tasks.", ["status"], lambda: {("open",): 3, ("done",): 4})
    assert value("alai_tasks", status="open") == 3 and value("alai_tasks", status="done") == 4


@pytest.mark.usefixtures("own_gauges")
def test_two_apps_share_a_metric() -> None:
    metrics.queue_depth(lambda: {("celery",): 1})
    metrics.queue_depth(lambda: {("notifications",): 2})
    assert value("alai_job_queue_depth", queue_name="celery") == 1
    assert value("alai_job_queue_depth", queue_name="notifications") == 2


@pytest.mark.usefixtures("own_gauges")
def test_a_value_that_cannot_be_read_hides_no_other() -> None:
    def away() -> dict[tuple[str, ...], float]:
        raise ConnectionError("away")

    metrics.queue_depth(away)
    metrics.queue_depth(lambda: {("notifications",): 2})
    assert value("alai_job_queue_depth", queue_name="celery") is None
    assert value("alai_job_queue_depth", queue_name="notifications") == 2


# --- Several processes ------------------------------------------------------------------------------

COUNT = """
import os
from alai.kernel import metrics
for _ in range({times}):
    metrics.external_call("slack", 200)
    metrics.job_duration.labels("celery", "success").observe(0.2)
metrics.cache_lookups.labels("valkey", "hit").inc(3 * {times})
metrics.cache_lookups.labels("valkey", "miss").inc({times})
{then}
"""


def run(directory: Path, *, times: int = 0, then: str = "") -> str:
    """What a process of its own prints after counting `times` times."""
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)}
    code = COUNT.format(times=times, then=then)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, check=True, capture_output=True, text=True
    ).stdout


SHOW = "print(metrics.render().decode())"


def test_counts_of_processes_that_ended_stay_and_their_files_go(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    run(folder, times=2)
    run(folder, times=3)
    for _ in range(2):  # the archive is read again, and is archived once only
        shown = run(folder, times=1, then=SHOW)
    assert 'alai_external_api_calls_total{service="slack",status="200"} 7.0' in shown
    assert 'alai_job_processing_duration_count{queue_name="celery",status="success"} 7.0' in shown
    assert 'alai_job_processing_duration_bucket{le="0.5",queue_name="celery",status="success"} 7.0' in shown
    assert 'alai_cache_hit_ratio{cache_type="valkey"} 0.75' in shown
    left = {path.name for path in folder.glob("*.db")}
    assert {"counter_archive.db", "histogram_archive.db"} <= left and len(left) == 4


def test_counts_of_running_processes_are_added_up(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    wait = "print('ready', flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", COUNT.format(times=4, then=wait)],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout and other.stdout.readline() == "ready\n"
        shown = run(folder, times=1, then=SHOW)
        other.communicate("\n")
    assert 'alai_external_api_calls_total{service="slack",status="200"} 5.0' in shown


def test_requests_to_several_web_workers_are_added_up(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    with serving(env={"PROMETHEUS_MULTIPROC_DIR": str(folder)}, workers=2) as site:
        for _ in range(20):
            httpx.get(
                f"http://127.0.0.1:{site.port}/api/fine/7"
            )  # a connection each, so that both workers get some
        shown = run(folder, then=SHOW)
    assert 'alai_http_requests_total{method="GET",route="/api/fine/<int:number>",status="200"} 20.0' in shown
    assert "/api/fine/7" not in shown


def test_unknown_methods_and_addresses_make_no_new_series(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    with serving(env={"PROMETHEUS_MULTIPROC_DIR": str(folder)}) as site:
        for number in range(5):
            site.client.request(f"ODD{number}", f"/nothing/{number}")
        shown = run(folder, then=SHOW)
    assert 'alai_http_requests_total{method="OTHER",route="(none)",status="404"} 5.0' in shown
