"""A real web server (granian) on loopback for a settings module."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from alai.run.parts import end_group

ROOT = Path(__file__).resolve().parents[3]
SERVE = (
    "granian --interface wsgi --host 127.0.0.1 --port {port} --workers {workers} --blocking-threads 4 --no-ws "
    "--workers-kill-timeout 5 --log-level warning alai.wsgi:application"
)


@dataclass
class Site:
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)

    def raw_status(self, request: bytes) -> int:
        """The status of the reply to bytes that no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            return int(connection.recv(1000).split()[1])

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """The log lines that have these fields; waits a moment for the first."""
        deadline = time.monotonic() + 3
        while True:
            text = self.log.read_text()
            lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            found = [line for line in lines if wanted.items() <= line.items()]
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(env: dict[str, str] | None = None, *, workers: int = 1) -> Iterator[Site]:
    """The failing views of `site_urls`, with the session's servers unless `env` names others."""
    port = free_port()
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        command = [sys.executable, "-m", *SERVE.format(port=port, workers=workers).split()]
        settings = {"DJANGO_SETTINGS_MODULE": "tests.kernel.middleware.site_settings"}
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **settings, **(env or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        site = Site(port, Path(log.name), process)
        try:
            _wait_until_it_answers(site)
            yield site
        finally:
            site.client.close()
            end_group(process, 8)  # granian may hang when it is stopped while a worker starts


def _wait_until_it_answers(site: Site) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            site.client.get("/health")
        except httpx.TransportError:
            assert site.process.poll() is None, site.log.read_text()
            time.sleep(0.05)
        else:
            return
    raise AssertionError(site.log.read_text())
