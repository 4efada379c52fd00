"""What people do with a decision: let mail out of quarantine, make a task of it, say what it is, and who its sender is.

Each leaves a decision by a person and a line of feedback, from which the stages' precision is counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from django.db.models.functions import Now
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.errors import Conflict
from alai.kernel.principals import Principal
from inbox.models import Feedback, Mail, Message, Partner, Sender
from inbox.selectors import visible_message
from inbox.services.deciding import PERSON, TABLE, case_of, consider, link_task, record, rule
from inbox.services.partners import add_partner
from inbox.triage.verdicts import Action, Classification, Verdict
from inbox.triage.verdicts import Decision as Ruling
from missioncontrol.services.common import acting_as

PROMOTED, RECLASSIFIED, BLOCKED = ("promoted",), ("reclassified",), ("never_again",)
Kind = Feedback.Kind


def release(*, by: Principal, message_id: int, note: str = "") -> Message:
    """Let a mail out of quarantine, judge it on, and remember its sender. Again: nothing more happens."""
    with _correcting(by, message_id, note) as (message, mail):
        if mail.verdict != Verdict.QUARANTINE:
            if mail.released_at is not None:
                return message
            raise Conflict(f"Message {message_id} is not in quarantine.", code="not_quarantined")
        before, stage, action, decided_at = mail.verdict, mail.decided_by, mail.action, mail.decided_at
        mail.released_at = timezone.now()
        _remember(message, released_at=Now(), released_by=by.actor)
        case = case_of(message.pk)
        assert case is not None
        case.mail.released_at = mail.released_at
        Message.objects.filter(pk=message.pk).update(state=Message.State.DONE)
        rule(mail, replace(case, mail=mail), consider(case), by)
        _feed_back(mail, Kind.RELEASED, by, note, (stage, action, before, decided_at), mail.verdict)
    return message


def promote(*, by: Principal, message_id: int, note: str = "") -> Message:
    """Make a task of a mail, whatever was decided. A mail that has its task keeps it."""
    with _correcting(by, message_id, note) as (message, mail):
        if mail.verdict == Verdict.TASK and mail.task_id is not None:
            return message
        was = (mail.decided_by, mail.action, mail.verdict, mail.decided_at)
        created = link_task(mail, message, by, mail.priority)
        mail.next_try_at = mail.undecided_since = None
        ruling = Ruling(
            Verdict.TASK,
            Action.LINKED if created else Action.RELINKED,
            Classification.ACTION,
            mail.priority,
            PROMOTED,
            mail.score,
        )
        record(mail, ruling, stage=PERSON, by=by, message=message, detail=note)
        _feed_back(mail, Kind.PROMOTED, by, note, was, mail.verdict)
    return message


def reclassify(*, by: Principal, message_id: int, classification: Classification, note: str = "") -> Message:
    """Say what a mail is. What is no ACTION any more is pushed and escalated no more; a task stays for its people."""
    with _correcting(by, message_id, note) as (message, mail):
        if mail.classification == classification:
            return message
        was = (mail.decided_by, mail.action, mail.classification, mail.decided_at)
        _settle_by_person(mail, message, by, classification, RECLASSIFIED, note)
        _feed_back(mail, Kind.RECLASSIFIED, by, note, was, classification.value)
    return message


def never_again(*, by: Principal, message_id: int, note: str = "") -> Message:
    """The sender is blocked: this mail is spam, and later ones disturb nobody."""
    with _correcting(by, message_id, note) as (message, mail):
        was = (mail.decided_by, mail.action, mail.classification, mail.decided_at)
        _remember(message, blocked_at=Now(), blocked_by=by.actor)
        if mail.classification != Classification.SPAM:
            _settle_by_person(mail, message, by, Classification.SPAM, BLOCKED, note)
            _feed_back(mail, Kind.NEVER_AGAIN, by, note, was, mail.classification)
    return message


def forgive(*, by: Principal, address: str) -> bool:
    """Take "never again" back; False when the sender was not blocked."""
    with acting_as(by), audit.writing():
        blocked = Sender.objects.filter(address=address.strip().lower()).exclude(blocked_at=None)
        return bool(blocked.update(blocked_at=None, blocked_by=""))


def declare_partner(
    *, by: Principal, message_id: int, tier: int, name: str = "", reason: str = "", everywhere: bool = True
) -> tuple[Message, Partner]:
    """This sender is a partner from now on. The mail is judged anew, unless it is in quarantine or has its task."""
    with _correcting(by, message_id, reason) as (message, mail):
        partner = add_partner(
            by=by,
            address=message.sender,
            name=name or message.sender_name,
            tier=tier,
            reason=reason,
            account=None if everywhere else message.account.address,
        )
        was = (mail.decided_by, mail.action, mail.verdict, mail.decided_at)
        case = case_of(message.pk)
        if case is not None and mail.verdict in (Verdict.QUEUE, Verdict.DEFERRED):
            judgement = consider(case)
            if judgement.decision.verdict == Verdict.TASK:
                rule(mail, replace(case, mail=mail), judgement, by)
        _feed_back(mail, Kind.PARTNER, by, reason, was, mail.verdict)
    return message, partner


def mark_answered(*, by: Principal, message_id: int) -> Message:
    """Somebody answered, by telephone or from elsewhere: it comes back no more."""
    message = visible_message(by, message_id)
    with acting_as(by), audit.writing():
        Mail.objects.filter(messages=message, answered_at=None).update(
            answered_at=Now(), answered_by=by.actor
        )
    return message


@contextmanager
def _correcting(by: Principal, message_id: int, note: str) -> Iterator[tuple[Message, Mail]]:
    """The message with its mail locked; 404 and 403 as for reading, 409 while nobody has parsed it yet."""
    message = visible_message(by, message_id)
    if message.mail_id is None:
        raise Conflict(
            f"Message {message_id} is stored and not read yet; try again in a minute.", code="not_parsed"
        )
    with acting_as(by, why=note), audit.writing(history=TABLE):
        mail = Mail.objects.select_for_update().get(pk=message.mail_id)
        yield message, mail


def _settle_by_person(
    mail: Mail,
    message: Message,
    by: Principal,
    classification: Classification,
    reasons: tuple[str, ...],
    note: str,
) -> None:
    verdict = Verdict(mail.verdict or Verdict.QUEUE)
    if verdict == Verdict.DEFERRED or (verdict == Verdict.TASK and classification != Classification.ACTION):
        verdict = Verdict.QUEUE
    if classification != Classification.ACTION and mail.reactor_pushed_at is None:
        mail.push_due_at = None
    mail.next_try_at = mail.undecided_since = None
    action = Action(mail.action or Action.LINKED)
    ruling = Ruling(verdict, action, classification, mail.priority, reasons, mail.score)
    Message.objects.filter(pk=message.pk).update(state=Message.State.DONE)
    record(mail, ruling, stage=PERSON, by=by, message=message, detail=note)


def _feed_back(
    mail: Mail,
    kind: Feedback.Kind,
    by: Principal,
    note: str,
    was: tuple[str, str, str, datetime | None],
    after: str,
) -> None:
    stage, action, before, decided_at = was
    Feedback.objects.create(
        mail=mail,
        kind=kind,
        stage=stage[:60],
        action=action,
        before=before,
        after=after,
        decided_at=decided_at,
        note=note,
        by=by.actor,
    )


def _remember(message: Message, **changes: object) -> None:
    if message.sender:
        with audit.writing():  # the sender has no history of its own
            Sender.objects.update_or_create(address=message.sender, defaults=changes)
