"""What /health/ready says: a few bounded questions about the parts that mission control stands on.

Apps add their own with `register` in `AppConfig.ready`. A probe that hangs costs one thread until it
returns, however often health is asked for.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDone
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import psycopg
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from redis.exceptions import RedisError

from alai.kernel.masking import mask_text
from alai.kernel.valkey import valkey

logger = logging.getLogger(__name__)

BUDGET = 1.8  # seconds for all probes together
STALE_AFTER = 60.0  # seconds after which a worker or beat that said nothing counts as gone
STAMP_EVERY = 10.0
STAMP_KEPT = 7 * 24 * 3600  # seconds

Status = Literal["ok", "degraded", "unavailable"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A probe's answer; the detail is shown to anybody, so it names no user, host or path."""

    status: Status
    detail: str = ""
    latency_ms: float | None = None

    def shown(self) -> dict[str, Any]:
        return {"status": self.status, "detail": self.detail, "latency_ms": self.latency_ms}


Probe = Callable[[], Finding | None]


@dataclass(slots=True)
class Check:
    """A named probe. `vital`: nothing works without it, so /health/ready answers 503."""

    name: str
    probe: Probe
    vital: bool = False
    last: Status = "ok"
    _running: Future[Finding | None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self) -> Future[Finding | None]:
        """The running probe, or a new run of it in a thread of its own."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                threading.Thread(target=self._run, args=[self._running], daemon=True).start()
            return self._running

    def _run(self, answer: Future[Finding | None]) -> None:
        started = time.perf_counter()
        try:
            finding = self.probe()
        except Exception as error:
            logger.debug("The probe of %s failed: %s", self.name, mask_text(str(error)))
            finding = Finding("unavailable", f"failed with {type(error).__name__}")
        finally:
            connections.close_all()
        latency = round((time.perf_counter() - started) * 1000, 1)
        answer.set_result(Finding(finding.status, finding.detail, latency) if finding else None)

    def outcome(self, answer: Future[Finding | None], seconds: float) -> Finding | None:
        try:
            finding = answer.result(timeout=max(0.0, seconds))
        except NotDone:
            finding = Finding("unavailable", f"no answer within {BUDGET} s")
        self._tell_change(finding)
        return finding

    def _tell_change(self, finding: Finding | None) -> None:
        status = finding.status if finding else "ok"
        if status != self.last:
            logger.warning(
                "Health of %s: %s -> %s (%s)", self.name, self.last, status, finding and finding.detail
            )
            self.last = status


_checks: dict[str, Check] = {}


def register(name: str, probe: Probe, *, vital: bool = False) -> None:
    """Add an entry to /health/ready; a probe that returns None is left out of it."""
    _checks[name] = Check(name, probe, vital)


@dataclass(frozen=True, slots=True)
class Report:
    status: Literal["ready", "degraded", "unavailable"]
    checks: dict[str, Finding]


def report() -> Report:
    """Ask all probes at once; takes at most BUDGET seconds."""
    deadline = time.monotonic() + BUDGET
    running = [(check, check.start()) for check in _checks.values()]
    findings = {check.name: check.outcome(answer, deadline - time.monotonic()) for check, answer in running}
    known = {name: finding for name, finding in findings.items() if finding is not None}
    bad = {name for name, finding in known.items() if finding.status != "ok"}
    if any(_checks[name].vital for name in bad):
        return Report("unavailable", known)
    return Report("degraded" if bad else "ready", known)


# --- Signs of life ----------------------------------------------------------------------------------

_stamped: dict[str, float] = {}


def stamp(name: str) -> None:
    """Say that `name` (worker, beat) lives. Cheap to call often; silent while Valkey is away."""
    now = time.monotonic()
    if now - _stamped.get(name, -STAMP_EVERY) < STAMP_EVERY:
        return
    _stamped[name] = now
    try:
        valkey().set(_stamp_key(name), "1", px=STAMP_KEPT * 1000)
    except (RedisError, OSError) as error:
        logger.debug("No sign of life written for %s: %s", name, type(error).__name__)


def age_of_stamp(name: str) -> float | None:
    """How many seconds ago `name` last stamped, by Valkey's clock alone (hosts' clocks differ); None for never."""
    left_ms = valkey().pttl(_stamp_key(name))
    return STAMP_KEPT - left_ms / 1000 if left_ms >= 0 else None


def seen(name: str) -> Finding:
    """Whether `name` shows signs of life."""
    try:
        age = age_of_stamp(name)
    except (RedisError, OSError):
        return Finding("degraded", "unknown while the broker is away")
    if age is None:
        return Finding("degraded", "not seen")
    return Finding("ok" if age <= STALE_AFTER else "degraded", f"last seen {age:.0f} s ago")


def _stamp_key(name: str) -> str:
    return f"mc:alive:{name}"


# --- The parts --------------------------------------------------------------------------------------


def _connect() -> psycopg.Connection[Any]:
    """A connection beside the pool: a busy pool is not a dead database."""
    params = connection.get_connection_params()
    params |= {"connect_timeout": 2, "options": "-c statement_timeout=1500", "application_name": "health"}
    return psycopg.connect(**params, autocommit=True)


def probe_database() -> Finding:
    try:
        with _connect() as database:
            row = database.execute(
                "SELECT split_part(current_setting('server_version'), ' ', 1), pg_is_in_recovery()"
            ).fetchone()
    except psycopg.Error as error:
        return Finding("unavailable", f"cannot be reached ({type(error).__name__})")
    version, standby = row or ("?", False)
    return (
        Finding("unavailable", "is a read-only standby")
        if standby
        else Finding("ok", f"PostgreSQL {version}")
    )


def probe_migrations() -> Finding:
    try:
        with _connect() as database:
            applied = set(database.execute("SELECT app, name FROM django_migrations").fetchall())
    except psycopg.errors.UndefinedTable:
        return Finding("unavailable", "none is applied; run manage.py migrate")
    except psycopg.Error:
        return Finding("unavailable", "unknown while the database is away")
    missing = sorted(_newest_migrations() - applied)
    if missing:
        return Finding("unavailable", f"{'.'.join(missing[0])} is not applied; run manage.py migrate")
    return Finding("ok", "all applied")


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def probe_broker() -> Finding:
    try:
        valkey().ping()
    except (RedisError, OSError) as error:
        return Finding("unavailable", f"cannot be reached ({type(error).__name__})")
    return Finding("ok")


register("database", probe_database, vital=True)
register("migrations", probe_migrations, vital=True)
register("broker", probe_broker)
register("worker", lambda: seen("worker"))
register("beat", lambda: seen("beat"))
