"""The verbs that only look."""

from __future__ import annotations

import json

from alai.cli import answers
from alai.cli.commands import load
from alai.cli.errors import DONE, REFUSED, Refused
from alai.cli.mc import output
from alai.cli.mc.ledger import Ledger, open_ledger
from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.mc.ledger import Json
    from alai.cli.options import Given

WORDS = {"query": "q", "parent": "parent_id", "limit": "limit", "cursor": "cursor"}
POSITION = "W"  # how the server's positions begin, and no time does


def list_tasks(given: Given) -> int:
    filters: Json = {}
    for name in ("status", "priority", "team", "owner", "tag", "source"):
        if given.has(name):
            filters[name] = given.many(name)
    filters |= {parameter: given.text(name) for name, parameter in WORDS.items() if given.has(name)}
    if given.has("claimed") or given.has("free"):
        filters["claimed"] = given.has("claimed")
    if given.has("overdue"):
        filters["overdue"] = True
    if given.has("since"):
        filters["updated_since"] = _since(given.text("since"))
    page = open_ledger(given).list_tasks(filters)
    if given.has("json"):
        answers.as_json(page)
    else:
        output.tasks(page["items"])
        answers.more(page)
    return DONE


def show(given: Given) -> int:
    found = open_ledger(given).task(given.whole("ID"))
    if given.has("json"):
        answers.as_json(with_lease(found))
    else:
        output.task(found)
    return DONE


def stats(given: Given) -> int:
    numbers = open_ledger(given).stats()
    if given.has("json"):
        answers.as_json(numbers)
        return DONE
    for name, value in numbers.items():
        words = (
            ", ".join(f"{key or '-'} {count}" for key, count in value.items())
            if isinstance(value, dict)
            else value
        )
        tell(f"{name.replace('_', ' '):<16}{answers.clean('-' if words is None else words)}")
    return DONE


def comments(given: Given) -> int:
    page = open_ledger(given).comments(given.whole("ID"), _page(given))
    if given.has("json"):
        answers.as_json(page)
    else:
        told = [
            f"{answers.seconds(one['created_at'])}  {one['author']}: {one['body']}" for one in page["items"]
        ]
        answers.lines(page, told)
    return DONE


def events(given: Given) -> int:
    page = open_ledger(given).events(given.whole("ID"), _page(given))
    if given.has("json"):
        answers.as_json(page)
    else:
        answers.lines(page, [_event(one) for one in page["items"]])
    return DONE


def clearance(given: Given) -> int:
    """Circuit breaker 7: blocked while another actor or session holds the task. Source: handbook, "Mehanik CB7"."""
    ledger, number = open_ledger(given), given.whole("ID")
    try:
        found = with_lease(ledger.task(number))
    except Refused:
        if not given.has("json"):
            tell("VERDICT: BLOCKED")
        raise
    clear = found["lease"] is None or _is_ours(ledger, found)
    if given.has("json"):
        names = ("lease_holder", "lease_until")
        verdict = {"task_id": number, "verdict": "CLEAR" if clear else "BLOCKED"}
        answers.as_json(verdict | {name: found[name] for name in names})
    elif clear:
        tell("VERDICT: CLEAR")
    else:
        tell(f"VERDICT: BLOCKED {output.held(number, found['lease_holder'], found['lease_until'])}")
    return DONE if clear else REFUSED


def with_lease(found: Json) -> Json:
    """The task with its live lease at the top level, where hooks look for it."""
    lease = found["lease"] or {}
    return {**found, "lease_holder": lease.get("holder"), "lease_until": lease.get("until")}


def _is_ours(ledger: Ledger, found: Json) -> bool:
    """By name; or, when only the token knows our name, by the fence that this session was granted."""
    lease = found["lease"]
    if ledger.actor:
        return bool(lease["holder"] == f"{ledger.actor}:{ledger.session}")
    kept = ledger.fences.kept(found["id"])
    return kept is not None and kept["fencing_token"] == lease["fencing_token"]


def _since(text: str) -> str:
    """A time; or the `position` of an earlier answer, which only its server can read."""
    if text.startswith(POSITION):
        return text
    written: str = load("alai.cli.values:api_time")("--since", text)
    return written


def _page(given: Given) -> Json:
    return {name: given.text(name) for name in ("limit", "cursor") if given.has(name)}


def _event(event: Json) -> str:
    data = json.dumps(event["data"], ensure_ascii=False) if event["data"] else ""
    why = f" ({event['why']})" if event["why"] else ""
    return f"{answers.seconds(event['at'])}  {event['actor']}  {event['kind']}  {data}{why}".rstrip()
