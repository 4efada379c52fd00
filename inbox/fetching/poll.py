"""One turn of fetching one account: claim it, look into its folders, say how it went."""

import logging
import random
import time
from dataclasses import dataclass, replace

from django.conf import settings

from alai.kernel import metrics, secret_references
from inbox.access import SYSTEM
from inbox.fetching.kept import KEEPER, Session
from inbox.fetching.reading import Budget, Reader, hand_back
from inbox.imap.backoff import pause
from inbox.imap.connection import Connection, Security, Server
from inbox.imap.folders import INBOX, sent_folder
from inbox.imap.sockets import Limits
from inbox.imap.trouble import Kind, MailTrouble
from inbox.models import Account, Folder
from inbox.services import fetching
from inbox.services.fetching import Claim, ClaimLost

logger = logging.getLogger(__name__)

CLAIM_SECONDS = 120.0
TURN_SECONDS = 40.0
NO_SENT_FOLDER = "No Sent folder was found: name it on the account, or nobody counts as answered or known."


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn went. `more`: there is mail left that the turn had no time for."""

    sentence: str
    new: int = 0
    behind: int = 0
    more: bool = False
    failed: bool = False


def poll(account_id: int, *, seconds: float = TURN_SECONDS) -> Outcome:
    """Fetch what is new; never raises for what a server does. Any number may run at once, in any process."""
    hand_back()  # what it finds may be a connection to a database that was restarted
    claim = fetching.claim_account(account_id=account_id, seconds=CLAIM_SECONDS)
    if claim is None:
        return Outcome("It is being fetched already, or not fetched at all.")
    try:
        outcome = _turn(claim, Budget(seconds))
    except ClaimLost:
        outcome = Outcome("Another process took over.")
    except MailTrouble as trouble:
        outcome = _failed(claim, trouble.kind, trouble.sentence)
    except Exception as error:
        logger.exception("Fetching failed", extra={"account": claim.account.address})
        outcome = _failed(claim, None, f"Fetching failed with {type(error).__name__}; the log says why.")
    return outcome


def server_of(account: Account) -> Server:
    """How to reach it, with its password. Raises MailTrouble when that cannot be had."""
    try:
        secret = secret_references.resolve(account.secret_ref)
    except secret_references.SecretUnavailable as error:
        raise MailTrouble(Kind.SECRET, str(error)) from None
    return Server(
        host=account.host, port=account.port, security=Security(account.security),
        username=account.login or account.address, secret=secret, ca_file=settings.MAIL_CA_FILE, limits=Limits(),
    )  # fmt: skip


def _turn(claim: Claim, budget: Budget) -> Outcome:
    server = server_of(claim.account)
    hand_back()
    session = KEEPER.take(claim.account.pk, server)
    if session is not None:
        try:
            return _with(session, claim, budget)
        except MailTrouble as trouble:
            # A connection may have died since the last turn: that is no failure. Another one is tried at once.
            if trouble.kind is not Kind.NETWORK or session.answered or KEEPER.stopping.is_set():
                raise
    session = Session(Connection(server))
    KEEPER.lend(claim.account.pk, session)
    try:
        session.connection.connect()
    except BaseException:
        KEEPER.drop(claim.account.pk, session)
        raise
    return _with(session, claim, budget)


def _with(session: Session, claim: Claim, budget: Budget) -> Outcome:
    """A turn on this session, which is kept if all goes well."""
    session.answered = False
    try:
        outcome = _read(session, claim, budget)
    except BaseException:
        KEEPER.drop(claim.account.pk, session)
        raise
    outcome = _listen(session, claim, budget, outcome)
    fetching.end_well(claim=claim, behind=outcome.behind, note=session.note)
    metrics.external_call("imap", "ok")
    return outcome


def _read(session: Session, claim: Claim, budget: Budget) -> Outcome:
    inbox = _reader(session, claim, budget, INBOX, Folder.Role.INBOX)
    inbox.read()
    new, behind = inbox.new, inbox.behind
    # Without its Sent folder an account is worth less, but its new mail must not wait for that.
    try:
        sent = _sent(session, claim, budget)
    except MailTrouble as trouble:
        if not trouble.goes_on:
            raise
        session.sent, session.note = None, trouble.sentence
    else:
        new, behind = new + sent.new if sent else new, behind + sent.behind if sent else behind
    return Outcome(_sentence(new, behind), new=new, behind=behind, more=behind > 0 and budget.spent)


def _reader(session: Session, claim: Claim, budget: Budget, name: str, role: Folder.Role) -> Reader:
    folder = fetching.folder_of(claim=claim, name=name, role=role, by=SYSTEM)
    return Reader(session, claim, folder, budget)


def _sent(session: Session, claim: Claim, budget: Budget) -> Reader | None:
    if session.sent is None:
        session.sent = claim.account.sent_folder or sent_folder(session.connection.folders())
        session.note = "" if session.sent else NO_SENT_FOLDER
    if not session.sent:
        return None
    reader = _reader(session, claim, budget, session.sent, Folder.Role.SENT)
    reader.read()
    return reader


def _listen(session: Session, claim: Claim, budget: Budget, outcome: Outcome) -> Outcome:
    """With IDLE switched on: wait for the server to speak, and fetch at once. A connection lost there is no failure."""
    ending = time.monotonic() + settings.MAIL_IDLE_SECONDS
    try:
        while not outcome.more and (left := ending - time.monotonic()) > 1 and not KEEPER.stopping.is_set():
            fetching.renew_claim(claim=claim, seconds=left + CLAIM_SECONDS)
            reader = _reader(session, claim, budget, INBOX, Folder.Role.INBOX)
            hand_back()
            if not reader.changed() and not session.connection.wait(left):
                break
            again = _read(session, claim, Budget(budget.seconds))
            outcome = replace(again, new=outcome.new + again.new)
    except MailTrouble:
        KEEPER.drop(claim.account.pk, session)
    except BaseException:
        KEEPER.drop(claim.account.pk, session)
        raise
    else:
        KEEPER.give_back(claim.account.pk, session)
    return outcome


def _failed(claim: Claim, kind: Kind | None, sentence: str) -> Outcome:
    if KEEPER.stopping.is_set():
        fetching.end_early(claim=claim)
        return Outcome("Interrupted: this process ends.")
    trouble = Account.Trouble(kind.value) if kind else Account.Trouble.FAULT
    seconds = pause(kind, claim.account.failures + 1, random.random())  # noqa: S311 - spreads retries
    fetching.end_badly(claim=claim, trouble=trouble, sentence=sentence, seconds=seconds)
    metrics.external_call("imap", trouble.value)
    return Outcome(sentence, failed=True)


def _sentence(new: int, behind: int) -> str:
    fetched = f"{new:,} new message{'' if new == 1 else 's'}" if new else "nothing new"
    return f"{fetched}; {behind:,} still to fetch" if behind else fetched
