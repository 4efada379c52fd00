"""Whether Paperless knows a sender: best-effort, remembered for a week, never a reason to wait for long.

Shapes: Paperless-ngx `GET /api/correspondents/?name__icontains=` -> `{count, results: [{id, name, match, ...}]}`.
"""

import logging
from datetime import timedelta
from typing import Any

import pybreaker
from django.conf import settings
from django.utils import timezone

from alai.kernel import metrics
from inbox.mail.parsed import Address
from inbox.models import Sender
from inbox.outside import Failed, call
from inbox.triage.domains import organisation

logger = logging.getLogger(__name__)

KNOWN_FOR = timedelta(days=7)
UNKNOWN_FOR = timedelta(days=1)
SHORTEST = 4  # of a domain's own label: shorter ones stand in too many names
_breaker = pybreaker.CircuitBreaker(fail_max=3, reset_timeout=300, throw_new_error_on_trip=False)


def is_configured() -> bool:
    return bool(settings.PAPERLESS_URL and settings.PAPERLESS_TOKEN)


def look_up(address: Address, *, freemail: bool) -> None:
    """Remember what Paperless says of a sender, unless it is remembered already; never raises.

    Call it outside of transactions: it waits for the network.

    A correspondent is the sender's when it bears the domain's own label (not of a freemail provider), or exactly the
    sender's full name.
    """
    if not is_configured() or not address.email or _is_fresh(address.email):
        return
    try:
        name = _find(address, freemail=freemail)
    except (Failed, pybreaker.CircuitBreakerError) as error:
        logger.warning("Paperless did not answer", extra={"outcome": str(error)[:60]})
        return
    Sender.objects.update_or_create(
        address=address.email[:320],
        defaults={"paperless_name": name[:200], "paperless_checked_at": timezone.now()},
    )


def _is_fresh(address: str) -> bool:
    known = Sender.objects.filter(address=address[:320]).exclude(paperless_checked_at=None).first()
    if known is None or known.paperless_checked_at is None:
        return False
    age = timezone.now() - known.paperless_checked_at
    return age < (KNOWN_FOR if known.paperless_name else UNKNOWN_FOR)


def _find(address: Address, *, freemail: bool) -> str:
    label = own_label(address.domain)
    if not freemail and len(label) >= SHORTEST:
        for one in _search(label):
            if label in _words(f"{one.get('name')} {one.get('match')}") or address.domain in _text(one):
                return str(one.get("name"))
    if " " in address.name.strip():
        for one in _search(address.name.strip()):
            if str(one.get("name")).casefold().strip() == address.name.casefold().strip():
                return str(one.get("name"))
    return ""


def own_label(domain: str) -> str:
    """`acme` of mail.acme.no and of acme.co.uk: what the organisation itself is called."""
    label, dot, _ = organisation(domain).partition(".")
    return label if dot else ""


def _search(words: str) -> list[dict[str, Any]]:
    headers = {
        "Authorization": f"Token {settings.PAPERLESS_TOKEN}",
        "Accept": "application/json; version=9",
    }
    if settings.PAPERLESS_ACCESS_ID:
        headers["CF-Access-Client-Id"] = settings.PAPERLESS_ACCESS_ID
        headers["CF-Access-Client-Secret"] = settings.PAPERLESS_ACCESS_SECRET
    status = "ok"
    try:
        reply = _breaker.call(
            call,
            "GET",
            f"{settings.PAPERLESS_URL.rstrip('/')}/api/correspondents/",
            seconds=settings.PAPERLESS_SECONDS,
            headers=headers,
            params={"name__icontains": words[:100], "page": "1", "page_size": "25"},
        )
    except Failed as error:
        status = error.outcome
        raise
    finally:
        metrics.external_call("paperless", status)
    results = reply.get("results")
    return [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []


def _words(text: str) -> set[str]:
    return {word for word in "".join(c if c.isalnum() else " " for c in text.lower()).split() if word}


def _text(one: dict[str, Any]) -> str:
    return f"{one.get('name')} {one.get('match')}".lower()
