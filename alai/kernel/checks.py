"""Settings that are wrong or risky, said at start-up by `manage.py check` with what to do about them."""

import logging
import re
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from alai.kernel.models import SCOPES
from alai.kernel.tokens import PRIVILEGED

Found = list[CheckMessage]
SETTINGS = "settings"  # the tag of checks that need nothing but those


@register(SETTINGS)
def host_is_safe(**_: Any) -> Found:
    if settings.HTTPS or _is_loopback(settings.HOST):
        return []
    return [
        Warning(
            f"HOST is {settings.HOST}, reachable from other machines, and HTTPS is off: "
            "passwords and tokens travel in the clear.",
            hint="Put a proxy that speaks TLS in front and set HTTPS=1, or set HOST=127.0.0.1.",
            id="alai.W001",
        )
    ]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@register(SETTINGS)
def time_zone_is_known(**_: Any) -> Found:
    try:
        ZoneInfo(settings.TIME_ZONE)
    except (KeyError, ValueError, OSError):
        hint = "Set TIME_ZONE to a name of the IANA database, e.g. Europe/Oslo."
        return [
            Error(f"TIME_ZONE is {settings.TIME_ZONE!r}, which is no time zone.", hint=hint, id="alai.E001")
        ]
    return []


@register(SETTINGS)
def port_is_possible(**_: Any) -> Found:
    if 1 <= settings.PORT <= 65535:
        return []
    return [Error(f"PORT is {settings.PORT}.", hint="Set PORT to a number from 1 to 65535.", id="alai.E002")]


@register(SETTINGS)
def slack_is_well_formed(**_: Any) -> Found:
    found: Found = []
    if settings.SLACK_BOT_TOKEN and not re.fullmatch(r"xox[bep][.-][\w.-]{8,}", settings.SLACK_BOT_TOKEN):
        hint = "Copy the Bot User OAuth Token of the Slack app, without quotes or spaces."
        found.append(Error("SLACK_BOT_TOKEN does not begin with xoxb-.", hint=hint, id="alai.E003"))
    if not re.match(r"https?://[^/\s]", settings.SLACK_API_URL):
        hint = "Leave SLACK_API_URL unset, or set it to an address such as https://slack.com/api."
        found.append(Error("SLACK_API_URL is no http(s) address.", hint=hint, id="alai.E004"))
    return found


@register(SETTINGS)
def log_level_is_known(**_: Any) -> Found:
    if settings.LOG_LEVEL.upper() in logging.getLevelNamesMapping():
        return []
    hint = "Set LOG_LEVEL to DEBUG, INFO, WARNING or ERROR."
    return [Error(f"LOG_LEVEL is {settings.LOG_LEVEL!r}; INFO is used.", hint=hint, id="alai.E005")]


@register(SETTINGS)
def broker_is_supported(**_: Any) -> Found:
    if settings.BROKER_URL.startswith(("redis://", "rediss://")):
        return []
    hint = "Set BROKER_URL to redis://:password@host:port/0 (rediss:// with TLS); Valkey speaks the same."
    return [Error("BROKER_URL is not an address of Valkey or Redis.", hint=hint, id="alai.E006")]


@register(SETTINGS)
def pool_is_possible(**_: Any) -> Found:
    size = settings.DATABASES["default"].get("OPTIONS", {}).get("pool", {}).get("max_size", 1)
    if size >= 1:
        return []
    return [Error(f"DATABASE_POOL is {size}.", hint="Set DATABASE_POOL to 1 or more.", id="alai.E007")]


@register(SETTINGS)
def proxy_count_is_possible(**_: Any) -> Found:
    if settings.PROXY_COUNT >= 0:
        return []
    hint = "Set PROXY_COUNT to the number of proxies in front of this server, 0 for none."
    return [Error("PROXY_COUNT is negative.", hint=hint, id="alai.E008")]


@register(SETTINGS)
def own_tokens_are_harmless(**_: Any) -> Found:
    found: Found = []
    wrong = [scope for scope in settings.OWN_TOKEN_SCOPES if scope not in SCOPES or scope in PRIVILEGED]
    if wrong:
        allowed = ", ".join(scope for scope in SCOPES if scope not in PRIVILEGED)
        hint = f"Name scopes among {allowed}, separated by commas."
        found.append(Error(f"OWN_TOKEN_SCOPES holds {', '.join(wrong)}.", hint=hint, id="alai.E020"))
    for name in ("OWN_TOKEN_DAYS", "TOKEN_WARNING_DAYS"):
        if not 1 <= getattr(settings, name) <= 3650:
            hint = f"Set {name} to 1 to 3650."
            found.append(Error(f"{name} is {getattr(settings, name)}.", hint=hint, id="alai.E021"))
    return found
