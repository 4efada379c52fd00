"""How the old email-inbox.db becomes accounts, messages and the mails that they are.

Nothing of it is tasked or pushed again: each mail's decision is `imported`. What the old system left as new without a
task is marked, and the digest lists it once.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from email.utils import getaddresses
from typing import Any

from alai.kernel import context
from alai.kernel.importing import Candidate, Check, DatabaseMapping, Draft, Rejection, TableMapping, store
from alai.kernel.importing.raw import shown
from inbox.digest import IMPORTED_NEW
from inbox.models import Account, Content, Decision, Mail, Message, Sender
from inbox.services.parsing import bare
from inbox.triage.verdicts import Action, Classification, Verdict
from missioncontrol.models import Task

NAME = "email-inbox"
EMAILS_TABLE = "emails"
ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,253}")
PRIORITIES = {"high": "high", "normal": "medium", "medium": "medium", "low": "low", "critical": "critical"}
MAIL_COLUMNS = (
    *("id", "identity", "message_id", "in_reply_to", "references", "thread_id", "outgoing", "received_at"),
    *("verdict", "action", "classification", "priority", "reasons", "score", "decided_by", "decided_at"),
    *(
        "partner_tier",
        "partner_name",
        "task_id",
        "answered_at",
        "answered_by",
        "reactor_pushed_at",
        "llm_attempts",
    ),
)
DECISION_COLUMNS = (
    *(
        "mail_id",
        "number",
        "message_id",
        "verdict",
        "action",
        "classification",
        "priority",
        "reasons",
        "score",
    ),
    *("stage", "task_id", "detail", "by"),
)
STAGE = "import"
MAILS, CONTENTS = Mail._meta.db_table, Content._meta.db_table
MESSAGES, SENDERS = Message._meta.db_table, Sender._meta.db_table
ACCOUNTS_TABLE, DECISIONS = Account._meta.db_table, Decision._meta.db_table


# --- Accounts ---------------------------------------------------------------------------------------


def to_account(draft: Draft) -> Rejection | None:
    """Mail older than the old system's last look was in its hands: that is the account's cut-over."""
    address = draft.text("address", 254).strip().lower()
    if not ADDRESS.fullmatch(address):
        return Rejection(
            "no_address", f"address is {shown(draft.row.values.get('address'))}, no mail address."
        )
    port = draft.whole("port")
    if port is None or not 1 <= port <= 65535:
        port = 993
        if draft.row.values.get("port") is not None:
            draft.keep("port", "no port: 993 stands in its place")
    draft.values |= {
        "address": address,
        "host": draft.text("host", 253).strip(),
        "port": port,
        "enabled": draft.whole("enabled") != 0,
        "cutover_at": draft.moment("last_checked") or draft.now,
    }
    return None


def adopt_accounts(candidates: Sequence[Candidate]) -> None:
    """An account of that address may be here already: it stays as it is, but for its cut-over."""
    wanted = {one.draft.values["address"]: one for one in candidates if not one.is_update}
    here = store.run(f"SELECT id, address FROM {ACCOUNTS_TABLE} WHERE address = ANY(%s)", [sorted(wanted)])
    for number, address in here:
        one = wanted[address]
        one.target_id, one.passes = number, True
        store.run(
            f"UPDATE {ACCOUNTS_TABLE} SET cutover_at = %s WHERE id = %s AND cutover_at IS NULL",
            [one.draft.values["cutover_at"], number],
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
        "has_attachments": bool(draft.whole("has_attachments")),
        "sent_at": received,
        "received_at": received,
        "stored_at": draft.moment("created_at") or received,
    }
    for column in ("thread_id", "attachments", "status"):
        if draft.row.values.get(column) is not None:
            draft.keep(column)
    draft.children |= {"account": account, "text": body, "mail": _mail(draft, classification)}
    return None


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


def find_places(candidates: Sequence[Candidate]) -> None:
    """Give each message its account and its mail, and find the tasks that are here."""
    accounts = _accounts({one.draft.children["account"] for one in candidates})
    tasks = _tasks(candidates)
    for one in candidates:
        one.draft.values["account_id"] = accounts[one.draft.children["account"]]
        _note_task(one, tasks)
    _pass_unresolved(candidates)
    for one in candidates:
        if one.current is not None:
            one.draft.values["mail_id"] = one.current["mail_id"]
    _find_mails([one for one in candidates if not one.is_update])


def write_beside_messages(candidates: Sequence[Candidate]) -> None:
    """Mails, decisions, texts, threads, and whom we wrote to."""
    created = [one for one in candidates if not one.is_update]
    fresh = [one for one in created if one.draft.children.get("new_mail")]
    _write_mails(fresh)
    _write_texts(created)
    _meet([one for one in created if one.draft.values["outgoing"]])
    _catch_up([one for one in candidates if one.is_update or not one.draft.children.get("new_mail")])


def keep_mail(values: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
    return {**values, "mail_id": current["mail_id"], "account_id": current["account_id"]}


def _accounts(addresses: set[str]) -> dict[str, int]:
    """Address -> id; an account that no row of email_accounts names becomes a feed."""
    select = f"SELECT address, id FROM {ACCOUNTS_TABLE} WHERE address = ANY(%s)"
    known = dict(store.run(select, [sorted(addresses)]))
    for address in sorted(addresses - known.keys()):
        insert = f"INSERT INTO {ACCOUNTS_TABLE} (address, kind, host, port, enabled) VALUES (%s, 'feed', '', 993, true)"
        [(known[address],)] = store.run(f"{insert} RETURNING id", [address])
    return known


def _tasks(candidates: Sequence[Candidate]) -> set[int]:
    wanted = {one.draft.children["mail"]["task_id"] for one in candidates} - {None}
    return store.taken(Task._meta.db_table, sorted(wanted))


def _note_task(one: Candidate, tasks: set[int]) -> None:
    """A task that is not here may come with another file: the link is made by a later run."""
    mail = one.draft.children["mail"]
    if mail["task_id"] is not None and mail["task_id"] not in tasks:
        one.draft.keep("mc_task_id", f"there is no task {mail['task_id']} here")
        one.draft.unresolved = True
        mail["task_id"], mail["had_task"] = None, True


def _pass_unresolved(candidates: Sequence[Candidate]) -> None:
    """What only waits for its task, and still does, is unchanged."""
    waiting = [one for one in candidates if one.is_update and one.draft.unresolved]
    known = store.remembered(NAME, EMAILS_TABLE, [one.row.key for one in waiting])
    for one in waiting:
        one.passes = known[one.row.key].source_hash == one.row.hash


def _find_mails(created: Sequence[Candidate]) -> None:
    """The same mail of another account when it looks the same, else a mail of its own.

    A Message-ID may be used again: sender and subject must agree, and an account holds a mail once.
    """
    identities = {_identity(one): one for one in created}
    here = store.run(f"SELECT identity, id FROM {MAILS} WHERE identity = ANY(%s)", [sorted(identities)])
    known: dict[str, int] = dict(here)
    held = set(
        store.run(
            f"SELECT mail_id, account_id FROM {MESSAGES} WHERE mail_id = ANY(%s)", [list(known.values())]
        )
    )
    numbers = iter(store.fresh_ids(MAILS, len(created)))
    for one in created:
        identity, account = _identity(one), one.draft.values["account_id"]
        if identity in known and (known[identity], account) in held:
            identity = _digest(f"{NAME} {one.row.key}")
        if identity not in known:
            known[identity] = next(numbers)
            one.draft.children |= {"new_mail": True, "identity": identity}
        one.draft.values["mail_id"] = known[identity]
        held.add((known[identity], account))


def _identity(one: Candidate) -> str:
    message_id = one.draft.children["mail"]["message_id"]
    if not message_id:
        return _digest(f"{NAME} {one.row.key}")
    return _digest(
        "\0".join(("imported", message_id, one.draft.values["sender"], one.draft.values["subject"]))
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _write_mails(fresh: Sequence[Candidate]) -> None:
    threads = _threads(fresh)
    rows = [_mail_row(one, threads) for one in fresh]
    store.copy(MAILS, MAIL_COLUMNS, ([row[name] for name in MAIL_COLUMNS] for row in rows))
    by = context.current().actor
    store.copy(
        DECISIONS,
        DECISION_COLUMNS,
        (
            (
                *(row["id"], 1, one.target_id, row["verdict"], row["action"], row["classification"]),
                *(row["priority"], row["reasons"], 0.0, STAGE, row["task_id"], "", by),
            )
            for one, row in zip(fresh, rows, strict=True)
        ),
    )


def _mail_row(one: Candidate, threads: dict[str, int]) -> dict[str, Any]:
    mail, values = one.draft.children["mail"], one.draft.values
    thread = str(one.row.values.get("thread_id") or "")
    return {
        "id": values["mail_id"],
        "identity": one.draft.children["identity"],
        "message_id": mail["message_id"],
        "in_reply_to": "",
        "references": [],
        "thread_id": threads.get(thread, values["mail_id"]),
        "outgoing": values["outgoing"],
        "received_at": values["received_at"],
        "verdict": _verdict(mail).value,
        "action": Action.IMPORTED.value,
        "classification": mail["classification"],
        "priority": mail["priority"],
        "reasons": _reasons(mail),
        "score": 0.0,
        "decided_by": STAGE,
        "decided_at": one.draft.now,
        "partner_tier": mail["partner_tier"],
        "partner_name": values["sender_name"] if mail["partner_tier"] else "",
        "task_id": mail["task_id"],
        "answered_at": mail["answered_at"],
        "answered_by": STAGE if mail["answered_at"] else "",
        "reactor_pushed_at": mail["reactor_pushed_at"],
        "llm_attempts": 0,
    }


def _verdict(mail: dict[str, Any]) -> Verdict:
    return Verdict.TASK if mail["task_id"] or mail.get("had_task") else Verdict.QUEUE


def _reasons(mail: dict[str, Any]) -> list[str]:
    waits = mail["new"] and not mail["task_id"] and not mail.get("had_task")
    return [IMPORTED_NEW] if waits else []


def _threads(fresh: Sequence[Candidate]) -> dict[str, int]:
    """Old thread -> the mail that stands for it here: one of an earlier batch, else the first of this one."""
    names = {str(one.row.values["thread_id"]) for one in fresh if one.row.values.get("thread_id")}
    known = store.run(
        f"SELECT m.legacy ->> 'thread_id', min(mail.thread_id) FROM {MESSAGES} m JOIN {MAILS} mail "
        "ON mail.id = m.mail_id WHERE m.legacy ->> 'thread_id' = ANY(%s) GROUP BY 1",
        [sorted(names)],
    )
    threads: dict[str, int] = {name: number for name, number in known if number is not None}
    for one in fresh:
        threads.setdefault(str(one.row.values.get("thread_id") or ""), one.draft.values["mail_id"])
    threads.pop("", None)
    return threads


def _write_texts(created: Sequence[Candidate]) -> None:
    rows = ((one.target_id, b"", 0, one.draft.children["text"]) for one in created)
    store.copy(CONTENTS, ("message_id", "data", "cut_bytes", "text"), rows)


def _meet(sent: Sequence[Candidate]) -> None:
    """Whom we wrote to is known."""
    counts: Counter[str] = Counter()
    last: dict[str, datetime] = {}
    for one in sent:
        for _, address in getaddresses(one.draft.values["to"]):
            name, at = address.strip().lower()[:320], one.draft.values["received_at"]
            if name:
                counts[name] += 1
                last[name] = max(at, last.get(name, at))
    people = sorted(counts)
    store.run(
        f"INSERT INTO {SENDERS} (address, sent_count, last_sent_at, paperless_name, blocked_by, released_by) "
        "SELECT a, n, at, '', '', '' FROM unnest(%s::text[], %s::int[], %s::timestamptz[]) AS t (a, n, at) "
        f"ON CONFLICT (address) DO UPDATE SET sent_count = {SENDERS}.sent_count + EXCLUDED.sent_count, "
        f"last_sent_at = greatest({SENDERS}.last_sent_at, EXCLUDED.last_sent_at)",
        [people, [counts[name] for name in people], [last[name] for name in people]],
    )


def _catch_up(candidates: Sequence[Candidate]) -> None:
    """A mail that is here already learns what the old system did since: answers, tasks, that it was dealt with.

    What was answered, tasked or decided here stays.
    """
    rows = []
    for one in candidates:
        mail = one.draft.children["mail"]
        fresh = {
            "reasons": _reasons(mail),
            "classification": mail["classification"],
            "priority": mail["priority"],
        }
        rows.append(
            [
                mail["answered_at"], mail["answered_at"], STAGE, mail["task_id"], _verdict(mail).value,
                fresh["classification"], fresh["priority"], fresh["reasons"], one.draft.values["mail_id"],
            ]
        )  # fmt: skip
    store.run_many(
        f"""UPDATE {MAILS} m SET answered_at = coalesce(m.answered_at, %s),
                answered_by = CASE WHEN m.answered_at IS NULL AND %s::timestamptz IS NOT NULL
                                   THEN %s ELSE m.answered_by END,
                task_id = coalesce(m.task_id, %s), verdict = %s, classification = %s, priority = %s, reasons = %s
            WHERE m.id = %s AND m.decided_by = '{STAGE}'""",
        rows,
    )


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
        Check("port", "port", "number"),
        Check("last_checked", "cutover_at", "moment"),
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
        Check("received_at", "received_at", "moment"),
        Check("created_at", "stored_at", "moment"),
        Check("has_attachments", "has_attachments", "number"),
        Check("thread_id", "legacy.thread_id"),
        Check("status", "legacy.status"),
    ),
)
EMAIL_INBOX = DatabaseMapping(NAME, (ACCOUNTS, EMAILS))
