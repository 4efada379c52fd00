"""The session of a caller that named none.

At a terminal it is the terminal's session, so that all its commands are one holder. Elsewhere it is the process
that started the command: agents that a common parent started are then different holders, and never take each
other's lease for their own. The price is that each new shell is a new session: agents set ALAI_SESSION.
"""

import os
import subprocess
import sys


def of_this_place() -> str:
    """E.g. `tty-anvil-4711-1834` at a terminal, `sh-anvil-4711-1834` under a program."""
    kind, process = (
        ("tty", os.getsid(0)) if sys.stdin is not None and sys.stdin.isatty() else ("sh", os.getppid())
    )
    host = os.uname().nodename.split(".")[0][:60]
    clean = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in host)
    return f"{kind}-{clean}-{process}-{_started(process)}"


def _started(process: int) -> str:
    """When the process started, in the system's own measure: its number may be used again, this is not."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        words = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(process)], capture_output=True, text=True, check=False
        )
        return "".join(letter for letter in words.stdout if letter.isalnum()) or "0"
