"""Views that fail in every way that a view can fail."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from alai import health
from alai.kernel import context, failures
from alai.kernel.errors import Conflict

FAILURES: dict[str, Exception] = {
    "missing": Http404("There is no such task."),
    "denied": PermissionDenied("Only Ada may do this."),
    "suspicious": SuspiciousOperation("odd cookie of ada@example.com"),
    "bad": BadRequest("odd"),
    "conflict": Conflict(
        "Task 7 is held by john:abc.", code="lease_held", headers={"Retry-After": "2"}, holder="john:abc"
    ),
    "surrogate": UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    "bug": ZeroDivisionError("the secret inner detail"),
}


def fine(request: HttpRequest, **_: Any) -> HttpResponse:
    acting = context.current()
    return JsonResponse({"request_id": acting.request_id, "trace_id": acting.trace_id, "actor": acting.actor})


def leaky(request: HttpRequest) -> HttpResponse:
    """Leaves its actor in the context, as a view does that knows nothing of its end."""
    context.assume(context.evolve(actor="john"))
    return fine(request)


def fail(request: HttpRequest, kind: str) -> HttpResponse:
    raise FAILURES[kind]


def sql(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(request.GET["q"])
    return HttpResponse()


@csrf_exempt
def body(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.POST)))


def refusal(request: HttpRequest, status: int) -> HttpResponse:
    response = HttpResponse("<h1>No</h1>", status=status)
    response["Retry-After"] = "7"
    response.set_cookie("kept", "yes")
    return response


def plain_json(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "unavailable"}, status=503)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b"a"
        yield b"b"

    return StreamingHttpResponse(parts())


urlpatterns = [
    path("health", health.alive),
    path("health/ready", health.ready),
    path("metrics", health.prometheus),
    path("leaky", leaky),
    path("plain-json", plain_json),
    path("api/plain-json", plain_json),
    path("stream", stream),
    path("api/fine/<int:number>", fine),
    path("api/only-get", require_GET(fine)),
    path("api/sql", sql),
    path("api/body", body),
    path("form", form),
    path("api/fail/<str:kind>", fail),
    path("fail/<str:kind>", fail),
    path("api/refusal/<int:status>", refusal),
    path("refusal/<int:status>", refusal),
    path("sql", sql),
]
handler400 = failures.handler400
handler403 = failures.handler403
handler404 = failures.handler404
handler500 = failures.handler500
