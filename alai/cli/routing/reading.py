"""`alai routing show`."""

from __future__ import annotations

from alai.cli import answers
from alai.cli.errors import DONE
from alai.cli.server import connected
from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.options import Given


def show(given: Given) -> int:
    query = {"from": given.text("from")} if given.has("from") else {}
    found = connected(given).get("/infra/routing", query)
    if given.has("json"):
        answers.as_json(found)
        return DONE
    for name, tier in found["tiers"].items():
        where = " ".join(str(tier[part]) for part in ("host", "model", "url") if tier[part]) or "waits"
        tell(answers.clean(f"{name}  {where if tier['host'] else 'waits'}  ({tier['reason']})"))
    return DONE
