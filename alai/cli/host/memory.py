"""What a host remembers between two runs of a command: small JSON files under ~/.local/state/alai."""

from __future__ import annotations

import os

from alai.cli import quick_json
from alai.cli.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Memory:
    """One command's files, readable by nobody else. What is damaged or missing reads as empty."""

    def __init__(self, command: str) -> None:
        home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
        self.folder = f"{home}/alai/{command}"

    def read(self, kind: str, name: str) -> Any:
        """What `write` kept; an empty list when there is nothing."""
        try:
            with open(self._path(kind, name), "rb") as file:  # noqa: PTH123
                return quick_json.read(file.read())
        except (OSError, ValueError):
            return []

    def write(self, kind: str, name: str, value: object) -> None:
        write_file(self._path(kind, name), quick_json.write(value).encode(), mode=0o600)

    def _path(self, kind: str, name: str) -> str:
        return f"{self.folder}/{kind}-{name}.json"


def write_file(path: str, content: bytes, *, mode: int) -> None:
    """Replace the file in one step: nobody ever reads half of it, and a link in its place is not followed."""
    fresh = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.new"
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            os.write(file, content)
        finally:
            os.close(file)
        os.replace(fresh, path)  # noqa: PTH105
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None
