"""/health, /health/ready and /metrics."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from alai.kernel import health, metrics
from alai.kernel.auth import authenticate
from alai.kernel.errors import Unauthorized

NOT_CACHED = {"Cache-Control": "no-store"}


def _lease_enforcement() -> health.Finding | None:
    if settings.MC_LEASE_ENFORCE:
        return None
    return health.Finding("degraded", "claims are recorded but not enforced (MC_LEASE_ENFORCE=0)")


health.register("lease_enforcement", _lease_enforcement)


@csrf_exempt
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """This process answers; asks nobody else."""
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return JsonResponse({"status": "ok", "host": settings.HOST_NAME, "ts": now}, headers=NOT_CACHED)


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """503 only when nothing would work; what is merely impaired is `degraded` in the body."""
    report = health.report()
    body = {
        "status": report.status,
        "checks": {name: finding.shown() for name, finding in report.checks.items()},
    }
    status = 503 if report.status == "unavailable" else 200
    return JsonResponse(body, status=status, headers=NOT_CACHED)


@csrf_exempt
@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    principal = authenticate(request)
    if principal is None:
        raise Unauthorized(
            "Send a bearer token with the scope infra:read.", headers={"WWW-Authenticate": "Bearer"}
        )
    principal.require("infra:read")
    return HttpResponse(metrics.render(), content_type=CONTENT_TYPE_PLAIN_0_0_4, headers=NOT_CACHED)
