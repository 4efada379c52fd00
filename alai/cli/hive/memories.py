"""`alai hive remember` and `alai hive recall`."""

from __future__ import annotations

from alai.cli import answers, values
from alai.cli.errors import DONE, Usage
from alai.cli.server import connected, new_key
from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.answers import Json
    from alai.cli.options import Given

MEMORIES = "/hivemind/memories"
FILTERS = ("kind", "agent", "tag", "limit", "cursor")


def remember(given: Given) -> int:
    fields: Json = {"kind": given.text("kind", "note"), "key": given.text("KEY")}
    if given.has("tags"):
        fields["tags"] = [
            tag.strip() for text in given.many("tags") for tag in text.split(",") if tag.strip()
        ]
    if given.has("importance"):
        text = given.text("importance")
        fields["importance"] = values.number("--importance", text, most=1, example="a number from 0 to 1")
    if given.has("expires"):
        fields["expires_at"] = values.api_time("--expires", given.text("expires"), ahead=True)
    server = connected(given)
    fields["content"] = values.text_or_stdin(given, "CONTENT")
    if not fields["content"].strip():
        raise Usage("There is nothing to remember: CONTENT is empty.")
    memory = server.call("POST", MEMORIES, fields, key=given.text("idempotency-key") or new_key())
    if given.has("json"):
        answers.as_json(memory)
    else:
        tell(f"Remembered {answers.clean(memory['key'])} ({memory['kind']}), revision {memory['revision']}")
    return DONE


def recall(given: Given) -> int:
    query: Json = {name: given.text(name) for name in FILTERS if given.has(name)}
    if given.has("WORDS"):
        query["q"] = " ".join(given.many("WORDS"))
    page = connected(given).get(MEMORIES, query)
    if given.has("json"):
        answers.as_json(page)
        return DONE
    for memory in page["items"]:
        _show(memory)
    answers.more(page)
    return DONE


def _show(memory: Json) -> None:
    facts = [f"{memory['kind']} of {memory['agent']}", f"importance {memory['importance']:g}"]
    if memory["revision"] > 1:
        facts.append(f"revision {memory['revision']}")
    if memory["tags"]:
        facts.append(f"tags {', '.join(memory['tags'])}")
    facts.append(answers.seconds(memory["created_at"]))
    tell(answers.clean(f"{memory['key']}  ({'; '.join(facts)})"))
    for line in memory["content"].splitlines():
        tell(answers.clean(f"  {line}"))
