"""Passwords by reference: a record names the place where a secret lies, and never holds the secret.

    env:MAIL_PASSWORD_POST          an environment variable of the process that needs it
    file:/run/secrets/post          a file that only its owner may read (mode 0600 or stricter)

Another kind of place (a vault) is one more function in RESOLVERS. Nothing here logs or caches a secret.
"""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

LARGEST = 64 * 1024  # bytes; a file beyond that is no password


class SecretUnavailable(Exception):
    """The sentence says which reference, what is wrong and what to do; it never holds the secret."""


def resolve(reference: str) -> str:
    """The secret behind a reference; raises SecretUnavailable."""
    kind, place = _split(reference)
    return RESOLVERS[kind](place)


def check(reference: str) -> None:
    """Raise SecretUnavailable unless the reference is well formed; the place itself is not looked at."""
    kind, place = _split(reference)
    if kind == "env" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", place):
        raise SecretUnavailable(f"env:{place} names no environment variable: use letters, digits and _ only.")
    if kind == "file" and not place.startswith("/"):
        raise SecretUnavailable(f"file:{place} is no absolute path: write file:/path/to/secret.")


def _split(reference: str) -> tuple[str, str]:
    kind, colon, place = reference.partition(":")
    if colon and place and kind in RESOLVERS:
        return kind, place
    if not reference:
        raise SecretUnavailable("No reference says where the password is: write env:NAME or file:/path.")
    # Somebody may have put the password itself here: it must not be repeated.
    raise SecretUnavailable(
        "What should say where the password is, is no reference: write env:NAME or file:/path."
    )


def _from_environment(name: str) -> str:
    secret = os.environ.get(name, "")
    if not secret:
        raise SecretUnavailable(f"The environment variable {name} is not set where this process runs.")
    return secret


def _from_file(place: str) -> str:
    """The file's text without the line break at its end."""
    path = Path(place)
    try:
        # Not to wait for a pipe's other end.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _require_private(path, os.fstat(file.fileno()))
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise SecretUnavailable(f"The secret file {path} does not exist.") from None
    except OSError as error:
        raise SecretUnavailable(f"The secret file {path} cannot be read: {error.strerror}.") from None
    return _text(path, content)


def _require_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecretUnavailable(f"The secret file {path} is no regular file.")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise SecretUnavailable(f"The secret file {path} is open to others (mode {mode:04o}): chmod 600 it.")


def _text(path: Path, content: bytes) -> str:
    try:
        secret = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretUnavailable(f"The secret file {path} is not UTF-8 text.") from None
    if not secret or len(content) > LARGEST or "\x00" in secret:
        raise SecretUnavailable(f"The secret file {path} holds no password: it is empty, too long or binary.")
    return secret


RESOLVERS: dict[str, Callable[[str], str]] = {"env": _from_environment, "file": _from_file}
