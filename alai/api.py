"""The REST API: one router an app, and the one place where errors become problem+json."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema

from alai.kernel.api import StrictParser, look_up_path
from alai.kernel.errors import PROBLEM_JSON, ApiError, Invalid, problem_response
from alai.kernel.me import router as me_router
from alai.kernel.shapes import readable
from alai.kernel.tokens_api import router as tokens_router
from inbox.api import router as inbox_router
from infra.api import router as infra_router
from infra.responding_api import router as responding_router
from infra.slo_api import router as slo_router
from missioncontrol.api import router as missioncontrol_router
from missioncontrol.costs_api import router as costs_router
from missioncontrol.hivemind_api import router as hivemind_router
from missioncontrol.streams import router as streams_router


class API(NinjaAPI):
    """Documents errors as what they are, and builds the document once."""

    _document: OpenAPISchema | None = None

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        if self._document is None:
            document = super().get_openapi_schema(**options)
            for operations in document["paths"].values():
                for operation in operations.values():
                    _as_problems(operation["responses"])
            self._document = document
        return self._document


def _as_problems(responses: dict[int, Any]) -> None:
    for status, response in responses.items():
        if status >= 400 and "content" in response:
            response["content"] = {PROBLEM_JSON: response["content"]["application/json"]}


api = API(
    title="ALAI Mission Control",
    version=settings.VERSION,
    description="Tasks, leases, mail, sites, recovery and rules. Errors are `application/problem+json`.",
    parser=StrictParser(),
    docs=Swagger(settings={"persistAuthorization": True, "docExpansion": "list"}),
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="api",
)
api.add_router("", me_router)
api.add_router("", tokens_router)
api.add_router("", missioncontrol_router)
api.add_router("", costs_router)
api.add_router("", streams_router)
api.add_router("", hivemind_router)
api.add_router("", infra_router)
api.add_router("", slo_router)
api.add_router("", responding_router)
api.add_router("", inbox_router)


@api.exception_handler(ApiError)
def refuse(request: HttpRequest, error: ApiError) -> HttpResponse:
    return problem_response(request, error)


@api.exception_handler(ValidationError)
def explain(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """What is not there is 404 even when the body is wrong too."""
    try:
        look_up_path(request)
    except ApiError as first:
        return problem_response(request, first)
    errors = readable(error.errors)
    places = ", ".join(".".join(str(part) for part in one["loc"][1:]) or "body" for one in errors)
    return problem_response(request, Invalid(f"Not valid: {places}.", errors=errors))


@api.exception_handler(HttpError)
def translate(request: HttpRequest, error: HttpError) -> HttpResponse:
    """The framework's own refusals; an unparsable body is invalid input like any other."""
    if error.status_code == 400:
        cause = error.__cause__
        try:
            look_up_path(request)
        except ApiError as first:
            return problem_response(request, first)
        return problem_response(request, cause if isinstance(cause, ApiError) else Invalid(f"{error}."))
    response: HttpResponse = api.create_response(request, {"detail": str(error)}, status=error.status_code)
    return response


@api.exception_handler(Exception)
def give_up(request: HttpRequest, error: Exception) -> HttpResponse:
    """Nothing of our own: the middleware knows what to say of database and programming errors."""
    raise error


def schema() -> dict[str, Any]:
    """The OpenAPI document as a dictionary."""
    return dict(api.get_openapi_schema())
