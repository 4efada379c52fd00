"""A raw message becomes a `Parsed` one: pure code, no Django, no network, no exception whatever the bytes."""

import hashlib
from email import message_from_bytes, policy
from email.utils import getaddresses, parsedate_to_datetime

from inbox.mail.parsed import Address, Parsed


def parse(raw: bytes) -> Parsed:
    """Interim: what storing needs until the parser is here."""
    message = message_from_bytes(raw, policy=policy.compat32)
    people = {
        name: tuple(
            Address(n, e.lower()) for n, e in getaddresses([str(v) for v in message.get_all(name, [])])
        )
        for name in ("from", "to", "cc")
    }
    body = message.get_payload(decode=True)
    text = body.decode("utf-8", "replace").replace("\0", "") if isinstance(body, bytes) else ""
    try:
        date = parsedate_to_datetime(str(message["date"]))
    except (TypeError, ValueError):
        date = None
    return Parsed(
        size=len(raw), content_hash=hashlib.sha256(text.encode()).hexdigest(),
        message_id=str(message["message-id"] or ""), in_reply_to=str(message["in-reply-to"] or ""),
        references=tuple(str(message["references"] or "").split()), senders=people["from"], to=people["to"],
        cc=people["cc"], subject=str(message["subject"] or ""), date=date, text=text,
    )  # fmt: skip
