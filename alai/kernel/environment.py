"""Values from the environment: a misspelt one must neither be guessed nor turn something off in silence."""

import os
import re

from django.core.exceptions import ImproperlyConfigured

ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def flag(name: str, *, default: bool) -> bool:
    """A switch, 1 or 0; raises ImproperlyConfigured for anything else."""
    text = os.environ.get(name, "").strip().lower()
    if text in (*ON, *OFF):
        return text in ON
    if text:
        raise ImproperlyConfigured(f"{name}={text} is neither 1 nor 0.")
    return default


def whole(name: str, default: int, *, least: int = 0, most: int = 1_000_000) -> int:
    """A whole number within its bounds, both included; raises ImproperlyConfigured for anything else."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) < 20 and least <= int(text) <= most:
        return int(text)
    raise ImproperlyConfigured(f"{name}={text} is no whole number from {least} to {most}.")


def number(name: str, default: float, *, least: float = 0, most: float = 1_000_000) -> float:
    """A number within its bounds, both included; raises ImproperlyConfigured for anything else."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if least <= value <= most:  # which is not said of a value that is no number
        return value
    raise ImproperlyConfigured(f"{name}={text} is no number from {least:g} to {most:g}.")


def choice(name: str, default: str, *others: str) -> str:
    """One of a few words, in small letters; raises ImproperlyConfigured for anything else."""
    text = os.environ.get(name, "").strip().lower() or default
    if text in (default, *others):
        return text
    *words, last = filter(None, (default, *others))
    raise ImproperlyConfigured(f"{name}={text} is none of {', '.join(words)} and {last}.")


def clock(name: str, default: str) -> str:
    """A time of day, 08:00; raises ImproperlyConfigured for anything else."""
    text = os.environ.get(name, "").strip() or default
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text, re.ASCII):
        return text
    raise ImproperlyConfigured(f"{name}={text} is no time of day: write 08:00.")
