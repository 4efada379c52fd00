"""W3C trace context (www.w3.org/TR/trace-context) from a request header into jobs and log lines."""

import logging
import os
import re
import time
from dataclasses import asdict, dataclass
from typing import Any

from celery import Task, signals
from django.conf import settings

from alai.kernel import context, health, logs
from alai.kernel.jobs import Idle
from alai.kernel.metrics import job_duration

logger = logging.getLogger(__name__)

CARRIED = ("actor", "on_behalf_of", "request_id", "why")
SYSTEM = "system"  # the author of jobs that nobody asked for: beat's
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Span:
    """One request's or job's place in a trace; both ids in hex."""

    trace_id: str
    span_id: str

    def header(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


def parse(traceparent: str) -> Span | None:
    """The caller's span, or None for a header that the standard tells us to ignore."""
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None:
        return None
    version, trace_id, span_id, _flags, more = match.groups()
    if version == "ff" or (version == "00" and more):
        return None
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return Span(trace_id, span_id)


def begin(traceparent: str) -> Span:
    """A new span within the caller's trace, or in a new one."""
    caller = parse(traceparent)
    return Span(trace_id=caller.trace_id if caller else os.urandom(16).hex(), span_id=os.urandom(8).hex())


def traceparent() -> str:
    """The header for a call that we make now; empty outside of a request or job."""
    acting = context.current()
    return Span(acting.trace_id, acting.span_id).header() if acting.trace_id and acting.span_id else ""


# --- Celery -----------------------------------------------------------------------------------------


def connect_celery() -> None:
    """Wire logs, trace context, metrics and the worker's sign of life. Call before the worker starts."""
    signals.setup_logging.connect(_set_up_logs, dispatch_uid="alai.logs")
    signals.before_task_publish.connect(_send_context, dispatch_uid="alai.publish")
    signals.task_prerun.connect(_begin_job, dispatch_uid="alai.prerun")
    signals.task_postrun.connect(_end_job, dispatch_uid="alai.postrun")
    signals.heartbeat_sent.connect(_worker_lives, dispatch_uid="alai.heartbeat")


def _set_up_logs(**_: Any) -> None:
    logs.setup(settings.LOGGING)


def _worker_lives(sender: Any, **_: Any) -> None:
    """Each kind of worker by its name, `mail@host`; one without a name of its own is `celery@host`."""
    name = sender.eventer.hostname.partition("@")[0]
    health.stamp("worker" if name == "celery" else name)


def _send_context(headers: dict[str, Any], **_: Any) -> None:
    acting = asdict(context.current())
    headers["traceparent"] = traceparent()
    headers["acting"] = {name: acting[name] for name in CARRIED}


def _begin_job(task: Task[..., Any], task_id: str, **_: Any) -> None:
    """Act as whoever asked for the job; a job called directly goes on in its caller's context."""
    job = task.request
    job.update(before=context.current(), started=time.perf_counter())
    if job.is_eager and context.current().trace_id:
        return
    sent = job.get("acting") or {}
    span = begin(job.get("traceparent") or "")
    context.assume(
        context.Acting(
            actor=sent.get("actor") or SYSTEM,
            on_behalf_of=sent.get("on_behalf_of") or "",
            request_id=sent.get("request_id") or task_id,
            why=sent.get("why") or f"job {task.name}",
            trace_id=span.trace_id,
            span_id=span.span_id,
        )
    )


def _end_job(
    task: Task[..., Any], task_id: str, retval: Any = None, state: str | None = None, **_: Any
) -> None:
    job = task.request
    seconds = time.perf_counter() - job.get("started", time.perf_counter())
    status = (state or "unknown").lower()
    queue = (job.get("delivery_info") or {}).get("routing_key") or settings.CELERY_TASK_DEFAULT_QUEUE
    job_duration.labels(queue, status).observe(seconds)
    logger.log(
        logging.DEBUG if isinstance(retval, Idle) else logging.INFO,
        "Job %s: %s",
        task.name,
        status,
        extra={
            "job": task.name,
            "job_id": task_id,
            "queue": queue,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "result": retval if isinstance(retval, str) else None,
        },
    )
    context.assume(job.get("before") or context.Acting())
