"""`Idempotency-Key`: a repeated creating request answers what the first one did.

The answer is stored in the transaction of the effect, so that either both exist or neither. A repetition
with another body, or while the first is still under way, is a conflict.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse

from alai.kernel.auth import authenticate
from alai.kernel.errors import ApiError, Conflict, Invalid, TooLarge, problem_response
from alai.kernel.models import IdempotencyRecord

HEADER = "Idempotency-Key"
KEY = re.compile(r"[!-~]{1,255}")
NOT_STORED = frozenset({401, 403, 413, 422, 429})

StillValid = Callable[[int, dict[str, Any]], bool]
_validity: dict[str, StillValid] = {}


def expires_with(operation: str, still_valid: StillValid) -> None:
    """An operation's stored answer counts only while `still_valid(status, body)`: a lease that ended is no grant."""
    _validity[operation] = still_valid


class IdempotencyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST" or not request.path.startswith("/api/"):
            return self.get_response(request)
        try:
            return self._answer(request, key)
        except ApiError as error:
            return problem_response(request, error)
        except RequestDataTooBig:
            return problem_response(request, TooLarge("The body is too large."))

    def _answer(self, request: HttpRequest, key: str) -> HttpResponse:
        if not KEY.fullmatch(key):
            raise Invalid(
                f"{HEADER} has 1 to 255 printable ASCII characters and no spaces.",
                errors=[{"loc": ["header", HEADER], "msg": "not a key"}],
            )
        identity = {"owner": _owner(request), "method": "POST", "path": request.path[:500], "key": key}
        body_hash = _body_hash(request)
        with transaction.atomic():
            _lock(identity)
            stored = IdempotencyRecord.objects.filter(**identity).first()
            known = (
                stored is not None and authenticate(request) is not None
            )  # a revoked token is owed no answer
            if stored is not None and known and _replayable(request, stored, body_hash):
                return _replay(stored)
            response = self.get_response(request)
            if response.status_code in NOT_STORED or response.status_code >= 500:
                transaction.set_rollback(True)
            elif response.headers.get("Cache-Control") != "no-store":  # a new token's text is kept nowhere
                IdempotencyRecord.objects.update_or_create(
                    owner=identity["owner"],
                    method=identity["method"],
                    path=identity["path"],
                    key=identity["key"],
                    defaults={
                        "body_hash": body_hash,
                        "status": response.status_code,
                        "content_type": response.headers.get("Content-Type", ""),
                        "response": response.content,
                        "created_at": Now(),
                    },
                )
        return response


def _replayable(request: HttpRequest, stored: IdempotencyRecord, body_hash: str) -> bool:
    """Whether the stored answer stands; raises when the key was used for something else."""
    age = timedelta(hours=settings.IDEMPOTENCY_HOURS)
    if IdempotencyRecord.objects.filter(pk=stored.pk, created_at__lt=Now() - age).exists():
        return False
    if stored.body_hash != body_hash:
        raise Conflict(
            f"This {HEADER} was used with another body; use a new key for a new request.",
            code="idempotency_mismatch",
        )
    match = _resolve(request)
    check = _validity.get(match)
    return check is None or check(stored.status, json.loads(bytes(stored.response) or b"{}"))


def _resolve(request: HttpRequest) -> str:
    """The operation that a path leads to, named by its last part: `claim`, `next`, ..."""
    return request.path.rstrip("/").rsplit("/", 1)[-1]


def _lock(identity: dict[str, str]) -> None:
    """One request a key at a time; the lock goes with the transaction."""
    number = int.from_bytes(hashlib.sha256(json.dumps(identity).encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        row = cursor.fetchone()
    if not row or not row[0]:
        raise Conflict(
            f"A request with this {HEADER} is still under way.",
            code="in_progress",
            headers={"Retry-After": "1"},
        )


def _owner(request: HttpRequest) -> str:
    credentials = request.headers.get("Authorization") or f"session {request.COOKIES.get('sessionid', '')}"
    return hashlib.sha256(credentials.encode()).hexdigest()


def _body_hash(request: HttpRequest) -> str:
    """A multipart body is hashed by its parts: its boundary differs from one try to the next."""
    digest = hashlib.sha256()
    if request.content_type != "multipart/form-data":
        digest.update(request.body)
        return digest.hexdigest()
    for name in sorted(request.POST):
        digest.update(json.dumps([name, request.POST.getlist(name)]).encode())
    for name in sorted(request.FILES):
        upload = cast("UploadedFile[Any]", request.FILES[name])
        digest.update(json.dumps([name, upload.name, upload.size]).encode())
        for chunk in upload.chunks():
            digest.update(chunk)
        upload.seek(0)
    return digest.hexdigest()


def _replay(stored: IdempotencyRecord) -> HttpResponse:
    return HttpResponse(
        bytes(stored.response),
        status=stored.status,
        content_type=stored.content_type,
        headers={"Idempotency-Replayed": "true"},
    )
