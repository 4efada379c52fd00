"""A job goes on in the trace, and in the name, of the request that asked for it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.result import AsyncResult

from alai.kernel import context, health
from alai.kernel.context import Acting
from alai.kernel.metrics import render
from alai.kernel.valkey import valkey
from tests.kernel.middleware.site import ROOT
from tests.kernel.tracing import worker as jobs

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Worker:
    def __init__(self, log: Path) -> None:
        self.log = log

    def line(self, **wanted: Any) -> dict[str, Any]:
        """The first log line that has these fields."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
            for line in lines:
                if wanted.items() <= line.items():
                    return dict(line)
            time.sleep(0.05)
        raise AssertionError(f"no line with {wanted} in\n{self.log.read_text()}")

    def told(self, result: AsyncResult[str]) -> dict[str, str]:
        line = self.line(job_id=result.id)
        return dict(part.split("=", 1) for part in line["result"].split(";"))


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    valkey().delete(jobs.QUEUE, "mc:alive:worker")
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        command = "celery -A tests.kernel.tracing.worker worker --pool threads -c 2"
        process = subprocess.Popen(
            [sys.executable, "-m", *command.split()],
            cwd=ROOT,
            env=os.environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Worker(Path(log.name))
        finally:
            process.terminate()
            process.wait(15)
            jobs.app.close()


def test_a_job_acts_for_whoever_asked_within_the_same_trace(worker: Worker) -> None:
    acting = Acting("john", "ada", "req-1", "stuck lease", TRACE, SPAN)
    with context.acting(**{name: getattr(acting, name) for name in acting.__slots__}):
        told = worker.told(jobs.tell.delay())
    assert told["span_id"] != SPAN and len(told.pop("span_id")) == 16
    assert told == {
        "actor": "john",
        "on_behalf_of": "ada",
        "request_id": "req-1",
        "why": "stuck lease",
        "trace_id": TRACE,
    }


def test_a_job_of_a_job_stays_in_the_trace(worker: Worker) -> None:
    with context.acting(actor="john", request_id="req-chain", trace_id=TRACE, span_id=SPAN):
        jobs.pass_on.delay()
    line = worker.line(job="tell", request_id="req-chain")
    assert line["trace_id"] == TRACE and "actor=john" in line["result"]


def test_a_job_that_nobody_asked_for_is_the_systems_in_a_new_trace(worker: Worker) -> None:
    result = jobs.tell.delay()
    told = worker.told(result)
    assert (told["actor"], told["request_id"], told["why"]) == ("system", result.id, "job tell")
    assert len(told["trace_id"]) == 32 and told["trace_id"] != TRACE


def test_one_line_tells_of_a_job(worker: Worker) -> None:
    result = jobs.tell.delay()
    line = worker.line(job_id=result.id)
    assert (line["message"], line["status"], line["queue"]) == ("Job tell: success", "success", jobs.QUEUE)
    assert line["level"] == "INFO" and line["duration_ms"] >= 0 and line["trace_id"]


def test_a_job_with_nothing_to_do_leaves_no_line(worker: Worker) -> None:
    idle, after = jobs.idle.delay(), jobs.tell.delay()
    worker.line(job_id=after.id)
    worker.line(job_id=jobs.tell.delay().id)
    assert idle.id not in worker.log.read_text()


def test_a_failed_job_is_logged_with_its_masked_error(worker: Worker) -> None:
    result = jobs.fail.delay()
    assert worker.line(job_id=result.id)["status"] == "failure"
    error = worker.line(level="ERROR", request_id=result.id)
    assert "ValueError: no mailbox user:" in error["exception"]
    assert "ada@example.com" not in worker.log.read_text()


def test_a_running_worker_is_seen(worker: Worker) -> None:
    worker.told(jobs.tell.delay())
    assert health.seen("worker").status == "ok"


@pytest.fixture
def eager() -> Iterator[None]:
    jobs.app.conf.task_always_eager = True
    yield
    jobs.app.conf.task_always_eager = False


@pytest.mark.usefixtures("eager")
def test_a_job_run_on_the_spot_shares_its_callers_context() -> None:
    with context.acting(actor="john", request_id="req-eager", trace_id=TRACE, span_id=SPAN):
        assert (
            f"actor=john;on_behalf_of=;request_id=req-eager;why=;trace_id={TRACE}" in jobs.tell.delay().get()
        )
        assert context.current().span_id == SPAN


@pytest.mark.usefixtures("eager")
def test_a_job_leaves_no_context_behind_and_is_timed() -> None:
    jobs.tell.delay()
    assert context.current() == Acting()
    assert b'alai_job_processing_duration_count{queue_name="celery",status="success"}' in render()
