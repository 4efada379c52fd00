"""Judging what waits, with the network's help: Paperless before, the LLM where only it can decide.

Nobody holds a transaction while a service answers. What is under way is claimed for a few minutes: a worker that is
killed loses nothing, for the next run finds it again.
"""

import logging
import time
from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Now

from alai.kernel import audit
from alai.kernel.principals import Principal
from inbox import llm, paperless
from inbox.access import SYSTEM
from inbox.mail.parsed import Address
from inbox.models import LlmCall, Mail, Message
from inbox.services.deciding import Case, case_of, consider, decide, settle
from inbox.services.parsing import parse_stored, reading
from inbox.triage.scan.lexicon import covers, hosts
from inbox.triage.verdicts import Opinion, Verdict

logger = logging.getLogger(__name__)

HELD = timedelta(minutes=2)  # longer than Paperless and two models take together
BATCH = 50
BACKOFF_MINUTES = (1, 2, 5, 10, 20, 30, 60)


class NobodyToAsk(Exception):
    """Every model that could be asked is left alone for a while."""


def triage_waiting(*, seconds: float, by: Principal = SYSTEM) -> int:
    """Parse and judge what waits, the oldest first, for at most about so long; answers how many."""
    until = time.monotonic() + seconds
    done = 0
    while time.monotonic() < until:
        ids = list(Message.objects.triable().values_list("pk", flat=True)[:BATCH])
        if not ids:
            break
        for message_id in ids:
            if time.monotonic() > until:
                break
            done += _triage_one(message_id, by)
    return done


def ask_waiting(*, seconds: float, by: Principal = SYSTEM) -> int:
    """Ask the LLM about deferred mail that is due; answers how many were decided. One that fails stops no other."""
    until = time.monotonic() + seconds
    decided = 0
    while time.monotonic() < until:
        mail_id = _claim_mail()
        if mail_id is None:
            break
        try:
            decided += resolve(mail_id=mail_id, by=by)
        except NobodyToAsk:
            break
        except Exception:
            logger.exception("A deferred mail could not be judged", extra={"mail": mail_id})
    return decided


def resolve(*, mail_id: int, by: Principal = SYSTEM) -> bool:
    """Try to decide a deferred mail now; False when it stays undecided. Raises NobodyToAsk."""
    case = _deferred_case(mail_id)
    if case is None:
        return False
    _ask_paperless(case.parsed.sender)
    judgement = consider(case)
    if judgement.decision.verdict == Verdict.DEFERRED:
        opinion = _ask_llm(case)
        if opinion.yes is None:
            _postpone(mail_id, BACKOFF_MINUTES[min(case.mail.llm_attempts, len(BACKOFF_MINUTES)) - 1])
            return False
        judgement = consider(case, opinion)
    mail = settle(case=case, judgement=judgement, by=by, again=True)
    return mail.verdict != Verdict.DEFERRED


def _triage_one(message_id: int, by: Principal) -> bool:
    """A bug with one message must not stop the others; its claim runs out, and it is tried again."""
    try:
        read = parse_stored(message_id=message_id, by=by)
        if read is None or not _claim_message(read.message.pk):
            return False
        parsed = read.parsed or reading(read.message)
        _ask_paperless(parsed.sender)
        decide(message_id=read.message.pk, parsed=parsed, by=by)
    except Exception:
        logger.exception("A message could not be triaged", extra={"inbox_message": message_id})
        return False
    return True


def _claim_message(message_id: int) -> bool:
    """Take a parsed message for a while: what another worker has is left to it."""
    with audit.writing(history=Message._meta.db_table):
        due = Q(next_try_at=None) | Q(next_try_at__lte=Now())
        parsed = Message.objects.filter(due, pk=message_id, state=Message.State.PARSED)
        return bool(parsed.update(next_try_at=Now() + HELD))


def _claim_mail() -> int | None:
    with audit.writing(history=Mail._meta.db_table):
        due = Mail.objects.filter(verdict=Verdict.DEFERRED, next_try_at__lte=Now()).order_by(
            "next_try_at", "id"
        )
        mail = due.select_for_update(skip_locked=True).first()
        if mail is not None:
            Mail.objects.filter(pk=mail.pk).update(
                next_try_at=Now() + HELD, llm_attempts=F("llm_attempts") + 1
            )
    return mail.pk if mail else None


def _deferred_case(mail_id: int) -> Case | None:
    """The copy whose judgement was deferred."""
    mail = Mail.objects.filter(pk=mail_id, verdict=Verdict.DEFERRED).first()
    last = mail.decisions.exclude(message=None).order_by("-number").first() if mail else None
    return case_of(last.message_id) if last and last.message_id else None


def _ask_paperless(sender: Address) -> None:
    paperless.look_up(sender, freemail=covers(hosts().freemail, sender.domain))


def _ask_llm(case: Case) -> Opinion:
    """Ask each model that may be asked until one gives a usable answer; every call is recorded."""
    models = llm.endpoints(case.message.account.llm)
    opinion = Opinion(None, "No model may be asked about this account's mail.")
    asked = 0
    for endpoint in models:
        answers = llm.ask(endpoint, case.parsed)
        asked += len(answers)
        LlmCall.objects.bulk_create(_call(case.mail, answer) for answer in answers)
        if answers:
            opinion = llm.opinion_of(answers)
        if opinion.yes is not None:
            break
    if models and not asked:
        _postpone(case.mail.pk, BACKOFF_MINUTES[0], attempts=-1)  # it was no try
        raise NobodyToAsk
    return opinion


def _call(mail: Mail, answer: llm.Answer) -> LlmCall:
    return LlmCall(
        mail=mail,
        attempt=answer.attempt,
        endpoint=answer.endpoint.name,
        model=answer.endpoint.model[:200],
        outcome=answer.outcome[:20],
        latency_ms=answer.latency_ms,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        cost_usd=answer.cost_usd,
    )


def _postpone(mail_id: int, minutes: int, *, attempts: int = 0) -> None:
    with audit.writing(history=Mail._meta.db_table):
        Mail.objects.filter(pk=mail_id, verdict=Verdict.DEFERRED).update(
            next_try_at=Now() + timedelta(minutes=minutes), llm_attempts=F("llm_attempts") + attempts
        )
