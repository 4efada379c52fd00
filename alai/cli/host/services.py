"""The host's registered services: whether each answers, and the restart of those that do not.

What the server says is names of units, ports and paths, never a command: those are made here, or stand in a file of
this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

from alai.cli import quick_json
from alai.cli.errors import Usage
from alai.cli.http import Away, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.answers import Json
    from alai.cli.host.memory import Memory

PATIENCE = 3.0  # seconds for one look; a model server that does not answer by then has stalled
COMMAND_PATIENCE = 15
RESTARTS_TAKE = 20.0  # seconds in all: the beat must go out within its minute, whatever hangs
RESTARTS_AN_HOUR = 3
HOUR = 3600.0


def from_file(path: str) -> list[Json]:
    """The services that a file of this machine names; Usage when it is no such file."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            found = quick_json.read(file.read())
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise Usage(f"{path} is not JSON.") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) and one.get("name") for one in found):
        raise Usage(f'{path} is a list of services: [{{"name": "ollama", "port": 11434, "unit": "..."}}].')
    for one in found:
        for field in ("check", "restart"):
            command = one.get(field)
            if isinstance(command, list) and not all(isinstance(word, str) for word in command):
                raise Usage(f"{path}: {field} of {one['name']} is a list of words.")
    return found


def look_after(orders: list[Json], memory: Memory | None) -> list[Json]:
    """How each service is; with a `memory`, those that are down and may be restarted were."""
    told = []
    seen = _all_at_once(orders)
    until = time.monotonic() + RESTARTS_TAKE
    for service, up in zip(orders, seen, strict=True):
        if up is None:
            continue  # neither a port nor a unit: there is nothing to see
        one: Json = {"name": service["name"], "up": up, "restarted": False, "detail": ""}
        if not up and memory is not None and service.get("restart"):
            _revive(service, one, memory, until)
        told.append(one)
    return told


def _all_at_once(orders: list[Json]) -> list[bool | None]:
    """One look at each, side by side: several that hang take no longer than one."""
    seen: list[bool | None] = [None] * len(orders)

    def look(place: int) -> None:
        seen[place] = is_up(orders[place])

    threads = [threading.Thread(target=look, args=[place]) for place in range(len(orders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def is_up(service: Json) -> bool | None:
    """Asked for over HTTP, by its port, by a command of the file, or by its unit; None when none of these is known."""
    port, path = service.get("port"), service.get("path")
    if isinstance(service.get("check"), list):
        return _runs(service["check"])
    if isinstance(port, int):
        return _answers(port, path if isinstance(path, str) else "")
    command = _unit_command(service.get("unit"), "check")
    return _runs(command) if command else None


def _answers(port: int, path: str) -> bool:
    try:
        wire = Wire(f"http://127.0.0.1:{port}", PATIENCE)
    except Away:
        return False
    try:
        if not path:
            return True
        wire.ask("GET", path, {"User-Agent": "alai"})
        return wire.status < 500
    except (OSError, ValueError):
        return False
    finally:
        wire.close()


def _revive(service: Json, one: Json, memory: Memory, until: float) -> None:
    """Restart it, and wait for it a moment; one that was restarted thrice within the hour is left to people."""
    command = service["restart"] if isinstance(service["restart"], list) else None
    command = command or _unit_command(service.get("unit"), "restart")
    if not command:
        one["detail"] = "no unit is registered by which it could be restarted"
        return
    if time.monotonic() > until:
        one["detail"] = "left for the next beat: other restarts took their time"
        return
    name, now = str(service["name"]), time.time()
    lately = [at for at in memory.read("restarts", _safe(name)) if now - at < HOUR]
    if len(lately) >= RESTARTS_AN_HOUR:
        one["detail"] = f"restarted {len(lately)} times within the hour, now left alone"
        return
    memory.write("restarts", _safe(name), [*lately, now])
    if not _runs(command):
        one["detail"] = f"{command[0]} could not restart it"
        return
    one["restarted"] = True
    while not one["up"] and time.monotonic() < until:
        time.sleep(0.5)
        one["up"] = is_up(service)
    one["detail"] = "restarted by the host's agent"


def _unit_command(unit: object, verb: str) -> list[str]:
    """What asks for a unit, or restarts it, on this system; nothing for a name that is none."""
    if not isinstance(unit, str) or not _is_unit(unit):
        return []
    if unit.startswith("docker:"):
        name = unit.removeprefix("docker:")
        return ["docker", "restart", name] if verb == "restart" else ["sh", "-c", DOCKER_RUNS, "sh", name]
    if sys.platform == "darwin":
        domain = "system" if os.getuid() == 0 else f"gui/{os.getuid()}"
        if verb == "restart":
            return ["launchctl", "kickstart", "-k", f"{domain}/{unit}"]
        return ["sh", "-c", LAUNCHD_RUNS, "sh", f"{domain}/{unit}"]
    whose = [] if os.getuid() == 0 else ["--user"]
    return ["systemctl", *whose, *(["restart"] if verb == "restart" else ["is-active", "--quiet"]), unit]


DOCKER_RUNS = """test "$(docker inspect -f '{{.State.Running}}' "$1")" = true"""
LAUNCHD_RUNS = """launchctl print "$1" | grep -q 'state = running'"""


def _is_unit(unit: str) -> bool:
    name = unit.removeprefix("docker:")
    plain = name.replace("@", "").replace(".", "").replace("_", "").replace("-", "")
    return name.isascii() and name[:1].isalnum() and plain.isalnum() and len(name) <= 100


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:100]


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
