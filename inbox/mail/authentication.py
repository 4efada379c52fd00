"""Authentication-Results (RFC 8601), as servers really write them: comments, no authserv-id, several in one."""

import re
from collections.abc import Iterable

from inbox.mail import limits
from inbox.mail.parsed import AuthenticationResult

_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"^\s*([a-z][a-z0-9-]{1,40})(?:\s*/\s*\d+)?\s*=\s*([a-z]+)\b", re.IGNORECASE)
_PROPERTY = re.compile(
    r"\b(header\.(?:d|i|from)|smtp\.(?:mailfrom|helo|mail|from)|policy\.[a-z-]+)\s*=\s*"
    r"(\"[^\"]{0,500}\"|[^\s;]{1,500})",
    re.IGNORECASE,
)
_WANTED = {
    "dkim": ("header.d", "header.i"),
    "spf": ("smtp.mailfrom", "smtp.mail", "smtp.from", "smtp.helo"),
    "dmarc": ("header.from",),
}
_ANY = ("header.d", "header.from", "smtp.mailfrom", "header.i")


def results(values: Iterable[str]) -> tuple[AuthenticationResult, ...]:
    """What the headers say, the topmost first."""
    found: list[AuthenticationResult] = []
    for position, value in enumerate(values):
        if position >= limits.AUTHENTICATION_HEADERS:
            break
        found += _one(value, position)
    return tuple(found)


def _one(value: str, position: int) -> list[AuthenticationResult]:
    statements = _without_comments(value).split(";")
    authserv, rest = "", statements
    if not _METHOD.match(statements[0]):
        words = statements[0].split()
        authserv, rest = (words[0].strip('"').lower()[:255] if words else ""), statements[1:]
    found = []
    for statement in rest[: limits.AUTHENTICATION_METHODS]:
        match = _METHOD.match(statement)
        if match is None:
            continue
        method = match.group(1).lower()
        domain = _domain(method, statement[match.end() :])
        found.append(AuthenticationResult(authserv, method, match.group(2).lower(), domain, position))
    return found


def _without_comments(value: str) -> str:
    """Nested comments too, to a bound; an unclosed one takes nothing with it."""
    for _ in range(5):
        stripped = _COMMENT.sub(" ", value)
        if stripped == value:
            break
        value = stripped
    return value


def _domain(method: str, properties: str) -> str:
    """The domain that the result is about."""
    found: dict[str, str] = {}
    for name, value in _PROPERTY.findall(properties):
        found.setdefault(name.lower(), value.strip('"'))
    value = next((found[name] for name in _WANTED.get(method, _ANY) if name in found), "")
    return value.rpartition("@")[2].strip("<>.").lower()
