"""Prometheus metrics (handbook "Custom Metrics Definition"), added up over all processes of one installation.

With PROMETHEUS_MULTIPROC_DIR set (before this module is imported) each process writes its counts to files
there and `render` adds them up; without it only this process's counts are shown.
"""

import fcntl
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from alai.kernel.valkey import valkey

logger = logging.getLogger(__name__)

_DIR = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
if _DIR:
    Path(_DIR).mkdir(parents=True, exist_ok=True)  # the first counter below opens its file

counted = CollectorRegistry()

http_requests = Counter(
    "alai_http_requests_total", "HTTP requests answered.", ["method", "route", "status"], registry=counted
)
http_duration = Histogram(
    "alai_http_request_duration_seconds",
    "Time to answer an HTTP request, in seconds.",
    ["method", "route", "status"],
    registry=counted,
)
job_duration = Histogram(
    "alai_job_processing_duration",
    "Job processing time, in seconds.",
    ["queue_name", "status"],
    registry=counted,
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600),
)
external_calls = Counter(
    "alai_external_api_calls_total", "Calls to other services.", ["service", "status"], registry=counted
)
cache_lookups = Counter(
    "alai_cache_lookups_total", "Cache reads, hit or miss.", ["cache_type", "result"], registry=counted
)


def external_call(service: str, status: int | str) -> None:
    """Count a call to another service; `status` is its HTTP status or a word such as `timeout`."""
    external_calls.labels(service, str(status)).inc()


# --- Gauges read at scrape time ---------------------------------------------------------------------

Labels = tuple[str, ...]
Read = Callable[[], Mapping[Labels, float]]


@dataclass(frozen=True, slots=True)
class ScrapedGauge:
    name: str
    help: str
    labels: Labels
    reads: list[Read]


_gauges: dict[str, ScrapedGauge] = {}


def gauge(name: str, help: str, labels: Iterable[str], read: Read) -> None:
    """Register values read at scrape time: `read()` returns a number for each tuple of label values.

    The same name may be registered by several apps: their values stand side by side.
    """
    _gauges.setdefault(name, ScrapedGauge(name, help, tuple(labels), [])).reads.append(read)


def queue_depth(read: Read) -> None:
    """Register `{(queue_name,): number of pending jobs}`."""
    gauge("alai_job_queue_depth", "Number of pending jobs.", ["queue_name"], read)


def _celery_queue() -> dict[Labels, float]:
    queue = settings.CELERY_TASK_DEFAULT_QUEUE
    return {(queue,): float(valkey().llen(queue))}


queue_depth(_celery_queue)


def queue_depths() -> dict[str, float]:
    """How many jobs wait in each queue; one whose source is away is left out."""
    family = _read(_gauges["alai_job_queue_depth"])
    return {sample.labels["queue_name"]: sample.value for sample in family.samples}


def _read(gauge: ScrapedGauge) -> GaugeMetricFamily:
    family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
    for read in gauge.reads:
        try:
            for values, number in read().items():
                family.add_metric(values, number)
        except Exception as error:  # one source away must not hide the others
            logger.warning("%s is left out of the metrics: %s", gauge.name, type(error).__name__)
    return family


# --- Rendering --------------------------------------------------------------------------------------


class _Snapshot(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self.families)


def render() -> bytes:
    """Everything, in Prometheus' text format."""
    families = list(counted.collect()) if not _DIR else _collect_all(Path(_DIR))
    families.append(_cache_hit_ratio(families))
    families += [_read(gauge) for gauge in _gauges.values()]
    return generate_latest(_Snapshot(families))


def _cache_hit_ratio(families: list[Metric]) -> GaugeMetricFamily:
    ratio = GaugeMetricFamily(
        "alai_cache_hit_ratio", "Cache hits among its reads, 0 to 1.", labels=["cache_type"]
    )
    reads: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for sample in (sample for family in families for sample in family.samples):
        if sample.name == "alai_cache_lookups_total":
            reads[sample.labels["cache_type"]][sample.labels["result"]] += sample.value
    for cache_type, results in reads.items():
        ratio.add_metric([cache_type], results["hit"] / (sum(results.values()) or 1))
    return ratio


def _collect_all(directory: Path) -> list[Metric]:
    """The sum over all processes' files; the lock keeps two scrapes from archiving at once."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _archive_the_dead(directory)
        return list(MultiProcessCollector(None, str(directory)).collect())


def _archive_the_dead(directory: Path) -> None:
    """Fold the files of ended processes into one, so that counters never fall and files do not pile up."""
    for kind in ("counter", "histogram"):
        dead = [path for path in directory.glob(f"{kind}_*.db") if _has_ended(path)]
        if not dead:
            continue
        archive = directory / f"{kind}_archive.db"
        sources = [str(path) for path in [*dead, archive] if path.exists()]
        fresh = directory / f"{kind}_archive.new"
        fresh.unlink(missing_ok=True)
        _write(fresh, MultiProcessCollector.merge(sources, accumulate=False))
        fresh.replace(archive)
        for path in dead:
            path.unlink()


def _has_ended(path: Path) -> bool:
    pid = path.stem.partition("_")[2]
    return pid.isdigit() and not psutil.pid_exists(int(pid))


def _write(path: Path, metrics: Iterable[Metric]) -> None:
    file = MmapedDict(str(path))
    for metric in metrics:
        for sample in metric.samples:
            labels = (list(sample.labels), list(sample.labels.values()))
            file.write_value(
                mmap_key(metric.name, sample.name, *labels, metric.documentation), sample.value, 0.0
            )
    file.close()
