"""Recognising, watching and ending server processes, also those that another command started."""

import errno
import os
import random
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

# Below the ports that systems give to outgoing connections (32768 up on Linux, 49152 up on macOS):
# a client that keeps trying a dead server on such a port can end up connected to itself.
PORTS = range(20000, 30000)


def spawn(command: list[str], log: IO[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a server away from the terminal's process group, so that Ctrl-C does not end it
    before those who use it, and without our secrets in its environment."""
    keep = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={**keep, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        **options,
    )


def find(pid_file: Path, names: tuple[str, ...]) -> psutil.Process | None:
    """The live process that `pid_file` names, if it is one of `names` and works in that file's
    folder. A pid that was reused by somebody else's process fails that test."""
    try:
        process = psutil.Process(int(pid_file.read_text(encoding="utf-8").split()[0]))
        return process if _works_in(process, pid_file.parent, names) else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def strays(folder: Path, names: tuple[str, ...]) -> list[psutil.Process]:
    """All live processes of `names` that work in `folder`: what kill -9 of a server leaves behind."""
    return [process for process in psutil.process_iter() if _works_in(process, folder, names)]


def end(processes: list[psutil.Process], first: signal.Signals, seconds: float) -> None:
    """Send `first`, wait up to `seconds`, then kill what is left."""
    for sent, patience in ((first, seconds), (signal.SIGKILL, 5.0)):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(sent)
        deadline = time.monotonic() + patience
        while (
            processes := [process for process in processes if alive(process)]
        ) and time.monotonic() < deadline:
            time.sleep(0.02)


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie that waits for its parent counts as dead."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port`; OSError when `host` is not ours or the port needs more
    rights. The trial connection sees what a trial bind may miss: a wildcard listener on macOS."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    with socket.socket(family, kind, protocol) as trial:
        trial.settimeout(1)
        return trial.connect_ex(address) != 0


def choose_port(preferred: int | None) -> int:
    """The port of the last start if it is still free, so that clients find the server again; else another."""
    if preferred and port_is_free(preferred):
        return preferred
    return next(port for port in random.sample(PORTS, 500) if port_is_free(port))


def last_words(log_text: str) -> str:
    """The line of a server's log that best tells why it ended."""
    lines = [line.strip() for line in log_text.splitlines() if line.strip()]
    fatal = [line for line in lines if re.search(r"FATAL|PANIC|[Ee]rror|# ", line)]
    line = (fatal or lines or ["it wrote nothing"])[0 if fatal else -1]
    return re.sub(r"^\S+ \S+ \S+ \[\d+\] ", "", line).rstrip(".")


def _works_in(process: psutil.Process, folder: Path, names: tuple[str, ...]) -> bool:
    try:
        return alive(process) and process.name() in names and Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False
