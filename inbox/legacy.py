"""How the old email-inbox.db becomes accounts, messages and the mails that they are.

Nothing of it is tasked or pushed again: each mail's decision is `imported`. What the old system left as new without a
task is marked, and the digest lists it once.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import getaddresses
from typing import Any

from alai.kernel.importing import Candidate, Check, DatabaseMapping, Draft, Rejection, TableMapping, store
from alai.kernel.importing.raw import row_to_json, shown
from inbox.legacy_mails import (
    ACCOUNTS_TABLE,
    EMAILS_TABLE,
    NAME,
    find_places,
    keep_mail,
    write_beside_messages,
)
from inbox.models import Account, Message
from inbox.services.parsing import bare
from inbox.triage.verdicts import Classification

ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,253}")
PRIORITIES = {"high": "high", "normal": "medium", "medium": "medium", "low": "low", "critical": "high"}


# --- Accounts ---------------------------------------------------------------------------------------


def to_account(draft: Draft) -> Rejection | None:
    """Mail older than the old system's last look was in its hands: that is the account's cut-over."""
    address = draft.text("address", 254).strip().lower()
    if not ADDRESS.fullmatch(address):
        return Rejection(
            "no_address", f"address is {shown(draft.row.values.get('address'))}, no mail address."
        )
    if address != (draft.row.values.get("address") or ""):
        draft.keep("address")
    host = draft.text("host", 253).strip()
    if host != (draft.row.values.get("host") or ""):
        draft.keep("host")
    port = draft.whole("port")
    if port is None or not 1 <= port <= 65535:
        port = 993
        if draft.row.values.get("port") is not None:
            draft.keep("port", "no port: 993 stands in its place")
    draft.values |= {
        "address": address,
        "host": host,
        "port": port,
        "enabled": draft.whole("enabled") != 0,
        "cutover_at": draft.moment("last_checked") or draft.now,
    }
    return None


def adopt_accounts(candidates: Sequence[Candidate]) -> None:
    """An account of that address may be here already: it stays as it is, but for its cut-over; the row is kept.

    One that is a mere feed, because its mail came before it, learns where its mail is fetched.
    """
    fresh = [one for one in candidates if not one.is_update]
    addresses = sorted({one.draft.values["address"] for one in fresh})
    select = f"SELECT address, id FROM {ACCOUNTS_TABLE} WHERE address = ANY(%s)"
    here: dict[str, int] = dict(store.run(select, [addresses]))
    owners = store.keys_of(NAME, ACCOUNTS.table, list(here.values()))
    first: dict[str, str] = {}
    for one in fresh:
        address = one.draft.values["address"]
        owner = owners.get(here.get(address, 0)) or first.setdefault(address, one.row.key)
        if owner != one.row.key:
            one.rejection = Rejection("duplicate", f"Row {owner} has the same address.")
        elif address in here:
            one.target_id, one.passes = here[address], True
            _adopt(one)


def _adopt(one: Candidate) -> None:
    values = one.draft.values
    store.run(
        f"UPDATE {ACCOUNTS_TABLE} SET cutover_at = coalesce(cutover_at, %s), legacy = legacy || %s::jsonb "
        "WHERE id = %s",
        [values["cutover_at"], json.dumps({"account_row": row_to_json(one.row.values)}), one.target_id],
    )
    store.run(
        f"UPDATE {ACCOUNTS_TABLE} SET kind = 'imap', host = %s, port = %s, enabled = %s "
        "WHERE id = %s AND kind = 'feed' AND host = ''",
        [values["host"], values["port"], values["enabled"], one.target_id],
    )


# --- Messages ---------------------------------------------------------------------------------------


def to_message(draft: Draft) -> Rejection | None:
    """The message's own columns; what belongs to its mail travels beside them."""
    account = draft.text("account", 254).strip().lower()
    if not ADDRESS.fullmatch(account):
        return Rejection(
            "no_account", f"account is {shown(draft.row.values.get('account'))}, no mail address."
        )
    received = _received(draft)
    body = draft.text("body")
    sender = draft.text("from_addr", 320).strip().lower()
    if sender != (draft.row.values.get("from_addr") or ""):
        draft.keep("from_addr")
    classification = _classification(draft)
    draft.values |= {
        "account_id": None,
        "mail_id": None,
        "state": Message.State.DONE.value,
        "outgoing": classification == Classification.OWN,
        "subject": draft.text("subject", 1000),
        "sender": sender,
        "sender_name": draft.text("from_name", 200),
        "to": _recipients(draft),
        "snippet": draft.text("snippet", 300) or " ".join(body[:2000].split())[:200],
        "has_attachments": _flag(draft, "has_attachments"),
        "sent_at": received,
        "received_at": received,
        "stored_at": draft.moment("created_at") or received,
    }
    for column in ("thread_id", "attachments", "status"):
        if draft.row.values.get(column) is not None:
            draft.keep(column)
    draft.children |= {"account": account, "text": body, "mail": _mail(draft, classification)}
    return None


def _flag(draft: Draft, column: str) -> bool:
    if draft.row.values.get(column) not in (None, 0, 1):
        draft.keep(column)
    return bool(draft.whole(column))


def _mail(draft: Draft, classification: Classification) -> dict[str, Any]:
    """What was decided over there, in the columns of the mail."""
    new = draft.text("status").strip().lower() == "new"
    priority = PRIORITIES.get(draft.text("priority").strip().lower())
    if priority is None:
        priority = "medium"
        draft.keep("priority", "read as medium")
    tier = draft.whole("partner_tier") or 0
    return {
        "message_id": bare(draft.text("message_id")),
        "classification": classification.value,
        "priority": priority,
        "new": new,
        "partner_tier": tier if 0 <= tier < 100 else 0,
        "task_id": draft.whole("mc_task_id"),
        "answered_at": draft.moment("answered_at"),
        "reactor_pushed_at": draft.moment("reactor_pushed_at"),
    }


def _received(draft: Draft) -> datetime:
    at = draft.moment("received_at") or draft.moment("created_at")
    if at is None:
        draft.keep("received_at", "unknown: the time of the import stands in its place")
    return at or draft.now


def _classification(draft: Draft) -> Classification:
    written = draft.text("classification").strip().upper()
    if written in Classification:
        return Classification(written)
    draft.keep("classification", "read as INFO")
    return Classification.INFO


def _recipients(draft: Draft) -> list[str]:
    """One or several addresses, between commas, perhaps as a JSON list."""
    written = draft.text("to_addr")
    try:
        loaded = json.loads(written) if written.lstrip().startswith("[") else written
    except (ValueError, RecursionError):
        loaded = written
    texts = [str(one) for one in loaded] if isinstance(loaded, list) else [str(loaded)]
    people = [(name, address) for name, address in getaddresses(texts) if address]
    if written and not people:
        draft.keep("to_addr", "no addresses")
    return [f"{name} <{address}>" if name else address for name, address in people[:50]]


ACCOUNTS = TableMapping(
    table="email_accounts",
    model=Account,
    required=frozenset({"id", "address"}),
    known=frozenset({"id", "address", "host", "port", "last_checked", "enabled"}),
    key=("id",),
    columns=("id", "address", "host", "port", "enabled", "cutover_at", "legacy"),
    convert=to_account,
    identity=("address",),
    review=adopt_accounts,
    checks=(
        Check("address", "address"),
        Check("host", "host"),
        Check("port", "port", "number", defaulted=True),
        Check("last_checked", "cutover_at", "moment", defaulted=True),
    ),
)
EMAILS = TableMapping(
    table=EMAILS_TABLE,
    model=Message,
    required=frozenset({"id", "account", "message_id"}),
    known=frozenset(
        {
            *(
                "id",
                "account",
                "message_id",
                "thread_id",
                "from_addr",
                "from_name",
                "to_addr",
                "subject",
                "body",
            ),
            *(
                "snippet",
                "classification",
                "priority",
                "status",
                "has_attachments",
                "attachments",
                "received_at",
            ),
            *("created_at", "answered_at", "mc_task_id", "partner_tier", "reactor_pushed_at"),
        }
    ),
    key=("id",),
    columns=(
        *(
            "id",
            "account_id",
            "mail_id",
            "state",
            "outgoing",
            "subject",
            "sender",
            "sender_name",
            "to",
            "snippet",
        ),
        *("has_attachments", "sent_at", "received_at", "stored_at", "legacy"),
    ),
    convert=to_message,
    identity=("sender", "subject", "received_at"),
    review=find_places,
    merge=keep_mail,
    wrote=write_beside_messages,
    checks=(
        Check("subject", "subject"),
        Check("from_addr", "sender"),
        Check("from_name", "sender_name"),
        Check("received_at", "received_at", "moment", defaulted=True),
        Check("created_at", "stored_at", "moment", defaulted=True),
        Check("has_attachments", "has_attachments", "number", defaulted=True),
        Check("thread_id", "legacy.thread_id"),
        Check("status", "legacy.status"),
    ),
)
EMAIL_INBOX = DatabaseMapping(NAME, (ACCOUNTS, EMAILS))
