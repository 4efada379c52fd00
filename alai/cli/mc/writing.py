"""The verbs that change tasks."""

from __future__ import annotations

import os

from alai.cli import answers, values
from alai.cli.errors import DONE, Usage
from alai.cli.mc.ledger import open_ledger
from alai.cli.mc.reading import with_lease
from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.mc.ledger import Json
    from alai.cli.options import Given

SAME = ("title", "description", "status", "priority", "owner", "team", "source")
OTHERS = {"dedup-key": "dedup_key", "cost": "cost_usd", "due": "due_at", "parent": "parent_id"}
LISTS = {"tag": "tags", "requires": "requires"}
CLEARABLE = ("owner", "team", "source", "due_at", "cost_usd", "parent_id")
MOST_COST = 10**8 - 1  # USD


def add(given: Given) -> int:
    title = given.text("TITLE")
    if not title.strip():
        raise Usage("TITLE is empty: say what is to be done.")
    fields = {name: value for name, value in _fields(given).items() if value != ""}
    added = open_ledger(given).add({**fields, "title": title}, key=given.text("idempotency-key"))
    if given.has("json"):
        answers.as_json(added)
    elif added.get("deduplicated"):
        tell(f"Task {added['id']} is open with this key: {answers.clean(added['title'])}")
    else:
        tell(f"Task {added['id']} added: {answers.clean(added['title'])}")
    return DONE


def update(given: Given) -> int:
    changes = _fields(given)
    for name in CLEARABLE:
        if changes.get(name) == "":
            changes[name] = None
    if not changes.get("title", "-").strip():
        raise Usage("--title is empty: a task needs one.")
    if not changes:
        raise Usage("Nothing to change: name at least one field, e.g. --status blocked.")
    if given.has("reason"):
        changes["reason"] = given.text("reason")
    return _told(given, open_ledger(given).update(given.whole("ID"), changes), "updated")


def ready(given: Given) -> int:
    return _finish(given, "ready")


def done(given: Given) -> int:
    return _finish(given, "done")


def comment(given: Given) -> int:
    text = values.text_or_stdin(given, "TEXT")
    if not text.strip():
        raise Usage("The comment is empty.")
    said = open_ledger(given).comment(given.whole("ID"), text, key=given.text("idempotency-key"))
    if given.has("json"):
        answers.as_json(said)
    else:
        tell(f"Task {said['task_id']} commented")
    return DONE


def _finish(given: Given, verb: str) -> int:
    """Costs and files are recorded first; the verdict on the whole comes with the verb itself."""
    ledger, number = open_ledger(given), given.whole("ID")
    words = given.many("evidence")
    if any(not word.strip() for word in words):
        raise Usage("--evidence is empty: name a file or a reference.")
    files = {word for word in words if _is_file(word)}
    if given.has("cost"):
        _check_amount(given.text("cost"))
        ledger.spend(number, given.text("cost"))
    items: list[int | str] = [int(one) for one in given.many("evidence-id")]
    for word in words:
        items.append(
            ledger.attach(number, word, given.text("kind"), upload=given.has("upload"))
            if word in files
            else word
        )
    return _told(given, ledger.finish(number, verb, items, given.text("reason")), verb)


def _is_file(word: str) -> bool:
    """Whether it names a file here. What is plainly a path and names none is a mistake, not a reference."""
    if os.path.isfile(word):  # noqa: PTH113 - pathlib is slow to load
        return True
    if word.startswith(("/", "./", "../", "~")) and not any(letter.isspace() for letter in word):
        raise Usage(f"There is no file {word}; a reference in words does not begin like a path.")
    return False


def _fields(given: Given) -> Json:
    fields: Json = {name: given.text(name) for name in SAME if given.has(name)}
    fields |= {field: given.text(name) for name, field in OTHERS.items() if given.has(name)}
    if fields.get("parent_id"):
        fields["parent_id"] = _number("--parent", fields["parent_id"])
    if fields.get("due_at"):
        fields["due_at"] = values.api_time("--due", fields["due_at"], ahead=True)
    if fields.get("cost_usd"):
        _check_amount(fields["cost_usd"])
    for name, field in LISTS.items():
        if given.has(name):
            fields[field] = [word for word in given.many(name) if word]
    if given.has("depends-on"):
        fields["depends_on"] = [_number("--depends-on", word) for word in given.many("depends-on") if word]
    return fields


def _check_amount(text: str) -> None:
    values.number("--cost", text, most=MOST_COST, example="an amount in USD, e.g. 1.25")


def _number(name: str, word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 18):
        raise Usage(f"{name} is a task's number, e.g. 99927.")
    return int(word)


def _told(given: Given, task: Json, verb: str) -> int:
    if given.has("json"):
        answers.as_json(with_lease(task))
    else:
        tell(f"Task {task['id']} {verb}: {answers.clean(task['title'])}")
    return DONE
