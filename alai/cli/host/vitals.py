"""How this machine is: load, disk, memory, uptime, versions. On Linux and macOS; what cannot be told is left out."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from alai.cli.main import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.answers import Json

PATIENCE = 5  # seconds for a system's own program


def collect() -> Json:
    """Percentages are of what is used, the uptime is in seconds."""
    is_mac = sys.platform == "darwin"
    found: Json = {
        "load": [round(one, 2) for one in os.getloadavg()],
        "disk": disk("/System/Volumes/Data" if is_mac and os.path.isdir("/System/Volumes/Data") else "/"),  # noqa: PTH112
        "memory": mac_memory(said("vm_stat"), said("sysctl", "-n", "hw.memsize"))
        if is_mac
        else linux_memory(),
        "uptime": mac_uptime(said("sysctl", "-n", "kern.boottime")) if is_mac else linux_uptime(),
        "versions": versions(),
    }
    return {name: value for name, value in found.items() if value is not None}


def disk(path: str) -> float | None:
    """As `df` counts it: what is reserved for root is neither used nor free."""
    try:
        room = os.statvfs(path)
    except OSError:
        return None
    used = room.f_blocks - room.f_bfree
    whole = used + room.f_bavail
    return round(100 * used / whole, 1) if whole else None


def linux_memory(path: str = "/proc/meminfo") -> float | None:
    sizes = {}
    for line in _lines(path):
        name, _, rest = line.partition(":")
        amount = rest.split()
        if amount and amount[0].isdigit():
            sizes[name] = int(amount[0])
    total, available = sizes.get("MemTotal", 0), sizes.get("MemAvailable")
    return round(100 * (total - available) / total, 1) if total and available is not None else None


def mac_memory(vm_stat: str, size: str) -> float | None:
    """Free, inactive, speculative and purgeable pages are there for whoever asks."""
    page = next(
        (int(word) for word in vm_stat.partition("page size of ")[2].split()[:1] if word.isdigit()), 0
    )
    free = 0
    for line in vm_stat.splitlines():
        name, _, count = line.partition(":")
        if name in ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable"):
            free += int(count.strip(" .") or 0)
    total = int(size) if size.strip().isdigit() else 0
    return round(100 * max(0, total - free * page) / total, 1) if page and total else None


def linux_uptime(path: str = "/proc/uptime") -> float | None:
    words = " ".join(_lines(path)).split()
    return float(words[0]) if words else None


def mac_uptime(boottime: str) -> float | None:
    """`{ sec = 1745150400, usec = 0 } Sun Apr 20 ...`"""
    seconds = boottime.partition("sec = ")[2].partition(",")[0].strip()
    return round(time.time() - int(seconds), 1) if seconds.isdigit() else None


def versions() -> dict[str, str]:
    system = os.uname()
    found = {
        "alai": VERSION,
        "python": ".".join(map(str, sys.version_info[:3])),
        "system": f"{system.sysname} {system.release}",
    }
    if sys.platform == "darwin":
        found["macos"] = said("sw_vers", "-productVersion").strip()
    return found


def said(*command: str) -> str:
    """What a program of the system prints; nothing when it is not there or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read().splitlines()
    except OSError:
        return []
