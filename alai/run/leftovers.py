"""Ending what a supervisor left behind when it was itself killed."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil

from alai.embedded.files import write_private
from alai.embedded.process import end
from alai.run.parts import Part


def remember(path: Path, parts: Sequence[Part]) -> None:
    """Write down which processes are ours: process id and time of birth, for pids come again."""
    living = [part.process.pid for part in parts if part.process and part.process.poll() is None]
    records = [{"pid": pid, "created": psutil.Process(pid).create_time()} for pid in living]
    write_private(path, json.dumps(records))


def end_leftovers(path: Path) -> int:
    """End the processes that `path` names and those they started; the number of them."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        left = [process for record in records for process in _session_of(record["pid"], record["created"])]
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return 0
    end(left, signal.SIGTERM, 5)
    return len(left)


def _session_of(leader: int, created: float) -> list[psutil.Process]:
    """The processes of the session that `leader` opened. A session keeps its number from being given
    away, so only a living leader of another age tells that the number is a stranger's now."""
    if _born(leader) not in (None, created):
        return []
    return [process for process in psutil.process_iter() if _session(process.pid) == leader]


def _born(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:  # gone, or hidden from us
        return None
