"""`alai hive post` and `alai hive tail`."""

from __future__ import annotations

from alai.cli import answers, values
from alai.cli.errors import DONE, Usage
from alai.cli.events import told, until
from alai.cli.server import connected, new_key
from alai.cli.speech import tell
from alai.cli.stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.answers import Json
    from alai.cli.options import Given

MESSAGES = "/hivemind/messages"
LINES = 10


def post(given: Given) -> int:
    fields: Json = {"channel": given.text("CHANNEL")}
    if given.has("payload"):
        fields["payload"] = values.json_object("--payload", given.text("payload"))
    if given.has("recipient"):
        fields["recipient"] = given.text("recipient")
    server = connected(given)
    fields["body"] = values.text_or_stdin(given, "BODY")
    if not fields["body"].strip():
        raise Usage("The message is empty.")
    message = server.call("POST", MESSAGES, fields, key=given.text("idempotency-key") or new_key())
    if given.has("json"):
        answers.as_json(message)
    else:
        tell(f"Message {message['id']} posted to {answers.clean(message['channel'])}")
    return DONE


def tail(given: Given) -> int:
    server, lines = connected(given), given.whole("lines", LINES)
    query: Json = {"channel": given.many("channel")}
    if given.has("follow"):
        query["recent"] = lines
        begin = given.text("last-event-id")
        stream = Stream(server, "/hivemind/stream", query, last_id=begin, seconds=until(given))
        return told(given, stream, _line)
    if given.has("until-count") or given.has("timeout-seconds") or lines == 0:
        raise Usage("--until-count, --timeout-seconds and -n 0 go with --follow.")
    after = {"after_id": given.text("last-event-id")} if given.has("last-event-id") else {}
    page = server.get(MESSAGES, {**query, "limit": lines, **after})
    if given.has("json"):
        answers.as_json(page)
        return DONE
    for message in page["items"]:
        tell(answers.clean(_line(message)))
    if after and page["next_cursor"]:
        tell(f"(more: --last-event-id {page['next_cursor']})")
    return DONE


def _line(message: Json) -> str:
    recipient = f" to {message['recipient']}" if message["recipient"] else ""
    payload = f"  {answers.json_line(message['payload'])}" if message["payload"] else ""
    when = answers.seconds(message["created_at"])
    return f"{when}  {message['channel']}  {message['sender']}{recipient}: {message['body']}{payload}"
