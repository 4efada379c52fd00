"""Errors that reach a client: each has a stable code and an HTTP status, and is shown as RFC 9457 problem+json."""

import json
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse

from alai.kernel import context

PROBLEM_JSON = "application/problem+json"


class ApiError(Exception):
    """A refusal with a sentence for its reader.

    `extra` fields stand beside the standard ones in the body; `headers` go on the reply.
    """

    status: ClassVar[int] = 400
    code: str = "bad_request"
    title: ClassVar[str] = "Bad request"

    def __init__(
        self,
        detail: str,
        *,
        code: str = "",
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.headers = headers or {}
        self.extra = extra


class Unauthorized(ApiError):
    status = 401
    code = "unauthorized"
    title = "Sign in first"


class Forbidden(ApiError):
    status = 403
    code = "forbidden"
    title = "Not allowed"


class NotFound(ApiError):
    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(ApiError):
    status = 409
    code = "conflict"
    title = "Conflict"


class TooLarge(ApiError):
    status = 413
    code = "too_large"
    title = "Too large"


class Invalid(ApiError):
    """422. `errors` is a list of `{"loc": [...], "msg": "..."}`."""

    status = 422
    code = "invalid"
    title = "Invalid input"

    def __init__(self, detail: str, *, errors: list[dict[str, Any]] | None = None, **kwargs: Any) -> None:
        super().__init__(detail, errors=errors or [{"loc": [], "msg": detail}], **kwargs)


class Unavailable(ApiError):
    status = 503
    code = "unavailable"
    title = "Not available right now"


def problem(
    *, status: int, code: str, title: str, detail: str, instance: str = "", **extra: Any
) -> dict[str, Any]:
    """The body of an error reply."""
    body = {
        "type": f"urn:alai:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return {**body, **({"instance": instance} if instance else {}), **extra}


def problem_body(error: ApiError) -> dict[str, Any]:
    return problem(
        status=error.status, code=error.code, title=error.title, detail=error.detail, **error.extra
    )


def problem_response(request: HttpRequest, error: ApiError) -> HttpResponse:
    """Map an error to its reply: the one place where that happens."""
    body = {**problem_body(error), "instance": request.path, "request_id": context.current().request_id}
    content = json.dumps(body, cls=DjangoJSONEncoder)
    return HttpResponse(content, status=error.status, content_type=PROBLEM_JSON, headers=error.headers)
