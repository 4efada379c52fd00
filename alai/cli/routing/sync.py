"""`alai routing sync`: this host looks at the model servers itself, so that its dispatch goes on without us.

The files have the names and shapes of the handbook ("Health Check Daemon", "Manual Failover Command", "Failover Config
Extension"). Each is replaced in one step.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from alai.cli import answers, quick_json
from alai.cli.errors import DONE, UNREACHABLE, Refused, Unreachable, Usage
from alai.cli.host.beat import host_name
from alai.cli.host.memory import Memory, write_file
from alai.cli.http import Away, exchange
from alai.cli.server import connected
from alai.cli.speech import say, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.answers import Json
    from alai.cli.options import Given
    from alai.cli.server import Server

HEALTH, OVERRIDE = "ollama-health.json", "ollama-health-override.json"
READABLE = 0o644  # the dispatch may run as somebody else; there is no secret in these files


def sync(given: Given) -> int:
    host, memory, server = host_name(given), Memory("routing"), connected(given)
    while True:
        code = _once(given, server, host, memory)
        if not given.has("every"):
            return code
        time.sleep(given.whole("every"))


def _once(given: Given, server: Server, host: str, memory: Memory) -> int:
    away = ""
    try:
        plan = server.get("/infra/routing/plan")
        memory.write("plan", host, plan)
    except Unreachable as error:
        away, plan = error.sentence, memory.read("plan", host)
        if not plan:
            raise
    health = {name: _look(one, host) for name, one in plan["servers"].items()}
    folder = given.text("dir", "/tmp")  # noqa: S108 - where the dispatch looks, as the handbook has it
    _write(
        f"{folder}/{HEALTH}",
        {name: {"healthy": one["healthy"], "last_check": one["at"]} for name, one in health.items()},
    )
    kept = _write_overrides(f"{folder}/{OVERRIDE}", plan, host, memory)
    if given.has("tier-routing"):
        _extend(given.text("tier-routing"), plan, host)
    if given.has("json"):
        answers.as_json({"health": health, "overrides": kept, "plan_of": plan["at"]})
    else:
        said = ", ".join(f"{name} {'up' if one['healthy'] else 'down'}" for name, one in health.items())
        tell(answers.clean(f"{said or 'No model server is registered'}; written to {folder}/{HEALTH}"))
    if away:
        say(f"{away} Went on with the plan of {answers.seconds(plan['at'])}.")
        return UNREACHABLE
    return DONE


def _look(server: Json, host: str) -> Json:
    """The first of its addresses that answers with a list of models, in their order."""
    patience = max(0.1, server["timeout_ms"] / 1000)
    urls = [one["url"] for one in server["addresses"]]
    if server["host"] == host:
        urls = [f"http://127.0.0.1:{server['port']}"]
    found: Json = {"healthy": False, "at": _now(), "url": "", "models": []}
    for url in urls:
        models = _models(url, server["path"], patience)
        if models is not None:
            return {**found, "healthy": True, "at": _now(), "url": url, "models": models}
    return {**found, "at": _now()}


def _models(url: str, path: str, patience: float) -> list[str] | None:
    try:
        reply = exchange(
            url, "GET", path, {"Accept": "application/json", "User-Agent": "alai"}, b"", patience
        )
        answer = quick_json.read(reply.body)
    except (Away, ValueError):
        return None
    rows = (
        answer.get("models", answer.get("data")) if isinstance(answer, dict) and reply.status == 200 else None
    )
    if not isinstance(rows, list):
        return None
    return [str(row.get("name") or row.get("id")) for row in rows if isinstance(row, dict)]


def _write_overrides(path: str, plan: Json, host: str, memory: Memory) -> Json:
    """The overrides of servers that stand now; what somebody wrote by hand goes before ours and is left alone."""
    now = datetime.now(UTC)
    wanted: Json = {
        one["host"]: {"healthy": one["healthy"], "override": True}
        for one in plan["overrides"]
        if one["tier"] is None and datetime.fromisoformat(one["expires_at"]) > now
    }
    there, ours = _read(path), memory.read("override", host) or None
    if there is not None and there != ours:
        say(f"{path} was written by hand and is left alone; remove it to have Mission Control's overrides.")
        return there
    if wanted:
        _write(path, wanted)
    elif there is not None:
        os.unlink(path)  # noqa: PTH108 - pathlib is slow to load
    memory.write("override", host, wanted)
    return wanted


def _read(path: str) -> Json | None:
    """None when it is not there; what is no JSON object counts as somebody's own."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            found = quick_json.read(file.read())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {"unreadable": True}
    return found if isinstance(found, dict) else {"unreadable": True}


def _extend(path: str, plan: Json, host: str) -> None:
    """Bring `ollamaHosts` and `failoverRules` of a tier-routing.json up to date, and leave the rest of it."""
    there = _read(path)
    if there is None or there == {"unreadable": True}:
        raise Usage(
            f"{path} is not there, or no JSON object: the dispatch's own file is extended, never made."
        )
    wanted = {**there, "ollamaHosts": _hosts(plan, host), "failoverRules": _rules(plan)}
    if wanted != there:
        import json

        write_file(path, (json.dumps(wanted, indent=2, ensure_ascii=False) + "\n").encode(), mode=READABLE)


def _hosts(plan: Json, host: str) -> Json:
    found = {}
    for name, one in plan["servers"].items():
        urls = {address["via"]: address["url"] for address in one["addresses"]}
        first = next(iter(urls.values()), "")
        near = f"http://localhost:{one['port']}" if one["host"] == host else first
        found[name] = {
            "url": near,
            **({"tailscale_url": urls["tailscale"]} if "tailscale" in urls else {}),
            "health_path": one["path"],
            "health_timeout_ms": one["timeout_ms"],
            "role": one["role"],
        }
    return found


def _rules(plan: Json) -> Json:
    found = {}
    for name, rule in plan["rules"].items():
        entry: Json = {f"redirect_{rule['server']}_tiers": rule["tiers"]}
        if rule["to_server"]:
            entry[f"to_{rule['to_server']}_models"] = rule["to_models"]
        else:
            entry[f"to_{rule['cloud']}"] = True
        found[name] = {**entry, **({"note": rule["notes"]} if rule["notes"] else {})}
    return found


def _write(path: str, value: Json) -> None:
    if os.path.isdir(path):  # noqa: PTH112
        raise Refused(f"{path} is a folder.")
    write_file(path, (quick_json.write(value) + "\n").encode(), mode=READABLE)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
