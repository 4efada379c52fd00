"""/health, /health/ready and /metrics over HTTP, with parts that are well, stopped, frozen and killed."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from alai import embedded
from tests.kernel.middleware.site import ROOT, Site, serving


@dataclass
class House:
    """A web server with a PostgreSQL and a Valkey of its own."""

    site: Site
    postgres: psutil.Process
    valkey: psutil.Process
    env: dict[str, str]

    def ready(self) -> tuple[int, dict[str, Any], float]:
        started = time.monotonic()
        reply = self.site.client.get("/health/ready")
        return reply.status_code, reply.json(), time.monotonic() - started

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, **self.env}, check=True, capture_output=True, text=True
        ).stdout


def own_servers(folder: str) -> embedded.Servers:
    """Servers beside those of the test session, which the environment names."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("DATABASE_URL", "BROKER_URL"):
            patch.delenv(variable)
        return embedded.Servers(Path(folder))


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="mc-health-") as folder:
        Path(folder).chmod(0o711)
        servers = own_servers(folder)
        servers.start()
        try:
            env = {**servers.urls, "DATA_DIR": folder}
            with serving(env=env) as site:
                postgres, valkey = (servers._all[key].process() for key in ("DATABASE_URL", "BROKER_URL"))
                assert postgres and valkey
                yield House(site, postgres, valkey, env)
        finally:
            servers.leave()
            embedded.destroy(servers.data_dir)


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    family = [process, *process.children(recursive=True)]
    for member in family:
        member.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for member in family:
            if member.is_running():
                member.send_signal(signal.SIGCONT)


def statuses(body: dict[str, Any]) -> dict[str, str]:
    return {name: check["status"] for name, check in body["checks"].items()}


def test_health_touches_nothing(house: House) -> None:
    with frozen(house.postgres), frozen(house.valkey):
        reply = house.site.client.get("/health")
    assert reply.status_code == 200 and reply.json().keys() == {"status", "host", "ts"}
    assert reply.json()["status"] == "ok" and re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reply.json()["ts"]
    )


def test_health_takes_head_and_get_only(house: House) -> None:
    assert house.site.client.head("/health").status_code == 200
    assert house.site.client.options("/health").status_code == 405


def test_a_database_without_migrations_is_not_ready(house: House) -> None:
    status, body, _ = house.ready()
    assert (status, body["status"]) == (503, "unavailable")
    assert body["checks"]["migrations"]["detail"] == "none is applied; run manage.py migrate"
    assert statuses(body) == {
        "database": "ok",
        "migrations": "unavailable",
        "broker": "ok",
        "worker": "degraded",
        "beat": "degraded",
    }


def test_a_migrated_database_is_ready_and_says_what_is_missing(house: House) -> None:
    house.manage("migrate", "--verbosity", "0")
    status, body, seconds = house.ready()
    assert (status, body["status"]) == (200, "degraded") and seconds < 2
    assert body["checks"]["database"]["detail"].startswith("PostgreSQL ")
    assert body["checks"]["migrations"]["detail"] == "all applied"
    assert body["checks"]["worker"]["detail"] == body["checks"]["beat"]["detail"] == "not seen"
    assert all(check["latency_ms"] is not None for check in body["checks"].values())


def test_metrics_need_a_token(house: House) -> None:
    for headers in ({}, {"Authorization": "Bearer mct_wrong"}):
        reply = house.site.client.get("/metrics", headers=headers)
        assert reply.status_code == 401 and reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("scope", "status"), [("infra:read", 200), ("admin", 200), ("tasks:read", 403)])
def test_metrics_need_the_scope(house: House, scope: str, status: int) -> None:
    token = house.manage("create_token", "--agent", "john", "--scope", scope).strip()
    reply = house.site.client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert reply.status_code == status
    if status == 200:
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert 'alai_http_requests_total{method="GET",route="/health",status="200"}' in reply.text
        assert 'alai_job_queue_depth{queue_name="celery"} 0.0' in reply.text


def test_a_frozen_valkey_only_degrades(house: House) -> None:
    with frozen(house.valkey):
        status, body, seconds = house.ready()
    assert (status, body["status"]) == (200, "degraded") and seconds < 2.1
    assert statuses(body)["broker"] == "unavailable" and statuses(body)["database"] == "ok"


def test_a_frozen_postgres_is_told_in_time_however_often_it_is_asked(house: House) -> None:
    with frozen(house.postgres):
        for _ in range(4):
            status, body, seconds = house.ready()
            assert (status, statuses(body)["database"]) == (503, "unavailable") and seconds < 2.1
        assert psutil.Process(house.site.process.pid).children()[0].num_threads() < 60
    deadline = time.monotonic() + 10
    while house.ready()[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert house.ready()[0] == 200


def test_a_killed_valkey_only_degrades(house: House) -> None:
    house.valkey.kill()
    house.valkey.wait(5)
    status, body, seconds = house.ready()
    assert (status, body["status"]) == (200, "degraded") and seconds < 2.1
    assert body["checks"]["broker"]["detail"].startswith("cannot be reached")
    assert body["checks"]["worker"]["detail"] == "unknown while the broker is away"


def test_a_killed_postgres_is_unavailable(house: House) -> None:
    house.postgres.kill()  # its children notice and follow
    house.postgres.wait(5)
    status, body, seconds = house.ready()
    assert (status, body["status"]) == (503, "unavailable") and seconds < 2.1
    assert body["checks"]["database"]["detail"] == "cannot be reached (OperationalError)"
    assert house.site.client.get("/health").status_code == 200


def test_leases_that_are_not_enforced_are_said() -> None:
    with serving(env={"MC_LEASE_ENFORCE": "0"}) as site:
        check = site.client.get("/health/ready").json()["checks"]["lease_enforcement"]
    assert check["status"] == "degraded" and "MC_LEASE_ENFORCE=0" in check["detail"]
