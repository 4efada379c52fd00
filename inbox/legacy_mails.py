"""The mails behind imported messages: which is whose, their decisions, texts, threads, and whom we wrote to."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from email.utils import getaddresses
from typing import Any

from alai.kernel import context
from alai.kernel.importing import Candidate, store
from inbox.digest import IMPORTED_NEW
from inbox.models import Account, Content, Decision, Mail, Message, Sender
from inbox.triage.verdicts import Action, Verdict
from missioncontrol.models import Task

NAME = "email-inbox"
EMAILS_TABLE = "emails"
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
    fresh = [one for one in candidates if not one.is_update]
    _find_mails(fresh)
    for one in fresh:
        if not one.draft.children.get("new_mail"):
            _keep_its_own(one)


def _keep_its_own(one: Candidate) -> None:
    """What this account's copy says of a mail that is here already counts where nothing is known yet; it is kept."""
    for column in ("mc_task_id", "answered_at", "reactor_pushed_at", "partner_tier"):
        if one.row.values.get(column) not in (None, "", 0):
            one.draft.keep(column)


def keep_mail(values: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
    return {**values, "mail_id": current["mail_id"], "account_id": current["account_id"]}


def write_beside_messages(candidates: Sequence[Candidate]) -> None:
    """Mails, decisions, texts, threads, and whom we wrote to."""
    created = [one for one in candidates if not one.is_update]
    fresh = [one for one in created if one.draft.children.get("new_mail")]
    _write_mails(fresh)
    _write_texts(created)
    _meet([one for one in created if one.draft.values["outgoing"]])
    _catch_up([one for one in candidates if one.is_update or not one.draft.children.get("new_mail")])
    _rewrite([one for one in candidates if one.is_update])


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


def _rewrite(updated: Sequence[Candidate]) -> None:
    """Texts and Message-IDs that the old system corrected since."""
    store.run_many(
        f"UPDATE {CONTENTS} SET text = %s WHERE message_id = %s AND data = '' AND text <> %s",
        [[text := one.draft.children["text"], one.target_id, text] for one in updated],
    )
    store.run_many(
        f"UPDATE {MAILS} SET message_id = %s WHERE id = %s AND decided_by = '{STAGE}' AND message_id <> %s",
        [
            [name := one.draft.children["mail"]["message_id"], one.draft.values["mail_id"], name]
            for one in updated
        ],
    )


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
                fresh["classification"], fresh["priority"], fresh["reasons"], mail["reactor_pushed_at"],
                mail["partner_tier"], one.draft.values["mail_id"],
            ]
        )  # fmt: skip
    store.run_many(
        f"""UPDATE {MAILS} m SET answered_at = coalesce(m.answered_at, %s),
                answered_by = CASE WHEN m.answered_at IS NULL AND %s::timestamptz IS NOT NULL
                                   THEN %s ELSE m.answered_by END,
                task_id = coalesce(m.task_id, %s), verdict = %s, classification = %s, priority = %s, reasons = %s,
                reactor_pushed_at = coalesce(m.reactor_pushed_at, %s), partner_tier = greatest(m.partner_tier, %s)
            WHERE m.id = %s AND m.decided_by = '{STAGE}'""",
        rows,
    )
