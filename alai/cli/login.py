"""`alai login`: checks a token against the server and keeps both for later."""

from __future__ import annotations

import os
import sys

from alai.cli import config
from alai.cli.errors import DONE, Refused, Usage
from alai.cli.options import Option, Verb
from alai.cli.server import Server
from alai.cli.speech import say, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.options import Given

HOME_HOSTS = ("localhost", "127.", "[::1]")
KEYS = ("url", "token", "actor")

VERB = Verb(
    "login",
    "Check a token against the server and keep it.",
    "alai.cli.login:login",
    options=(
        Option("url", "the server; asked for when it is not given", "URL"),
        Option("token", "only `-`, which reads it from stdin; else it is asked for", "-"),
        Option("actor", "who you are, for commands that do not say", "NAME"),
    ),
    notes="Writes ~/.config/alai/config.toml, readable by you alone. The token never stands on a command line,\n"
    "where others could see it. `manage.py create_token --agent NAME` makes one.",
    examples=(
        "alai login --url https://mc.example.com --actor john",
        "create-token | alai login --url https://mc.example.com --token -",
    ),
)


def login(given: Given) -> int:
    if given.text("token", "-") != "-":
        raise Usage(
            "A token on the command line can be seen by others: use `--token -`, which reads it from stdin."
        )
    config.check_actor(given.text("actor"))
    url = config.clean_url(given.text("url") or _ask_url())
    token = _ask_token(url, piped=given.has("token"))
    timeout = config.seconds(os.environ.get("ALAI_TIMEOUT", ""))
    try:
        Server(url, token, timeout).get("/tasks?limit=1")
    except Refused as refusal:
        if refusal.code == "unauthorized":
            raise Refused(f"{url} does not accept this token; nothing was written.", refusal.code) from None
        if refusal.code != "scope_missing":
            raise
        say("This token may not read tasks: the mc verbs will be refused.")
    if url.startswith("http://") and not url.removeprefix("http://").startswith(HOME_HOSTS):
        say("This address is not encrypted: whoever can listen on the way sees the token.")
    _write({"url": url, "token": token, "actor": given.text("actor")})
    tell(f"Signed in at {url}; written to {config.path()}.")
    return DONE


def _ask_url() -> str:
    if not sys.stdin.isatty():
        raise Usage("Name the server: alai login --url https://mc.example.com.")
    return input("Address of Mission Control: ")


def _ask_token(url: str, *, piped: bool) -> str:
    if piped or not sys.stdin.isatty():
        token = sys.stdin.readline().strip()
    else:
        from getpass import getpass

        token = getpass(f"Token for {url} (not shown): ").strip()
    if not token:
        raise Usage("There was no token: pipe it in, or type it when asked.")
    if not token.isascii() or not token.isprintable() or set(token) & set(' "\\'):
        raise Usage("That is not a token: it holds characters that no token has.")
    return token


def _write(values: dict[str, str]) -> None:
    """Replace the three keys and keep the rest of the file; nobody ever sees half of it."""
    path = config.path()
    lines = [f'{key} = "{values[key]}"' for key in KEYS if values[key]]
    fresh = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123
            out.write("\n".join([*lines, *_others(path), ""]))
        os.replace(fresh, path)  # noqa: PTH105
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None


def _others(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    table = next((index for index, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    top = [line for line in lines[:table] if line.partition("=")[0].strip() not in KEYS]
    return top + lines[table:]
