"""The fencing tokens of this machine's sessions, kept from the moment of the claim.

A write shows the fence that its claim was granted, never one fetched for the occasion: that is what stops a session
which lost its lease without noticing. One small file a server, session and task; ended by release or done.
"""

from __future__ import annotations

import os

from alai.cli import quick_json
from alai.cli.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST = 200  # bytes in a file name; file systems take 255


class Fences:
    """What one session holds at one server (or legacy file)."""

    def __init__(self, server: str, session: str) -> None:
        self._folder = "/".join([_state(), "fences", *_names(server), *_names(session)])

    def prepare(self) -> None:
        """Make sure that a fence can be kept, before there is one."""
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib is slow to load
        except OSError as error:
            raise self._unusable(error) from None
        if not os.access(self._folder, os.W_OK):
            raise Refused(f"{self._folder} is not writable, so that a claim's fence could not be kept.")

    def keep(self, task: int, fence: int | None, holder: str) -> None:
        path = self._path(task)
        fresh = f"{path}.{os.getpid()}.new"
        content = quick_json.write({"fencing_token": fence, "holder": holder}).encode()
        try:
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(file, content)
            finally:
                os.close(file)
            os.replace(fresh, path)  # noqa: PTH105
        except OSError as error:
            raise self._unusable(error) from None

    def kept(self, task: int) -> dict[str, Any] | None:
        """`{"fencing_token", "holder"}` of this session's claim; None when it made none, or ended it."""
        try:
            with open(self._path(task), "rb") as file:  # noqa: PTH123
                kept: dict[str, Any] = quick_json.read(file.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from None
        except ValueError:
            raise Refused(f"{self._path(task)} is damaged: claim the task again.") from None
        return kept

    def forget(self, task: int) -> None:
        try:
            os.unlink(self._path(task))  # noqa: PTH108
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._unusable(error) from None

    def _path(self, task: int) -> str:
        return f"{self._folder}/{task}.fence"

    def _unusable(self, error: OSError) -> Refused:
        return Refused(f"The fences under {self._folder} cannot be used: {error.strerror}.")


def _state() -> str:
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
    return f"{home}/alai"


def _names(text: str) -> list[str]:
    """The text as folder names: no dots or slashes of its own, and none too long."""
    safe = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "%" + letter.encode().hex()
        for letter in text
    )
    return [safe[start : start + LONGEST] for start in range(0, len(safe), LONGEST)]
