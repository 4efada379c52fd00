"""Store first: the bytes are kept before anybody looks at them, so that no mail can be lost to what it holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from alai.kernel import audit
from alai.kernel.errors import Unavailable
from alai.kernel.principals import Principal
from inbox.models import Account, Content, Folder, Message
from inbox.packing import Packed, pack
from inbox.services.parsing import Read, parse_stored, place
from missioncontrol.services.common import acting_as

TABLE = Message._meta.db_table
TRIES = 5
PATIENCE = 10.0  # seconds; whoever brought the same bytes a moment earlier is parsing them

# One statement for a batch: whatever another connection stores at the same moment, each message is inserted once.
INSERT = f"""
INSERT INTO {TABLE} (account_id, folder_id, uidvalidity, uid, fetched, outgoing, history, raw_sha256, size, state,
                     internal_date, received_at, subject, sender, sender_name, snippet)
SELECT %s, %s, %s, one.uid, %s, %s, %s, one.hash, one.size, 'stored', one.at, coalesce(one.at, now()), '', '', '', ''
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::timestamptz[]) AS one (uid, hash, size, at)
ON CONFLICT DO NOTHING RETURNING id, raw_sha256
"""


KEEP = f"COPY {Content._meta.db_table} (message_id, data, cut_bytes, text) FROM STDIN (FORMAT BINARY)"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it arrives. `size` is its whole length where not all of it is in `raw`."""

    raw: bytes
    uid: int | None = None
    internal_date: datetime | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch belongs, and whether we fetched it ourselves."""

    account: Account
    folder: Folder | None = None
    uidvalidity: int | None = None
    fetched: bool = False
    history: bool = False

    @property
    def outgoing(self) -> bool:
        return self.folder is not None and self.folder.role == Folder.Role.SENT


def store_message(
    *,
    account: Account,
    raw: bytes,
    folder: Folder | None = None,
    uidvalidity: int | None = None,
    uid: int | None = None,
    internal_date: datetime | None = None,
    fetched: bool,
    by: Principal,
) -> tuple[Message, bool]:
    """Store a message and parse it; answers its row, and whether it is new in its account.

    `fetched` says that we took it from the account ourselves; only then its Authentication-Results count. The same
    mail again changes nothing. A message that cannot be parsed is stored all the same, and tried again later.
    """
    incoming = Incoming(raw, uid, internal_date)
    where = Place(account, folder, uidvalidity, fetched)
    read, new = store_and_read(incoming, where, by)
    return read.message, new


def store_and_read(incoming: Incoming, where: Place, by: Principal) -> tuple[Read, bool]:
    """As `store_message`, with what the message says."""
    for _ in range(TRIES):
        [(stored_id, new)] = _store_all([incoming], where, by)
        read = parse_stored(message_id=stored_id, by=by, patience=PATIENCE)
        if read is not None:
            return read, new and read.message.pk == stored_id
    raise Unavailable("The same mail keeps arriving in many forms at once; try again.", code="busy")


def store_many(
    *,
    account: Account,
    items: Sequence[Incoming],
    folder: Folder | None = None,
    uidvalidity: int | None = None,
    fetched: bool,
    history: bool = False,
    by: Principal,
) -> list[tuple[int, bool]]:
    """Store messages without parsing them, in one transaction; answers id and whether it is new for each.

    Triage parses them: `parse_stored`. `history` says that they were there before we watched the account.
    """
    return _store_all(items, Place(account, folder, uidvalidity, fetched, history), by)


def _store_all(items: Sequence[Incoming], where: Place, by: Principal) -> list[tuple[int, bool]]:
    packed = [(item, pack(item.raw, item.size)) for item in items]
    with acting_as(by), audit.writing(history=TABLE):
        ids, fresh = _store(where, packed)
        if fresh:
            audit.record(
                action="mail-stored",
                target_type=TABLE,
                target_id=next(iter(fresh.values())) if len(fresh) == 1 else "",
                account=where.account.address,
                messages=len(fresh),
                **({"folder": where.folder.name} if where.folder else {}),
            )
    seen: set[str] = set()
    stored = []
    for _, one in packed:
        stored.append((ids[one.hash], one.hash in fresh and one.hash not in seen))
        seen.add(one.hash)
    return stored


def _store(where: Place, packed: Sequence[tuple[Incoming, Packed]]) -> tuple[dict[str, int], dict[str, int]]:
    """Hash -> id of all, and of those that are new. One that vanishes between two looks is inserted again."""
    fresh: dict[str, int] = {}
    found: dict[str, int] = {}
    for _ in range(TRIES):
        missing = [(item, one) for item, one in packed if one.hash not in fresh and one.hash not in found]
        if not missing:
            break
        inserted = _insert(where, missing)
        first = {one.hash: one for _, one in reversed(missing)}
        _keep((pk, first[digest].data, first[digest].cut, "") for digest, pk in inserted.items())
        fresh |= inserted
        found |= _find(where, [(item, one) for item, one in missing if one.hash not in inserted])
    else:
        raise Unavailable("The same mail keeps arriving in many forms at once; try again.", code="busy")
    return fresh | found, fresh


def _keep(rows: Iterable[tuple[int, bytes, int, str]]) -> None:
    """The raw bytes of new messages, by COPY: an INSERT would send them as text of twice the length."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(KEEP) as stream:
        stream.set_types(["int8", "bytea", "int8", "text"])
        for row in rows:
            stream.write_row(row)


def _insert(where: Place, packed: Sequence[tuple[Incoming, Packed]]) -> dict[str, int]:
    """Insert what is not there; answers hash -> id of the new rows."""
    shared = [
        where.account.pk,
        where.folder.pk if where.folder else None,
        where.uidvalidity,
        where.fetched,
        where.outgoing,
        where.history,
    ]
    columns: list[list[Any]] = [
        [item.uid for item, _ in packed],
        [one.hash for _, one in packed],
        [one.size for _, one in packed],
        [item.internal_date for item, _ in packed],
    ]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [*shared, *columns])
        return {digest: pk for pk, digest in cursor.fetchall()}


def _find(where: Place, packed: Sequence[tuple[Incoming, Packed]]) -> dict[str, int]:
    """Hash -> id of messages that were here before, by their bytes or their place; they move to the new place."""
    if not packed:
        return {}
    bytes_known = Q(
        account=where.account, outgoing=where.outgoing, raw_sha256__in=[one.hash for _, one in packed]
    )
    uids = [item.uid for item, _ in packed if item.uid is not None]
    place_known = Q(folder=where.folder, uidvalidity=where.uidvalidity, uid__in=uids)
    rows = Message.objects.filter(bytes_known | place_known if where.folder else bytes_known).only(
        "pk", "raw_sha256", "folder", "uidvalidity", "uid"
    )
    by_hash = {row.raw_sha256: row for row in rows}
    here = (where.folder.pk if where.folder else None, where.uidvalidity)
    by_uid = {row.uid: row for row in rows if (row.folder_id, row.uidvalidity) == here and where.folder}
    found = {}
    for item, one in packed:
        row = by_uid.get(item.uid) or by_hash.get(one.hash)
        if row is None:
            continue
        found[one.hash] = row.pk
        if where.folder is not None and item.uid is not None and item.uid not in by_uid:
            place(row, where.folder.pk, where.uidvalidity, item.uid)
    return found
