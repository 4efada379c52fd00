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
SHORTEST_KEY = 32  # characters
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


@register(SETTINGS)
def names_are_known(**_: Any) -> Found:
    everywhere = settings.HOST in ("0.0.0.0", "::")  # noqa: S104 - a comparison
    if not everywhere or not all(
        _is_loopback(name) or name == settings.HOST for name in settings.ALLOWED_HOSTS
    ):
        return []
    return [
        Warning(
            f"HOST is {settings.HOST}, but ALLOWED_HOSTS names this machine alone: others are answered 400.",
            hint="Set ALLOWED_HOSTS to the names and addresses by which they ask, comma-separated.",
            id="alai.W002",
        )
    ]


@register(SETTINGS)
def secret_key_is_long(**_: Any) -> Found:
    if settings.DEBUG or len(settings.SECRET_KEY) >= SHORTEST_KEY:
        return []
    hint = "Leave SECRET_KEY unset and one is made, or take the output of `openssl rand -base64 48`."
    return [
        Error(
            f"SECRET_KEY has {len(settings.SECRET_KEY)} characters, which can be guessed: sessions could be forged.",
            hint=hint,
            id="alai.E009",
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
def own_tokens_are_harmless(**_: Any) -> Found:
    found: Found = []
    wrong = [scope for scope in settings.OWN_TOKEN_SCOPES if scope not in SCOPES or scope in PRIVILEGED]
    if wrong:
        allowed = ", ".join(scope for scope in SCOPES if scope not in PRIVILEGED)
        hint = f"Name scopes among {allowed}, separated by commas."
        found.append(Error(f"OWN_TOKEN_SCOPES holds {', '.join(wrong)}.", hint=hint, id="alai.E020"))
    return found
