"""Gatus' endpoints as checks: each is taken whole, or named with the reason why not. Pure: no database.

A condition counts as Gatus has it: one that fails makes the endpoint unhealthy, so all of them become `down_unless`.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from infra.probes import make
from infra.probes.conditions import BadCondition, read
from infra.probes.guard import is_public
from infra.probes.kinds import BadSettings

DURATION = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$")
ENVIRONMENT = re.compile(r"\$[{A-Z_]")
LARGEST = 10_000  # values in an endpoint: anchors can make a few lines stand for more than fits in memory
UNKNOWN_NAME = re.compile(r"[^A-Za-z0-9._:/#-]+")
FOLLOWED = "[STATUS] < 400"
DNS_TYPES = ("A", "AAAA", "CNAME", "MX", "NS", "TXT")
# What an endpoint may have; anything else is something that we would silently lose.
KNOWN = {
    "name", "group", "url", "enabled", "interval", "conditions", "method", "client", "dns", "alerts", "ui", "headers",
    "body", "graphql", "ssh", "store", "maintenance-windows", "always-run", "extra-labels",
}  # fmt: skip
CLIENT = {"timeout", "ignore-redirect", "insecure"}
SCHEMES = {
    "icmp": "pings are not sent: check a port with tcp://",
    "ssh": "no command is run over SSH",
    "ws": "websockets are not spoken",
    "wss": "websockets are not spoken",
    "udp": "a UDP port that answers nothing cannot be told from one that is closed",
    "sctp": "SCTP is not spoken",
    "starttls": "STARTTLS is not spoken; a port with TLS of its own can be checked with tls://",
    "domain": "domains' expiry is not looked up",
    "grpc": "gRPC is not spoken",
    "grpcs": "gRPC is not spoken",
}


class NotTaken(ValueError):
    """Why an endpoint cannot become a check."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An endpoint as a check of ours; `remarks` say what is worth knowing about it."""

    name: str
    fields: Mapping[str, Any]  # kind, settings, interval_seconds, enabled, notes
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """An endpoint that was not taken."""

    name: str
    reason: str


@dataclass(slots=True)
class Reading:
    """A file's endpoints, in its order."""

    found: list[Taken | Left] = field(default_factory=list)

    @property
    def taken(self) -> list[Taken]:
        return [one for one in self.found if isinstance(one, Taken)]

    @property
    def left(self) -> list[Left]:
        return [one for one in self.found if isinstance(one, Left)]


def convert(document: Any) -> Reading:
    """Read a Gatus configuration; raises `NotTaken` when it is none."""
    if not isinstance(document, dict) or not isinstance(document.get("endpoints", []), list):
        raise NotTaken("this is no configuration of Gatus: it has no list of endpoints")
    reading = Reading()
    seen: set[str] = set()
    for number, endpoint in enumerate(document.get("endpoints", []), start=1):
        name = _name(endpoint, number)
        try:
            if name in seen:
                raise NotTaken("another endpoint has the same name already")
            reading.found.append(_take(name, endpoint))
        except NotTaken as error:
            reading.found.append(Left(name, str(error)))
        seen.add(name)
    reading.found += _others(document)
    return reading


def _others(document: Mapping[str, Any]) -> Iterator[Left]:
    """What is watched there in other ways."""
    for kind, reason in (
        ("external-endpoints", "it reports by itself: give its job an address to ping instead"),
        ("suites", "suites of several steps are not run"),
    ):
        entries = document.get(kind, [])
        for number, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
            yield Left(_name(entry, number), reason)


def _name(endpoint: Any, number: int) -> str:
    """`group/name` in the letters that names have here."""
    if not isinstance(endpoint, dict) or not isinstance(endpoint.get("name"), str | int | float):
        return f"endpoint-{number}"
    parts = [
        str(endpoint[part]) for part in ("group", "name") if isinstance(endpoint.get(part), str | int | float)
    ]
    slug = UNKNOWN_NAME.sub("-", "/".join(parts)).strip("-._:/#")
    return slug[:100] or f"endpoint-{number}"


def _take(name: str, endpoint: Any) -> Taken:
    if not isinstance(endpoint, dict):
        raise NotTaken("it is no mapping")
    _refuse_unknown(endpoint)
    url = endpoint.get("url")
    if not isinstance(url, str) or not url:
        raise NotTaken("it has no url")
    if any(ENVIRONMENT.search(text) for text in _texts(endpoint)):
        raise NotTaken("it takes values from the environment: write them out")
    conditions = _conditions(endpoint)
    kind, settings, remarks = _by_scheme(endpoint, url, conditions)
    try:
        make(kind, settings)
    except BadSettings as error:
        raise NotTaken(str(error)) from None
    if endpoint.get("alerts"):
        remarks.append("its alerts are not taken: give it a rule")
    fields: dict[str, Any] = {"kind": kind, "settings": settings, "interval_seconds": _interval(endpoint)}
    if endpoint.get("enabled") is False:
        fields["enabled"] = False
    return Taken(name, fields, tuple(remarks))


def _texts(endpoint: Any) -> Iterator[str]:
    """Every text in an endpoint."""
    waiting, seen = [endpoint], 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if seen > LARGEST:
            raise NotTaken("it is too large")
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one


def _refuse_unknown(endpoint: Mapping[str, Any]) -> None:
    unknown = sorted(set(map(str, endpoint)) - KNOWN)
    if unknown:
        raise NotTaken(f"nobody here knows what {unknown[0]} means")
    for name, words in (
        ("body", "a body is not sent"), ("graphql", "GraphQL is not asked"), ("headers", "headers are not sent"),
        ("ssh", SCHEMES["ssh"]), ("store", "values are not stored between endpoints"),
        ("maintenance-windows", "windows of maintenance are records of their own"),
    ):  # fmt: skip
        if endpoint.get(name):
            raise NotTaken(words)
    client = endpoint.get("client") or {}
    if not isinstance(client, dict):
        raise NotTaken("its client is no mapping")
    if client.get("insecure"):
        raise NotTaken("certificates are always verified")
    strange = sorted(set(map(str, client)) - CLIENT)
    if strange:
        raise NotTaken(f"nobody here knows what client.{strange[0]} means")


def _conditions(endpoint: Mapping[str, Any]) -> list[str]:
    raw = endpoint.get("conditions") or []
    if not isinstance(raw, list) or not all(isinstance(one, str) for one in raw):
        raise NotTaken("its conditions are no list of text")
    return raw


def _by_scheme(
    endpoint: Mapping[str, Any], url: str, conditions: list[str]
) -> tuple[str, dict[str, Any], list[str]]:
    if endpoint.get("dns"):
        return _dns(endpoint["dns"], url, conditions)
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return _http(endpoint, url, parts.hostname or "", conditions)
    if parts.scheme in ("tcp", "tls"):
        return _port(parts.scheme, url, endpoint, conditions)
    raise NotTaken(SCHEMES.get(parts.scheme, f"{parts.scheme or 'nothing'}:// is not spoken"))


def _http(
    endpoint: Mapping[str, Any], url: str, host: str, conditions: list[str]
) -> tuple[str, dict[str, Any], list[str]]:
    for text in conditions:
        try:
            read(text)
        except BadCondition as error:
            raise NotTaken(f"condition {text}: {error}") from None
    client = endpoint.get("client") or {}
    settings: dict[str, Any] = {"url": url, "down_unless": conditions or [FOLLOWED]}
    if not client.get("ignore-redirect"):
        settings["redirects"] = "follow"
    if endpoint.get("method", "GET") != "GET":
        settings["method"] = endpoint["method"]
    return "http", {**settings, **_common(endpoint, host)}, _remarks(host)


def _port(
    scheme: str, url: str, endpoint: Mapping[str, Any], conditions: list[str]
) -> tuple[str, dict[str, Any], list[str]]:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise NotTaken("its port is no number") from None
    if not host or port is None:
        raise NotTaken("its url has no host or no port")
    settings: dict[str, Any] = {"host": host, "port": port, **_common(endpoint, host)}
    for text in conditions:
        expiry = re.fullmatch(r"\[CERTIFICATE_EXPIRATION\]\s*>=?\s*(\d+)h", text.strip())
        if expiry and scheme == "tls":
            settings["warn_days"] = max(1, round(int(expiry[1]) / 24))
        elif not re.fullmatch(r"\[CONNECTED\]\s*==\s*true", text.strip()):
            raise NotTaken(f"condition {text}: a {scheme} check knows [CONNECTED] == true alone")
    return scheme, settings, _remarks(host)


def _dns(dns: Any, url: str, conditions: list[str]) -> tuple[str, dict[str, Any], list[str]]:
    if (
        not isinstance(dns, dict)
        or dns.get("query-type") not in DNS_TYPES
        or not isinstance(dns.get("query-name"), str)
    ):
        raise NotTaken(f"its dns needs query-name and one of {', '.join(DNS_TYPES)}")
    settings: dict[str, Any] = {"name": dns["query-name"].rstrip("."), "record": dns["query-type"]}
    for text in conditions:
        body = re.fullmatch(r"\[BODY\]\s*==\s*([^\s()]+)", text.strip())
        if body:
            settings.setdefault("expect", []).append(body[1])
        elif not re.fullmatch(r"\[DNS_RCODE\]\s*==\s*NOERROR", text.strip()):
            raise NotTaken(f"condition {text}: a dns check compares records alone")
    return "dns", settings, [f"asked of our own resolver, not of {url}"]


def _common(endpoint: Mapping[str, Any], host: str) -> dict[str, Any]:
    client = endpoint.get("client") or {}
    found: dict[str, Any] = {}
    if client.get("timeout") is not None:
        found["timeout"] = min(60.0, _seconds(client["timeout"], "client.timeout"))
    if _is_private(host):
        found["private"] = True
    return found


def _remarks(host: str) -> list[str]:
    return ["reaches into a private network"] if _is_private(host) else []


def _is_private(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return not is_public(host)


def _interval(endpoint: Mapping[str, Any]) -> int:
    seconds = round(_seconds(endpoint.get("interval", "60s"), "interval"))
    if not 5 <= seconds <= 7 * 86_400:
        raise NotTaken("its interval is not between 5 s and a week")
    return seconds


def _seconds(raw: Any, name: str) -> float:
    match = DURATION.match(raw) if isinstance(raw, str) and raw else None
    if match is None:
        raise NotTaken(f"{name} is no time such as 30s or 5m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
