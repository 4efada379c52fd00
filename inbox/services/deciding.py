"""Judging a message, and what comes of it: decision, evidence, task and push in one short transaction.

Nothing here waits for the network: opinions are asked for beforehand (`inbox.services.asking`).
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from django.db import DataError, IntegrityError, transaction
from django.db.models.functions import Now

from alai.kernel import audit
from alai.kernel.errors import ApiError
from alai.kernel.principals import Principal
from inbox import pushes
from inbox.access import SYSTEM
from inbox.mail.parsed import Parsed
from inbox.models import Account, Decision, Mail, Message, StageEvidence
from inbox.services.parsing import reading
from inbox.surroundings import gather, match_partner
from inbox.triage import judge
from inbox.triage.verdicts import Action, Classification, Judgement, Opinion, Outcome, Verdict
from inbox.triage.verdicts import Decision as Ruling
from missioncontrol.models import Priority
from missioncontrol.services import create_task
from missioncontrol.services.common import acting_as

logger = logging.getLogger(__name__)

TABLE = Mail._meta.db_table
PERSON = "person"  # the stage of a decision that a person made
SOURCE = "inbox"
RETRY = timedelta(minutes=30)  # of a task that the ledger refused twice
PUSHED = frozenset({Action.PARTNER, Action.PARTNER_UNVERIFIED, Action.LINKED, Action.LLM_YES})
PRIORITIES = {
    "low": Priority.LOW,
    "medium": Priority.MEDIUM,
    "high": Priority.HIGH,
    "critical": Priority.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class Case:
    """A message with its mail, and what was read of it."""

    message: Message
    mail: Mail
    parsed: Parsed


def case_of(message_id: int) -> Case | None:
    """The message ready to be judged, read again; None when it is not parsed yet."""
    message = Message.objects.for_display().filter(pk=message_id).first()
    if message is None or message.mail is None:
        return None
    return Case(message, message.mail, reading(message))


def decide(*, message_id: int, parsed: Parsed | None = None, by: Principal = SYSTEM) -> Mail | None:
    """Judge a parsed message without the network and act on it; answers its mail. Judged once, however often called."""
    message = Message.objects.for_display().filter(pk=message_id).first()
    if message is None or message.mail is None:
        return None
    if message.state != Message.State.PARSED or message.account.triage == Account.Triage.OFF:
        return message.mail
    case = Case(message, message.mail, parsed or reading(message))
    return settle(case=case, judgement=consider(case), by=by)


def consider(case: Case, opinion: Opinion | None = None) -> Judgement:
    """The pipeline's judgement, unless it is settled beforehand what the message is."""
    return _settled_before(case) or judge(
        case.parsed, gather(case.message, case.mail, case.parsed, opinion=opinion)
    )


def settle(*, case: Case, judgement: Judgement, by: Principal = SYSTEM, again: bool = False) -> Mail:
    """Record a judgement and act on it. `again`: a deferred or released mail is judged anew, its message is done."""
    with acting_as(by), audit.writing(history=TABLE):
        mail = Mail.objects.select_for_update().get(pk=case.mail.pk)
        taken = Message.objects.filter(pk=case.message.pk, state=Message.State.PARSED).update(
            state=Message.State.DONE
        )
        if (taken or again) and _speaks(mail, judgement, again=again):
            rule(mail, replace(case, mail=mail), judgement, by)
        return mail


def record(
    mail: Mail,
    ruling: Ruling,
    *,
    stage: str,
    by: Principal,
    message: Message | None,
    detail: str = "",
    outcomes: Sequence[tuple[str, Outcome]] = (),
) -> Decision:
    """Append a decision with its evidence, and make it the one that stands. The mail is locked by the caller."""
    last = (
        Decision.objects.filter(mail=mail).order_by("-number").values_list("number", flat=True).first() or 0
    )
    mail.verdict, mail.action = ruling.verdict.value, ruling.action.value
    mail.classification, mail.priority = ruling.classification.value, ruling.priority
    mail.reasons, mail.score = [code[:60] for code in ruling.reasons], ruling.score
    mail.decided_by = by.actor if stage == PERSON else stage
    decision = Decision.objects.create(
        mail=mail,
        number=last + 1,
        message=message,
        verdict=mail.verdict,
        action=mail.action,
        classification=mail.classification,
        priority=mail.priority,
        reasons=mail.reasons,
        score=mail.score,
        stage=stage,
        task_id=mail.task_id,
        detail=detail[:300],
        by=by.actor,
    )
    StageEvidence.objects.bulk_create(
        StageEvidence(
            decision=decision,
            position=position,
            stage=name,
            signals=[asdict(signal) for signal in outcome.signals],
            facts=dict(outcome.facts),
            decided=outcome.decision is not None,
        )
        for position, (name, outcome) in enumerate(outcomes)
    )
    mail.decided_at = decision.at
    mail.save()
    return decision


def link_task(mail: Mail, message: Message, by: Principal, priority: str) -> bool:
    """Give the mail its task, once; False when the ledger had an open one with the mail's key already."""
    if mail.task_id is not None:
        return False
    who = message.sender_name or message.sender or "somebody"
    task, created = create_task(
        # The inbox's task, whatever teams the caller's token is limited to.
        by=Principal(actor=by.actor, scopes=by.scopes),
        title=f"Answer {who}: {message.subject or '(no subject)'}"[:500],
        description=_description(mail, message),
        priority=PRIORITIES.get(priority, Priority.MEDIUM),
        tags=["email"],
        source=SOURCE,
        dedup_key=f"mail:{mail.identity}",
    )
    mail.task = task
    return created


def rule(mail: Mail, case: Case, judgement: Judgement, by: Principal) -> None:
    """Make a judgement fact: the mail is locked, the caller holds the transaction."""
    ruling = judgement.decision
    dry = case.message.account.triage == Account.Triage.DRY_RUN and ruling.verdict == Verdict.TASK
    if dry:
        ruling = replace(ruling, verdict=Verdict.QUEUE, action=Action.DRY_RUN)
    _note_partner(mail, case)
    if ruling.verdict == Verdict.DEFERRED:
        _defer(mail)
    else:
        mail.next_try_at = mail.undecided_since = None
    fresh, failure = True, ""
    if ruling.verdict == Verdict.TASK:
        fresh, failure = _make_task(mail, case.message, by, ruling.priority)
    if failure:
        ruling = replace(ruling, verdict=Verdict.DEFERRED, action=Action.CREATE_FAILED)
        _defer(mail)
    elif not fresh:
        ruling = replace(ruling, action=Action.RELINKED)
    record(
        mail,
        ruling,
        stage=judgement.decided_by,
        by=by,
        message=case.message,
        detail=failure,
        outcomes=list(judgement.outcomes.items()),
    )
    if ruling.verdict == Verdict.TASK and ruling.action in PUSHED:
        pushes.want(mail, case.message)


def _make_task(mail: Mail, message: Message, by: Principal, priority: str) -> tuple[bool, str]:
    """Whether the task is new, and why there is none: the refusal is recorded and tried again, the mail is not lost."""
    try:
        with transaction.atomic():
            return link_task(mail, message, by, priority), ""
    except (ApiError, DataError, IntegrityError) as error:
        logger.error("A mail's task was refused", extra={"mail": mail.pk, "error": type(error).__name__})
        return False, f"The ledger refused the task ({type(error).__name__})."


def _speaks(mail: Mail, judgement: Judgement, *, again: bool) -> bool:
    """Whether a judgement changes what stands: the first one, the end of waiting, or a copy that shows a lead.

    A copy in another account may be authenticated where the first was not; then it counts. What a person decided
    stands, and no copy takes a task away.
    """
    verdict = judgement.decision.verdict
    if not mail.verdict:
        return True
    if again:
        return mail.verdict == Verdict.DEFERRED and verdict != Verdict.DEFERRED
    if (
        mail.action == Action.IMPORTED
    ):  # what was there before us is never tasked, in whatever account it shows up
        return False
    decided_by_person = mail.decisions.filter(stage=PERSON).exists()
    return verdict == Verdict.TASK and mail.verdict != Verdict.TASK and not decided_by_person


def _settled_before(case: Case) -> Judgement | None:
    """What the old system had in its hands before the account's cut-over, or was there before anybody watched."""
    if case.message.history:
        ruling = Ruling(Verdict.QUEUE, Action.IMPORTED, Classification.INFO, reasons=("there_before_us",))
        return Judgement(ruling, "cutover", {})
    cutover = case.message.account.cutover_at
    if cutover is not None and case.message.received_at < cutover and not case.message.outgoing:
        ruling = Ruling(Verdict.QUEUE, Action.IMPORTED, Classification.INFO, reasons=("before_cutover",))
        return Judgement(ruling, "cutover", {})
    return None


def _defer(mail: Mail) -> None:
    mail.undecided_since = mail.undecided_since or mail.received_at
    mail.next_try_at = Now() if mail.verdict != Verdict.DEFERRED else Now() + RETRY


def _note_partner(mail: Mail, case: Case) -> None:
    row = match_partner(case.parsed.sender, case.message.account)
    if row is not None:
        mail.partner, mail.partner_tier, mail.partner_name = row, row.tier, str(row)


def _description(mail: Mail, message: Message) -> str:
    """Where to find it and why it matters. Its text stays in the inbox, where it can be erased."""
    lines = [
        f"{message.sender_name} <{message.sender}> wrote to {message.account.address}.".strip(),
        f"Subject: {message.subject}",
        f"Mail {message.pk} in the inbox: /admin/inbox/message/{message.pk}/change/",
    ]
    if mail.partner_tier:
        lines.insert(1, f"Partner: {mail.partner_name}, tier {mail.partner_tier}")
    return "\n".join(lines)
