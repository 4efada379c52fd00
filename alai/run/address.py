"""The address that the web part serves."""

import http.client
import os
import socket

from alai.embedded import EmbeddedError
from alai.embedded.process import port_is_free


def chosen_address() -> tuple[str, int]:
    """HOST, as the numbers that the web server wants, and PORT from the environment."""
    text = os.environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise EmbeddedError(f"PORT={text} is no port: use a number from 1 to 65535.")
    return _numeric(os.environ.get("HOST", "").strip("[] ") or "127.0.0.1"), int(text)


def _numeric(host: str) -> str:
    """A name's address, IPv4 first; a name that has none is left for `require_free` to refuse."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return host
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


def require_free(host: str, port: int) -> None:
    """Raise unless we can listen there: granian would share the port with a second instance in silence."""
    try:
        free = port_is_free(port, host)
    except PermissionError:
        raise EmbeddedError(f"This account may not listen on port {port}: use one above 1023.") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EmbeddedError(
            f"HOST={host} is no address of this machine ({reason}): use 127.0.0.1, or 0.0.0.0 for all."
        ) from None
    if not free:
        raise EmbeddedError(
            f"Port {port} on {host} is taken by another program: "
            f"stop that one, or choose another port with PORT={port % 65535 + 1}."
        )


def local_url(host: str, port: int) -> str:
    """What a browser on this machine opens."""
    name = _reachable(host)
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def answers(host: str, port: int) -> bool:
    """Whether anything comes back from /health; ALLOWED_HOSTS may well refuse the name we ask by."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
