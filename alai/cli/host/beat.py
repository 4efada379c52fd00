"""One beat: what to look after, how it is, what was restarted, and the telling."""

from __future__ import annotations

import os

from alai.cli import answers
from alai.cli.errors import DONE, UNREACHABLE, CliError, Unreachable, Usage
from alai.cli.host import control, services, vitals
from alai.cli.host.memory import Memory
from alai.cli.server import connected
from alai.cli.speech import say, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.answers import Json
    from alai.cli.options import Given
    from alai.cli.server import Server


def host_name(given: Given) -> str:
    """The registry's name of this machine."""
    name = given.text("host") or os.environ.get("ALAI_HOST", "") or os.uname().nodename.split(".")[0].lower()
    plain = name.replace(".", "").replace("_", "").replace("-", "")
    if not (plain.isascii() and plain.isalnum() and len(name) <= 100):
        raise Usage("A host is a name of letters, digits and . _ -, as the registry has it: --host anvil.")
    return name


def beat(given: Given) -> int:
    host, memory, quiet = host_name(given), Memory("heartbeat"), given.has("dry-run")
    server = connected(given)
    away: CliError | None = None
    try:
        orders = _orders(given, server, host, memory)
    except Unreachable as error:
        away, orders = error, memory.read("orders", host)
    restart = not (quiet or given.has("no-restart"))
    told = services.look_after(orders, memory if restart else None)
    body = {**vitals.collect(), "services": told}
    for one in told:
        if one["restarted"]:
            say(f"{one['name']} was down and was restarted: it is {'up' if one['up'] else 'still down'}.")
    if quiet:
        answers.as_json(body)
        return DONE
    if away is None:
        away = _send(given, server, host, body)
    if given.has("watch-control-plane"):
        control.watch(server.url, host, memory, server.timeout)
    if away is not None:
        say(away.sentence)
        return UNREACHABLE
    return DONE


def _orders(given: Given, server: Server, host: str, memory: Memory) -> list[Json]:
    """The services to look after; the server's answer is kept for when it is away."""
    if given.has("services"):
        return services.from_file(given.text("services"))
    found = server.get(f"/infra/heartbeats/{host}")
    orders: list[Json] = found["services"]
    memory.write("orders", host, orders)
    return orders


def _send(given: Given, server: Server, host: str, body: Json) -> CliError | None:
    try:
        answer = server.call("POST", f"/infra/heartbeats/{host}", body)
    except Unreachable as error:
        return error
    if given.has("json"):
        answers.as_json({**answer, "sent": body})
        return None
    down = [one["name"] for one in body["services"] if not one["up"]]
    up = len(body["services"]) - len(down)
    state = f"{up} service{'' if up == 1 else 's'} up"
    tell(f"Beat of {host} sent: {state}{f', down: {answers.clean(", ".join(down))}' if down else ''}")
    if answer["unknown_services"]:
        say(f"Not in the registry on {host}: {answers.clean(', '.join(answer['unknown_services']))}.")
    return None
