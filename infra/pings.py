"""`/ping/...`: where jobs say that they started, ended or failed, as clients of Healthchecks do.

Outside of the API: a job has no token, the secret in its address is enough. Answers in one statement.
"""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from alai.kernel.address import client_address
from alai.kernel.auth import authenticate
from alai.kernel.masking import mask_text
from infra import services
from infra.models import Job
from infra.services import PingCall

BODY_LIMIT = 10_000  # bytes that are kept of a body
METHODS = ("GET", "HEAD", "POST")
ACTIONS = ("start", "fail", "log")
HIGHEST_STATUS = 255


@csrf_exempt
@never_cache
def ping(request: HttpRequest, job: str, action: str = "") -> HttpResponse:
    """200 `OK`; 400 for an exit status above 255 or a rid that is no UUID; 404 `not found`."""
    if request.method not in METHODS:
        return _said("method not allowed", 405, Allow=", ".join(METHODS))
    status = int(action) if action.isascii() and action.isdigit() and len(action) <= 9 else None
    if action and status is None and action not in ACTIONS:
        return _said("not found", 404)
    if status is not None and status > HIGHEST_STATUS:
        return _said("invalid url format", 400)
    rid = request.GET.get("rid")
    if rid is not None and _uuid(rid) is None:
        return _said("invalid uuid format", 400)
    call = PingCall(
        kind=_kind(action, status),
        exit_status=status,
        rid=_uuid(rid or ""),
        method=request.method,
        source=mask_text(client_address(request) or "")[:45],
        agent=mask_text(_text(request.headers.get("User-Agent", ""))[:200])[:200],
        body=_body(request),
    )
    code = _uuid(job)
    by = authenticate(request) if code is None and "Authorization" in request.headers else None
    if services.ping(code=code, slug=_text(job), by=by, call=call):
        return _said("OK", 200)
    if code is None and Job.objects.filter(slug=_text(job), guarded=True).exists():
        return _said(
            "this job's name takes a token that may write to its host: Authorization: Bearer TOKEN", 401
        )
    return _said("not found", 404)


def _kind(action: str, status: int | None) -> str:
    if status is not None:
        return "fail" if status else "success"
    return action or "success"


def _said(text: str, status: int, **more: str) -> HttpResponse:
    headers = {"Access-Control-Allow-Origin": "*", "Ping-Body-Limit": str(BODY_LIMIT), **more}
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _uuid(text: str) -> UUID | None:
    """A UUID as it is written, 36 characters; anything else is a name."""
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def _body(request: HttpRequest) -> str:
    """The beginning of what came along: a job's output is no business of ours beyond that."""
    return (
        mask_text(_text(request.read(BODY_LIMIT).decode("utf-8", "replace")))
        if request.method == "POST"
        else ""
    )


def _text(text: str) -> str:
    """What PostgreSQL can hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
