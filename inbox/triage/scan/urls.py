"""Where a link leads, as a browser would read it, whatever tricks it is written with."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from inbox.triage.domains import is_ip, organisation

_WEB = re.compile(r"(https?):[\\/]*([^\\/?#]*)([^?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_SCHEMELESS = re.compile(r"^[\\/]{2}([^\\/?#]+)([^?#]*)(.*)", re.DOTALL)
_DOMAIN_IN_TEXT = re.compile(r"(?:https?://)?(?:[\w-]{1,63}\.){1,6}([a-z]{2,24})(?=[/:?\s]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Url:
    """A web address taken apart. `host` is lower case and decoded; `userinfo` is what stood before an @."""

    scheme: str
    host: str
    port: str
    path: str
    rest: str
    userinfo: str = ""

    @property
    def organisation(self) -> str:
        return organisation(self.host)

    @property
    def is_ip(self) -> bool:
        return is_ip(self.host)


@lru_cache(maxsize=2_000)
def web(href: str) -> Url | None:
    """The parts of an http or https address, or None for anything else."""
    found = _WEB.match(href)
    if found is None:
        schemeless = _SCHEMELESS.match(href)
        if schemeless is None:
            return None
        return _url("http", *schemeless.groups())
    return _url(found.group(1).lower(), found.group(2), found.group(3), found.group(4))


def _url(scheme: str, authority: str, path: str, rest: str) -> Url | None:
    userinfo, at, host = authority.rpartition("@")
    if "%" in host:
        host = unquote(host, errors="replace")
    bare, _, port = (
        host.rpartition(":") if re.search(r":\d*$", host) and not host.endswith("]") else (host, "", "")
    )
    bare = bare.strip(". ").lower()
    if not bare.isascii():
        bare = _ascii(bare)
    return Url(scheme, bare[:255], port, path, rest, userinfo if at else "") if bare else None


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def shown_domain(text: str) -> str:
    """The domain that a link's text shows to the reader, if that is what it shows."""
    bare = text.strip().strip("<>()[]\"'.,;:").lower()
    if " " in bare or "@" in bare or len(bare) > 300:
        return ""
    found = _DOMAIN_IN_TEXT.match(bare)
    if found is None or not found.end():
        return ""
    host = re.sub(r"^https?://", "", found.group(0))
    if not host.isascii():
        host = _ascii(host)
    return host if organisation(host) != found.group(1) else ""
