"""From stored bytes to a message that can be read and judged, and to the mail that it is across accounts."""

import hashlib
import logging
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.principals import Principal
from inbox.access import SYSTEM
from inbox.mail import parse
from inbox.mail.parsed import Address, Finding, Parsed
from inbox.models import Content, Mail, Message
from inbox.models.messages import ID_LENGTH
from inbox.packing import unpack
from inbox.services import conversation
from inbox.triage.verdicts import Action
from missioncontrol.services.common import acting_as

logger = logging.getLogger(__name__)

TABLE = Message._meta.db_table
TRIES = 3  # then it is filed unread: the digest lists it
HELD = timedelta(minutes=5)  # longer than any parsing takes: whoever had it was killed
GLANCE_SECONDS = 0.05
SUBJECT_LENGTH = 1000
SNIPPET_LENGTH = 200
TEXT_LENGTH = 200_000
LISTED = 50
EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)  # before e-mail had dates that mean anything
Known = Message.State


@dataclass(frozen=True, slots=True)
class Read:
    """The row that stands for a stored message now, and what it says where it was read just now."""

    message: Message
    parsed: Parsed | None = None


def parse_stored(*, message_id: int, by: Principal = SYSTEM, patience: float = 0.0) -> Read | None:
    """Parse a stored message and find its mail; answers the row that stands for it then, None when it is gone.

    The row may be another one: the same mail was in the account already. One that is parsed stays as it is. A try
    is counted before it begins, so that bytes which kill the parser are filed unread after three. While somebody
    else is at it, `patience` says for how many seconds to wait for them.
    """
    until = time.monotonic() + patience
    while (message := _begin(message_id)) is None:
        known = Message.objects.for_display().filter(pk=message_id).first()
        if known is None or known.state != Known.STORED or time.monotonic() >= until:
            return Read(known) if known else None
        time.sleep(GLANCE_SECONDS)
    parsed = _parse(message)
    if parsed is None:
        return Read(message)
    with acting_as(by):
        filed = _file(message.pk, parsed)
    if filed is None:
        return None
    return Read(filed, parsed if filed.pk == message.pk else None)


def reading(message: Message) -> Parsed:
    """The message taken apart again from its bytes: what stages and pages look at; never an exception."""
    content = Content.objects.filter(message=message).first()
    raw = unpack(content) if content else b""
    if not raw:
        return _from_columns(message, content.text if content else "")
    try:
        return parse(raw)
    except Exception as error:
        logger.error("The parser failed", extra={"inbox_message": message.pk, "error": type(error).__name__})
        return _from_columns(message, "")


def place(message: Message, folder_id: int, uidvalidity: int | None, uid: int | None) -> None:
    """Note where a known message lies now: after a change of UIDVALIDITY each has another UID."""
    elsewhere = message.folder_id not in (None, folder_id)
    if not elsewhere and message.uidvalidity != uidvalidity:
        with audit.writing(history=TABLE):
            Message.objects.filter(pk=message.pk).update(
                folder_id=folder_id, uidvalidity=uidvalidity, uid=uid
            )


def _begin(message_id: int) -> Message | None:
    """Take the message and count the try, in a transaction of its own; None when there is nothing to take."""
    with audit.writing(history=TABLE):
        due = Q(next_try_at=None) | Q(next_try_at__lte=Now())
        begun = Message.objects.filter(due, pk=message_id, state=Known.STORED).update(
            attempts=F("attempts") + 1, next_try_at=Now() + HELD
        )
    return Message.objects.for_display().filter(pk=message_id).first() if begun else None


def _parse(message: Message) -> Parsed | None:
    """The message taken apart; None when the parser failed and it is tried again later."""
    content = Content.objects.filter(message=message).first()
    raw = unpack(content) if content else b""
    if message.attempts > TRIES:
        return _unread(message, "parser_killed", "The parser did not survive this message.")
    try:
        parsed = parse(raw)
    except Exception as error:
        return _failed(message, type(error).__name__)
    if content is not None and content.cut_bytes:
        cut = Finding("cut", f"{content.cut_bytes} bytes beyond the limit were not kept.")
        parsed = replace(parsed, findings=(*parsed.findings, cut))
    return parsed


def _failed(message: Message, error: str) -> Parsed | None:
    """A parser that raised is a bug of ours; the message stays stored, with a finding, until it is mended."""
    logger.error("The parser failed", extra={"inbox_message": message.pk, "error": error})
    sentence = f"The parser failed with {error}."
    if message.attempts >= TRIES:
        return _unread(message, "parser_failed", sentence)
    with audit.writing(history=TABLE):
        Message.objects.filter(pk=message.pk, state=Known.STORED).update(
            findings=[{"code": "parser_failed", "detail": sentence}],
            next_try_at=Now() + timedelta(minutes=5**message.attempts),
        )
    return None


def _unread(message: Message, code: str, detail: str) -> Parsed:
    return Parsed(
        size=message.size,
        content_hash=message.raw_sha256 or str(message.pk),
        findings=(Finding(code, detail),),
    )


def _file(message_id: int, parsed: Parsed) -> Message | None:
    """Write what was found, in one short transaction."""
    with audit.writing(history=TABLE):
        message = Message.objects.for_display().select_for_update(of=("self",)).filter(pk=message_id).first()
        if message is None or message.state != Known.STORED:
            return message
        imported = _imported_twin(message, parsed)
        if imported is not None:
            return _adopt(imported, message, parsed)
        identity = _meet(message, parsed)
        # Looked for before the lock as well: copies that arrive together need not queue for being merged.
        twin = _twin(message, identity)
        if twin is None:
            mail = Mail.objects.select_for_update().get(identity=identity)
            twin = _twin(message, identity)
        if twin is not None:
            return _merge(twin, message)
        _write(message, mail, parsed)
        conversation.join(message, mail, parsed)
        return message


def _write(message: Message, mail: Mail, parsed: Parsed) -> None:
    for name, value in _columns(message, parsed).items():
        setattr(message, name, value)
    message.mail, message.state = mail, Known.PARSED
    message.attempts, message.next_try_at = 0, None
    message.save()
    Content.objects.filter(message=message).update(text=parsed.text[:TEXT_LENGTH])


def _columns(message: Message, parsed: Parsed) -> dict[str, Any]:
    received = message.internal_date or _usable(parsed.date) or message.stored_at
    sender = parsed.sender
    return {
        "subject": parsed.subject[:SUBJECT_LENGTH],
        "sender": sender.email[:320],
        "sender_name": sender.name[:200],
        "to": _people(parsed.to),
        "cc": _people(parsed.cc),
        "snippet": " ".join(parsed.text[:2000].split())[:SNIPPET_LENGTH],
        "has_attachments": bool(parsed.attachments),
        "attachments": [
            {"filename": one.filename[:200], "kind": one.kind, "size": one.size, "sha256": one.sha256}
            for one in parsed.attachments[:LISTED]
        ],
        "findings": [asdict(one) for one in parsed.findings[:LISTED]],
        "sent_at": _usable(parsed.date) or received,
        "received_at": received,
    }


def _people(addresses: tuple[Address, ...]) -> list[str]:
    """As people write them: `Mia <mia@partner.example>`."""
    return [written(one.name[:200], one.email[:320]) for one in addresses[:LISTED]]


def written(name: str, email: str) -> str:
    return f"{name} <{email}>" if name and email else name or email


def _usable(date: datetime | None) -> datetime | None:
    """A date as the sender wrote it, when it can be true."""
    if date is None or not EARLIEST <= date <= timezone.now() + timedelta(days=1):
        return None
    return date


def _meet(message: Message, parsed: Parsed) -> str:
    """The identity of the message's mail, which is made when there is none."""
    identity = identity_of(parsed.message_id, parsed.content_hash)
    received = _columns(message, parsed)["received_at"]
    fresh = Mail(
        identity=identity,
        message_id=bare(parsed.message_id),
        in_reply_to=bare(parsed.in_reply_to),
        references=[one for one in map(bare, parsed.references[:LISTED]) if one],
        received_at=received,
    )
    Mail.objects.bulk_create([fresh], ignore_conflicts=True)
    Mail.objects.filter(identity=identity, received_at__gt=received).update(received_at=received)
    return identity


def _twin(message: Message, identity: str) -> Message | None:
    """The row of the same mail in the same account."""
    same = Message.objects.for_display().filter(mail__identity=identity, account=message.account)
    return same.filter(outgoing=message.outgoing).first()


def identity_of(message_id: str, content_hash: str) -> str:
    """What makes it the same mail in two accounts."""
    return hashlib.sha256(f"{bare(message_id)}\0{content_hash}".encode("utf-8", "replace")).hexdigest()


def bare(message_id: str) -> str:
    """A Message-ID without its brackets, as long as an index takes."""
    return message_id.strip().removeprefix("<").removesuffix(">").strip()[:ID_LENGTH]


def _merge(twin: Message, message: Message) -> Message:
    """The same mail in the same account, in other bytes: the first row stays, at the newest place."""
    folder_id, uidvalidity, uid = message.folder_id, message.uidvalidity, message.uid
    message.delete()
    if folder_id is not None:
        place(twin, folder_id, uidvalidity, uid)
    return twin


# --- Mail that was imported from the old database ---------------------------------------------------


def _imported_twin(message: Message, parsed: Parsed) -> Message | None:
    """The imported row of this very mail, by account and Message-ID, when its bytes have not come yet."""
    message_id = bare(parsed.message_id)
    if not message_id:
        return None
    return (
        Message.objects.select_for_update(of=("self",))
        .select_related("account", "mail")
        .filter(
            account=message.account,
            raw_sha256=None,
            mail__message_id=message_id,
            mail__action=Action.IMPORTED,
        )
        .first()
    )


def _adopt(imported: Message, message: Message, parsed: Parsed) -> Message:
    """Give an imported row the bytes and the place of the mail that came; what was imported stays as it is."""
    taken = {
        name: getattr(message, name)
        for name in ("folder_id", "uidvalidity", "uid", "fetched", "raw_sha256", "size", "internal_date")
    }
    raw: dict[str, Any] = dict(
        Content.objects.filter(message=message).values("data", "cut_bytes").first() or {}
    )
    message.delete()
    Message.objects.filter(pk=imported.pk).update(**taken, findings=[asdict(one) for one in parsed.findings])
    Content.objects.update_or_create(
        message=imported, defaults={**raw, "text": parsed.text[:TEXT_LENGTH], "kept_since": Now()}
    )
    assert imported.mail is not None
    identity = identity_of(parsed.message_id, parsed.content_hash)
    if not Mail.objects.filter(identity=identity).exists():
        with transaction.atomic():
            Mail.objects.filter(pk=imported.mail.pk).update(identity=identity)
    imported.refresh_from_db()
    return imported


def _from_columns(message: Message, text: str) -> Parsed:
    """What is known of a message whose bytes are gone, or never came."""
    mail = message.mail
    return Parsed(
        size=message.size,
        content_hash=message.raw_sha256 or "",
        message_id=mail.message_id if mail else "",
        in_reply_to=mail.in_reply_to if mail else "",
        references=tuple(mail.references) if mail else (),
        senders=(Address(message.sender_name, message.sender),) if message.sender else (),
        to=tuple(Address(name, email.lower()) for name, email in getaddresses(message.to)),
        cc=tuple(Address(name, email.lower()) for name, email in getaddresses(message.cc)),
        subject=message.subject,
        date=message.sent_at,
        text=text,
        findings=(Finding("no_bytes", "The raw message is not kept any more."),),
    )
