"""Every failure becomes a reply that its client can read: problem+json, or a small page for a browser.

The urlconf names `handler400`, `handler403`, `handler404` and `handler500` from here, the settings
`csrf_failure`; `ProblemMiddleware` covers the rest.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, DataError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.template import loader
from django.views.debug import SafeExceptionReporterFilter

from alai.kernel.context import current
from alai.kernel.errors import (
    PROBLEM_JSON,
    ApiError,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
    problem,
    problem_body,
)

logger = logging.getLogger(__name__)

Body = dict[str, Any]
BODY = {"loc": ["body"], "msg": "is no multipart form"}
PAGE_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class NoSecrets(SafeExceptionReporterFilter):
    """What DEBUG's page and mails of errors show of settings: addresses hold passwords, too."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|URL|LOCATION", re.IGNORECASE
    )


def wants_page(request: HttpRequest) -> bool:
    """A browser outside the API; `*/*` (curl, scripts) is none."""
    return "text/html" in request.headers.get("Accept", "") and not request.path_info.startswith("/api/")


def reply(request: HttpRequest, body: Body, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The error reply with this problem body (see `alai.kernel.errors.problem`)."""
    body = {**body, "instance": request.path, "request_id": current().request_id}
    if wants_page(request):
        response = HttpResponse(
            loader.render_to_string("error.html", {"problem": body}), status=body["status"]
        )
        response["Content-Security-Policy"] = PAGE_CSP
    else:
        content = json.dumps(body, cls=DjangoJSONEncoder)
        response = HttpResponse(content, status=body["status"], content_type=PROBLEM_JSON)
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def reply_to(request: HttpRequest, error: ApiError) -> HttpResponse:
    return reply(request, problem_body(error), error.headers)


def problem_of_status(request: HttpRequest, response: HttpResponse) -> Body:
    """The problem body for an error reply of which only the status is known."""
    status = HTTPStatus(response.status_code) if response.status_code in list(HTTPStatus) else None
    title = status.phrase if status else "Error"
    code = title.lower().replace(" ", "_").replace("-", "_").replace("'", "")
    return problem(
        status=response.status_code, code=code, title=title, detail=_detail(request, response, status)
    )


def _detail(request: HttpRequest, response: HttpResponse, status: HTTPStatus | None) -> str:
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.path} takes {response.get('Allow') or 'other methods'}, not {request.method}."
    if status == HTTPStatus.NOT_FOUND:
        return f"There is nothing at {request.path}."
    return (
        f"{status.description.rstrip('.')}." if status and status.description else "The request was refused."
    )


def internal_error() -> Body:
    """Says nothing about the cause: that stands in the log under the request id."""
    detail = f"Something went wrong here. It is logged as request {current().request_id}."
    return problem(status=500, code="internal_error", title="Internal error", detail=detail)


# --- From exceptions --------------------------------------------------------------------------------


def explain(error: BaseException | None) -> ApiError | None:
    """The error that a client may be told of; None for a failure nobody foresaw."""
    match error:
        case ApiError():
            return error
        case Http404():
            return NotFound(_sentence(error, "There is nothing here."))
        case PermissionDenied():
            return Forbidden(_sentence(error, "You may not do this."))
        case RequestDataTooBig():
            return TooLarge("The request body is larger than this server takes.")
        case TooManyFieldsSent() | TooManyFilesSent():
            return TooLarge("The request has more fields or files than this server takes.")
        case DisallowedHost():
            return ApiError("The Host header names a host that ALLOWED_HOSTS does not list.", code="bad_host")
        case MultiPartParserError():
            return Invalid(f"The multipart body cannot be read: {error}.", errors=[BODY])
        case SuspiciousOperation() | BadRequest():
            return ApiError("The request could not be understood.")
        case UnicodeError():
            # Nearly always a lone surrogate sent by the client; the traceback shows when it is not.
            logger.warning("Text that is not UTF-8", exc_info=error)
            return Invalid("A text holds characters that are not Unicode.")
        case DatabaseError() | InterfaceError() | psycopg.Error():
            return _explain_database(error)
    return None


def _sentence(error: BaseException, otherwise: str) -> str:
    # A resolver's Http404 carries the tried patterns, not a sentence.
    text = error.args[0] if error.args and isinstance(error.args[0], str) else ""
    return text or otherwise


BUSY = ("55P03", "57014", "40001", "40P01")  # lock time-out, statement time-out, serialization, deadlock
FULL = ("53100",)  # disk full
# Connection lost or refused, resources used up, shut down or starting, read-only standby, idle time-out.
AWAY = ("08", "53", "57P", "25006", "25P")


def _explain_database(error: BaseException) -> ApiError | None:
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    state = getattr(cause, "sqlstate", None) or ""
    if isinstance(cause, psycopg.DataError | DataError):
        logger.warning("A value that PostgreSQL does not take", exc_info=error)
        return Invalid("A value cannot be stored: it is out of range or holds a NUL character.")
    refusal = _database_refusal(state, cause)
    if refusal is not None:
        logger.error(
            "%s: %s", refusal.detail, type(cause).__name__, extra={"sqlstate": state, "cause": str(cause)}
        )
    return refusal


def _database_refusal(state: str, cause: BaseException) -> Unavailable | None:
    if state in FULL:
        return Unavailable("The database's disk is full.", code="storage_full", headers={"Retry-After": "60"})
    if state in BUSY:
        return Unavailable(
            "Others are working on the same rows; try again.", code="busy", headers={"Retry-After": "1"}
        )
    lost = not state and isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    if lost or state.startswith(AWAY):
        return Unavailable(
            "The database cannot be reached; try again.",
            code="database_unavailable",
            headers={"Retry-After": "5"},
        )
    return None


# --- Django's handlers ------------------------------------------------------------------------------


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return reply_to(request, explain(exception) or ApiError("The request could not be understood."))


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return reply_to(request, explain(exception) or Forbidden("You may not do this."))


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return reply_to(request, NotFound(_sentence(exception, f"There is nothing at {request.path}.")))


def handler500(request: HttpRequest) -> HttpResponse:
    """For failures in middleware too, e.g. a session that cannot be read while the database is away."""
    known = explain(sys.exception())
    return reply_to(request, known) if known else reply(request, internal_error())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = "The form's protection against forgery did not match. Reload the page and try again."
    return reply_to(request, Forbidden(detail, code="csrf_failed"))
