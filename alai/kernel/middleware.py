"""Around every request: its identity, log line and metrics, and errors that its client can read."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from alai.kernel import context, tracing
from alai.kernel.errors import PROBLEM_JSON
from alai.kernel.failures import explain, problem_of_status, reply, reply_to, wants_page
from alai.kernel.metrics import http_duration, http_requests

logger = logging.getLogger("alai.access")

GetResponse = Callable[[HttpRequest], HttpResponse]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# Clients of other conventions, which want their own short words.
OTHER_TONGUES = ("/ping/",)
# Asked for every few seconds by machines, or by every page: their lines would hide the others.
NOISE = ("/health", "/metrics", "/static/")


class RequestContextMiddleware:
    """Outermost: gives the request its id and span, and tells what became of it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        span = tracing.begin(request.headers.get("traceparent", ""))
        with context.acting(
            actor="",
            on_behalf_of="",
            why="",
            request_id=request_id(request),
            trace_id=span.trace_id,
            span_id=span.span_id,
        ) as acting:
            response = self.get_response(request)
            response["X-Request-ID"] = acting.request_id
            response["traceresponse"] = span.header()
            _tell(request, response, time.perf_counter() - started)
        return response


def request_id(request: HttpRequest) -> str:
    """The client's X-Request-ID when it is fit for logs and headers, else a new one."""
    given = request.headers.get("X-Request-ID", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def route(request: HttpRequest) -> str:
    """The URL pattern: raw paths would put ids into logs and never-ending labels into metrics."""
    if request.resolver_match is not None:
        return f"/{request.resolver_match.route}"
    return settings.STATIC_URL if request.path_info.startswith(settings.STATIC_URL) else "(none)"


def _tell(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    method = request.method if request.method in METHODS else "OTHER"
    pattern, status = route(request), response.status_code
    http_requests.labels(method, pattern, str(status)).inc()
    http_duration.labels(method, pattern, str(status)).observe(seconds)
    level = logging.DEBUG if request.path_info.startswith(NOISE) and status < 400 else logging.INFO
    if logger.isEnabledFor(level):
        acting = context.current()
        fields = {
            "method": method,
            "route": pattern,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "actor": acting.actor,
        }
        logger.log(level, "%s %s %s", method, pattern, status, extra=fields)


class ProblemMiddleware:
    """Error replies are problem+json for everybody but browsers outside the API."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code < 400 or _speaks_for_itself(request, response):
            return response
        return _as_problem(request, response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        error = explain(exception)
        return reply_to(request, error) if error else None


def _speaks_for_itself(request: HttpRequest, response: HttpResponse) -> bool:
    """A problem, a page for a browser, or outside the API a JSON body such as that of /health/ready."""
    kind = response.get("Content-Type", "")
    if kind.startswith(PROBLEM_JSON):
        return True
    if wants_page(request):
        return response.streaming or bool(response.content)  # Django's 405 says nothing
    if kind.startswith("text/plain") and request.path_info.startswith(OTHER_TONGUES):
        return True
    return kind.startswith("application/json") and not request.path_info.startswith("/api/")


def _as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The same refusal with its headers and cookies (Allow, Retry-After, WWW-Authenticate), readable."""
    kept = {name: value for name, value in response.items() if name not in {"Content-Type", "Content-Length"}}
    told = reply(request, problem_of_status(request, response), kept)
    told.cookies = response.cookies
    # Closing the refusal here would tell everybody that the request is over, and take its database connection away.
    told._resource_closers += response._resource_closers  # type: ignore[attr-defined]
    return told
