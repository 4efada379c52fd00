"""What fetching writes: who fetches an account now, how far its folders are read, how it went.

A turn begins with a claim on the account's row; its number is the fence under which everything else of that turn
is written, so that a process which was thought dead cannot undo what its successor did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, Model, QuerySet
from django.db.models.functions import Now

from alai.kernel import audit
from alai.kernel.principals import Principal
from inbox.models import Account, Folder, Message
from inbox.services.storing import Incoming, store_many
from missioncontrol.services.common import acting_as

ACCOUNTS, FOLDERS, MESSAGES = (model._meta.db_table for model in (Account, Folder, Message))
# Clocks differ: mail of the last hour before the cut-over counts as new, unless it is known to be older.
CLOCKS_DIFFER = timedelta(hours=1)

CLAIM = f"""
UPDATE {ACCOUNTS}
SET claim = claim + 1, claimed_until = statement_timestamp() + make_interval(secs => %s),
    checked_at = statement_timestamp()
WHERE id = %s AND kind = 'imap' AND enabled AND host <> ''
  AND coalesce(claimed_until, '-infinity') <= statement_timestamp()
RETURNING claim
"""

RENEW = f"""
UPDATE {ACCOUNTS} SET claimed_until = greatest(claimed_until, statement_timestamp() + make_interval(secs => %s))
WHERE id = %s AND claim = %s
"""

# Taken first in each transaction: it makes two fetchers of one folder wait for each other. greatest and least, since
# the other one may have come further.
ADVANCE = f"""
UPDATE {FOLDERS} f
SET watermark = greatest(f.watermark, %s), backfill = least(f.backfill, %s),
    stuck_uid = CASE WHEN f.stuck_uid = ANY (%s) THEN 0 ELSE f.stuck_uid END
FROM {ACCOUNTS} a
WHERE f.id = %s AND f.uidvalidity = %s AND a.id = f.account_id AND a.claim = %s
"""


class ClaimLost(Exception):
    """Another process fetches this account now, or it was taken out of service; nothing was written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One turn of fetching one account."""

    account: Account
    number: int


def claim_account(*, account_id: int, seconds: float) -> Claim | None:
    """Begin a turn, for so long unless it is renewed; None while another one lasts, or for what is not fetched."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [seconds, account_id])
        row = cursor.fetchone()
    return Claim(Account.objects.get(pk=account_id), row[0]) if row else None


def renew_claim(*, claim: Claim, seconds: float) -> None:
    """Keep the account for so long from now on. Raises ClaimLost."""
    with connection.cursor() as cursor:
        cursor.execute(RENEW, [seconds, claim.account.pk, claim.number])
        _require(cursor.rowcount)


def folder_of(*, claim: Claim, name: str, role: Folder.Role, by: Principal) -> Folder:
    """The account's folder of that name, made when it is met for the first time."""
    with acting_as(by), audit.writing(why="first sight of a folder"):
        folder, _ = Folder.objects.get_or_create(account=claim.account, name=name, defaults={"role": role})
        if folder.role != role:
            _require(_under(claim, Folder, pk=folder.pk).update(role=role))
            folder.role = role
    return folder


def begin_reading(*, claim: Claim, folder: Folder, uidvalidity: int, newest: int, by: Principal) -> None:
    """Read a folder from the start: it is new to us, or its UIDs mean something else now.

    What comes after UID `newest` is new mail. What was there is read afterwards. The first time of all it is history
    (decision 31), unless the account has its cut-over already, whose date decides then; later it may hold mail that
    we have not seen. Raises ClaimLost.
    """
    unwatched = folder.uidvalidity is None and claim.account.cutover_at is None
    history = unwatched or (folder.history and folder.backfill > 0)
    with acting_as(by), audit.writing(history=MESSAGES, why="a folder is read from the start"):
        marks = {"uidvalidity": uidvalidity, "watermark": newest, "backfill": newest, "history": history}
        _require(_under(claim, Folder, pk=folder.pk).update(**marks, stuck_uid=0, stuck_tries=0))
        # A server that takes up an old number again may mean other messages.
        Message.objects.filter(folder=folder, uidvalidity=uidvalidity).update(uidvalidity=None, uid=None)
        Account.objects.filter(pk=claim.account.pk, cutover_at=None).update(cutover_at=Now() - CLOCKS_DIFFER)
    folder.refresh_from_db()


def step_back(*, claim: Claim, folder: Folder, newest: int, by: Principal) -> None:
    """The server lost its latest messages (a restored backup) and will give their UIDs to others. Raises ClaimLost."""
    with acting_as(by), audit.writing(history=MESSAGES, why="the server's newest UID went back"):
        changed = _under(claim, Folder, pk=folder.pk).update(watermark=newest, stuck_uid=0, stuck_tries=0)
        _require(changed)
        lost = Message.objects.filter(folder=folder, uidvalidity=folder.uidvalidity, uid__gt=newest)
        audit.record(
            action="mail-uids-went-back", target_type=FOLDERS, target_id=folder.pk,
            newest=newest, messages=lost.update(uidvalidity=None, uid=None),
        )  # fmt: skip
    folder.refresh_from_db()


def store_fetched(
    *,
    claim: Claim,
    folder: Folder,
    items: Sequence[Incoming],
    watermark: int | None = None,
    backfill: int | None = None,
    history: bool = False,
    by: Principal,
) -> int:
    """Store messages and move the folder's marks in one transaction; answers how many are new. Raises ClaimLost."""
    uids = [item.uid for item in items]
    with transaction.atomic(), connection.cursor() as cursor:
        place = [folder.pk, folder.uidvalidity, claim.number]
        cursor.execute(ADVANCE, [watermark, backfill, uids, *place])
        _require(cursor.rowcount)
        if not items:
            return 0
        stored = store_many(
            account=claim.account, items=items, folder=folder, uidvalidity=folder.uidvalidity,
            fetched=True, history=history, by=by,
        )  # fmt: skip
        return sum(new for _, new in stored)


def note_stuck(*, claim: Claim, folder: Folder, uid: int) -> None:
    """The conversation broke while this message was fetched; counts how often in a row. Raises ClaimLost."""
    tries = F("stuck_tries") + 1 if folder.stuck_uid == uid else 1
    _require(_under(claim, Folder, pk=folder.pk).update(stuck_uid=uid, stuck_tries=tries))


def end_well(*, claim: Claim, behind: int, note: str = "") -> None:
    """The turn worked; so many messages are known to the server and not fetched yet. `note`: what is amiss anyway."""
    _under(claim, Account, pk=claim.account.pk).update(
        succeeded_at=Now(), failures=0, trouble="", last_error=note[:300], retry_at=None, behind=behind,
        claimed_until=None,
    )  # fmt: skip


def end_badly(*, claim: Claim, trouble: Account.Trouble, sentence: str, seconds: float) -> None:
    """The turn failed, for the reason that the sentence tells; not again for so many seconds."""
    _under(claim, Account, pk=claim.account.pk).update(
        failures=F("failures") + 1, trouble=trouble, last_error=sentence[:300],
        retry_at=Now() + timedelta(seconds=seconds), claimed_until=None,
    )  # fmt: skip


def end_early(*, claim: Claim) -> None:
    """The turn was interrupted by us; it says nothing of the account."""
    _under(claim, Account, pk=claim.account.pk).update(claimed_until=None)


def try_again_now(*, account_id: int) -> None:
    """Do not wait any longer after failures: somebody has mended something."""
    Account.objects.filter(pk=account_id).update(retry_at=None)


def _under(claim: Claim, model: type[Model], **where: int) -> QuerySet[Model]:
    """Rows of the account, as long as the claim stands."""
    fence = {"claim": claim.number} if model is Account else {"account__claim": claim.number}
    return model._default_manager.filter(**where, **fence)


def _require(rows: int) -> None:
    if rows != 1:
        raise ClaimLost
