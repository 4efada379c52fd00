"""`alai heartbeat`: says that this host lives, how it is, and restarts what should run and does not."""

from __future__ import annotations

from alai.cli.commands import load
from alai.cli.common import JSON, URL
from alai.cli.options import Option, Verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.options import Given

VERB = Verb(
    "heartbeat",
    "Send this host's heartbeat; restart its registered services that are down.",
    "alai.cli.heartbeat:heartbeat",
    options=(
        Option("host", "its name in the registry; default ALAI_HOST, else this machine's", "NAME"),
        Option("services", "a JSON file of services to look after, instead of the server's list", "FILE"),
        Option("no-restart", "only tell what is down"),
        Option("dry-run", "print the beat; send and restart nothing"),
        Option("watch-control-plane", "also watch the control plane, and raise the alarm when it is away"),
        Option(
            "print-unit", "print a unit that runs this each minute", "KIND", choices=("launchd", "systemd")
        ),
        Option("env-file", "what the unit reads its token from; default /etc/alai/heartbeat.env", "FILE"),
        JSON,
        URL,
    ),
    notes="The services come from the registry (GET /infra/heartbeats/HOST), and from the last such answer while the\n"
    "server is away. One that is down is restarted by its unit at most three times an hour; a service of --services\n"
    'may bring its own: [{"name": ..., "port": ..., "path"?, "unit"?, "check"?: [words], "restart"?: [words]}].\n'
    "The watch posts to Slack itself, with SLACK_BOT_TOKEN, to ALAI_ALARM_CHANNEL (#ops) after two misses and to\n"
    "ALAI_ALARM_USER after five.",
    examples=(
        "alai heartbeat --host anvil",
        "alai heartbeat --host forge --watch-control-plane",
        "alai heartbeat --host anvil --print-unit launchd > ~/Library/LaunchAgents/alai.heartbeat.plist",
        "alai heartbeat --dry-run --json",
    ),
)


def heartbeat(given: Given) -> int:
    """`--print-unit` alone needs no server; everything else is of the host."""
    name = "alai.cli.host.units:show" if given.has("print-unit") else "alai.cli.host.beat:beat"
    code: int = load(name)(given)
    return code
