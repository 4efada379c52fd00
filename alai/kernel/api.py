"""What every router is built from: scopes, the caller, documented problems, a strict JSON parser."""

import json
import re
from collections.abc import Callable
from typing import Any, cast

import pydantic
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja import Schema
from ninja.errors import ValidationError
from ninja.parser import Parser
from ninja.security.base import AuthBase
from ninja.utils import check_csrf
from pydantic import BaseModel, ConfigDict

from alai.kernel import context
from alai.kernel.auth import authenticate
from alai.kernel.errors import Forbidden, Invalid, TooLarge, Unauthorized
from alai.kernel.principals import Principal

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
JSON_LIMIT = 10 * 1024 * 1024  # bytes
JSON_DEPTH = 100  # levels; common parsers give up at 256
ESCAPED = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


class ProblemOut(Schema):
    """RFC 9457 problem details; `code` is stable, `detail` is for people."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[dict[str, Any]] | None = None


PROBLEMS: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429, 503), ProblemOut)


class Scope(AuthBase):
    """Lets callers in that carry one of the scopes (no scope: anybody with a valid token); else 401 or 403."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_name = "Token"

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes
        super().__init__()

    def __call__(self, request: HttpRequest) -> Principal:
        principal = authenticate(request)
        if principal is None:
            raise Unauthorized(
                "Send a valid token: Authorization: Bearer TOKEN.", headers={"WWW-Authenticate": "Bearer"}
            )
        if principal.is_session and request.method not in SAFE_METHODS and check_csrf(request):
            raise Forbidden("The session's CSRF token is missing: send X-CSRFToken.", code="csrf_failed")
        context.assume(context.evolve(actor=principal.actor))
        if self.scopes:
            principal.require(*self.scopes)
        return principal


def caller(request: HttpRequest) -> Principal:
    """Who the endpoint's `Scope` let in."""
    return cast("Principal", request.auth)  # type: ignore[attr-defined]


IDEMPOTENCY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "The same key and body within 24 hours answers the first result again.",
}


def idempotent(extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """The `openapi_extra` of a creating endpoint: the middleware honours the header on every POST."""
    return {"parameters": [IDEMPOTENCY_HEADER], **(extra or {})}


class StrictParser(Parser):
    """JSON as PostgreSQL can hold it: no NUL characters, no lone surrogates, no NaN."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return cast("dict[str, Any]", load_json(request.body))

    def parse_querydict(
        self, data: MultiValueDict[str, str], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        for name, values in data.lists():
            for text in (name, *values):
                if isinstance(text, str):
                    check_text(text, "query", name)
        return super().parse_querydict(data, list_fields, request)


def load_json(content: bytes, *, storable: bool = True) -> Any:
    """Parse strictly; 422 says what is wrong. `storable` looks for text that PostgreSQL cannot hold, too."""
    if len(content) > JSON_LIMIT:
        raise TooLarge(f"A JSON body has at most {JSON_LIMIT} bytes.")
    try:
        value = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            f"The body is not JSON: {error}.", errors=[{"loc": ["body"], "msg": str(error)}]
        ) from None
    if content.count(b"[") + content.count(b"{") > JSON_DEPTH and depth(value) > JSON_DEPTH:
        raise Invalid(
            f"The body is nested more than {JSON_DEPTH} levels deep; other programs could not read it."
        )
    if storable and (ESCAPED.search(content) or b"\0" in content):
        check_storable(value)
    return value


def parse_json[M: BaseModel](request: HttpRequest, model: type[M], *, storable: bool = True) -> M:
    """The request's JSON body as the model, for endpoints that read it themselves."""
    try:
        return model.model_validate(load_json(request.body, storable=storable))
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise ValidationError([{**one, "loc": ("body", *one["loc"])} for one in details]) from None


def depth(value: Any) -> int:
    """How many lists and objects lie within one another at most; 0 for a plain value."""
    deepest, layer = 0, [value]
    while layer := [item for item in layer if isinstance(item, list | dict)]:
        deepest += 1
        layer = [inner for item in layer for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest


def check_text(text: str, *place: str | int) -> None:
    """422, which names the place, for what PostgreSQL's text cannot hold."""
    sentence = "Text cannot contain NUL characters." if "\0" in text else ""
    try:
        text.encode()
    except UnicodeEncodeError:
        sentence = "Text contains a lone surrogate: it is not Unicode."
    if sentence:
        named = [part if isinstance(part, int) else printable(part) for part in place]
        raise Invalid(sentence, errors=[{"loc": named, "msg": sentence}])


def printable(text: str) -> str:
    return text.replace("\0", "\\0").encode(errors="backslashreplace").decode()


def check_storable(value: Any, *place: str | int) -> None:
    """`check_text` for every text inside."""
    place = place or ("body",)
    if isinstance(value, str):
        check_text(value, *place)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            check_storable(item, *place, number)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key, *place, key)
            check_storable(item, *place, key)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


Lookup = Callable[[Principal, Any], object]
_lookups: dict[str, Lookup] = {}


def register_lookup(parameter: str, find: Lookup) -> None:
    """Tell how a path parameter is looked up, so that 404 comes before 422. `find` raises NotFound or Forbidden."""
    _lookups[parameter] = find


def look_up_path(request: HttpRequest) -> None:
    """Raise what looking up the request's path parameters raises."""
    match = request.resolver_match
    principal = getattr(request, "auth", None)
    if match is None or not isinstance(principal, Principal):
        return
    for name, value in match.kwargs.items():
        if name in _lookups:
            _lookups[name](principal, value)
