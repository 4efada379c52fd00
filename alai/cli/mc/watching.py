"""`alai mc watch`: the ledger's events as they happen."""

from __future__ import annotations

from alai.cli import answers, values
from alai.cli.config import Settings
from alai.cli.errors import Usage
from alai.cli.events import told, until
from alai.cli.server import Server
from alai.cli.stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.answers import Json
    from alai.cli.options import Given

FILTERS = {"kinds": "kinds", "team": "team", "task": "task_id", "actor": "actor"}


def watch(given: Given) -> int:
    settings = Settings(given)
    if not settings.url:
        raise Usage("The legacy file has no live events: name a server with ALAI_MC_URL.")
    query: Json = {field: given.many(name) for name, field in FILTERS.items() if given.has(name)}
    if given.has("since"):
        query["since"] = values.api_time("--since", given.text("since"))
    server = Server(settings.url, settings.token, settings.timeout)
    stream = Stream(
        server, "/events/stream", query, last_id=given.text("last-event-id"), seconds=until(given)
    )
    return told(given, stream, _line)


def _line(event: Json) -> str:
    told_once = {name: value for name, value in event["data"].items() if name not in ("title", "team")}
    facts = [
        answers.seconds(event["at"]),
        event["task_id"],
        event["kind"],
        event["actor"],
        event["title"],
        answers.json_line(told_once) if told_once else "",
        f"({event['why']})" if event["why"] else "",
    ]
    return "  ".join(str(fact) for fact in facts if fact)
