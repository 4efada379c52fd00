"""Which ledger, as whom: flags, then the environment, then ~/.config/alai/config.toml."""

from __future__ import annotations

import os

from alai.cli.commands import load
from alai.cli.errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.options import Given

TIMEOUT = 10.0  # seconds, for a whole exchange with the server
NO_SERVER = "No server is named: run `alai login`, or set ALAI_MC_URL and ALAI_TOKEN."
NO_LEDGER = (
    "No ledger is named: run `alai login`, or set ALAI_MC_URL and ALAI_TOKEN, or ALAI_MC_DB for a file."
)


class Settings:
    """Where to and as whom. An empty `url` means the legacy file `database`; `session` is found when needed."""

    __slots__ = ("actor", "database", "given_session", "read_only", "timeout", "token", "url")

    def __init__(self, given: Given, *, server_only: bool = False) -> None:
        """With `server_only` a legacy file is no answer; Usage when nothing says where the ledger is."""
        environ = os.environ
        url = given.text("url") or environ.get("ALAI_MC_URL", "")
        self.token = environ.get("ALAI_TOKEN", "")
        self.actor = given.text("actor") or environ.get("ALAI_ACTOR", "")
        self.given_session = given.text("session") or environ.get("ALAI_SESSION", "")
        self.database = "" if url or server_only else environ.get("ALAI_MC_DB", "")
        self.timeout = seconds(environ.get("ALAI_TIMEOUT", ""))
        self.read_only = False
        self.url = clean_url(url) if url else ""
        if not (url and self.token and self.actor):
            self._complete(read(), legacy=environ.get("ALAI_MC_LEGACY") == "1")
        if not (self.url or self.database):
            raise Usage(NO_SERVER if server_only else NO_LEDGER)
        if self.url and not self.token:
            raise Usage(
                f"There is no token for {self.url}: run `alai login --url {self.url}` or set ALAI_TOKEN."
            )
        check_actor(self.actor)
        check_session(self.given_session)

    def _complete(self, file: dict[str, str], *, legacy: bool) -> None:
        """A token in the file belongs to the server in the file, and goes to no other."""
        url = clean_url(file["url"]) if file.get("url") else ""
        if self.database:
            self.read_only = bool(url) and not legacy
            return
        self.url = self.url or url
        if self.url and self.url == url:
            self.token = self.token or file.get("token", "")
            self.actor = self.actor or file.get("actor", "")

    @property
    def session(self) -> str:
        """The session that was given, or one that is the same for every command of this terminal or shell."""
        if not self.given_session:
            self.given_session = load("alai.cli.session:of_this_place")()
        return self.given_session


def path() -> str:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 - pathlib is slow
    return f"{home}/alai/config.toml"


def read() -> dict[str, str]:
    """The top-level texts of the file; empty when there is none."""
    try:
        with open(path(), encoding="utf-8") as file:  # noqa: PTH123
            text = file.read()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(
            f"{path()} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}."
        ) from None
    simple = _read_simple(text)
    return _read_toml(text) if simple is None else simple


def clean_url(url: str) -> str:
    """`https://host[:port][/prefix]` without the API's base; Usage never repeats what may hold a password."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme not in ("http", "https") or not rest or rest.startswith("/"):
        raise Usage("The server's address looks like https://mc.example.com.")
    if (
        "@" in rest
        or "?" in rest
        or "#" in rest
        or not rest.isascii()
        or not rest.isprintable()
        or " " in rest
    ):
        raise Usage("The server's address has no user, query or spaces: https://mc.example.com.")
    port = rest.partition("/")[0].rpartition("]")[2].partition(":")[2]
    if port and not (port.isdigit() and len(port) <= 5 and 0 < int(port) <= 65535):
        raise Usage("The port in the server's address is a number from 1 to 65535.")
    return f"{scheme}://{rest.rstrip('/').removesuffix('/api/v1')}"


def check_actor(actor: str) -> None:
    plain = actor.replace(".", "").replace("_", "").replace("@", "").replace("-", "")
    if actor and not (actor.isascii() and actor[0].isalnum() and plain.isalnum() and len(actor) <= 100):
        raise Usage("An actor is a name of letters, digits and . _ @ -, at most 100 long, e.g. john.")


def check_session(session: str) -> None:
    parts = session.split("/")
    if session and not (len(parts) <= 2 and all(map(_is_part, parts))):
        raise Usage("A session is `session_id` or `session_id/agent_id`, without colons or spaces.")


def _is_part(part: str) -> bool:
    return (
        0 < len(part) <= 120
        and ":" not in part
        and not any(c.isspace() or c < " " or c == "\x7f" for c in part)
    )


def _read_simple(text: str) -> dict[str, str] | None:
    """The file as `alai login` writes it; None when it takes a real TOML parser, which is slow to load."""
    values = {}
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name, value = name.strip(), value.strip()
        inner = value[1:-1]
        quoted = len(value) >= 2 and value[0] == value[-1] == '"' and '"' not in inner and "\\" not in inner
        if not (equals and quoted and name.isidentifier() and name not in values):
            return None
        values[name] = inner
    return values


def _read_toml(text: str) -> dict[str, str]:
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise Usage(f"{path()} is not valid TOML; run `alai login` again.") from None
    return {name: value for name, value in values.items() if isinstance(value, str)}


def seconds(text: str) -> float:
    if not text:
        return TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise Usage("ALAI_TIMEOUT is a number of seconds from above 0 to 3600.")
    return seconds
