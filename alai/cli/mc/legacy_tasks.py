"""The tasks of the legacy file in the API's shapes: reading, adding, changing, finishing."""

from __future__ import annotations

import json

from alai.cli.errors import Refused, Usage
from alai.cli.mc import legacy_file as file
from alai.cli.mc.legacy_file import CLOSED, ENDED, LIVE, NOW, OWN, moment
from alai.cli.values import moment as moment_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection, Row

    from alai.cli.mc.ledger import Json

RANKS = {"low": 0, "medium": 1, "high": 2, "critical": 3}
RANK = (
    "CASE priority " + " ".join(f"WHEN '{name}' THEN {rank}" for name, rank in RANKS.items()) + " ELSE 1 END"
)
STATUSES = ("open", "in_progress", "paused", "blocked", "ready", "done", "cancelled")
TIMES = ("created_at", "updated_at", "completed_at", "due_at")
PLAIN = ("title", "description", "priority", "owner", "team", "parent_id", "source", "cost_usd")
SELECT = f"""
    SELECT id, title, description, status, priority, owner, team, parent_id, tags, source, dod_evidence, cost_usd,
           {", ".join(f"{moment(column)} AS {column}" for column in TIMES)},
           lease_holder, coalesce(lease_session, '') AS lease_session, {moment("lease_until")} AS lease_until,
           {LIVE} AS live
    FROM tasks
"""
# Who claimed must still hold; on a task that somebody holds only the holder may write.
MAY_WRITE = f"(CASE WHEN {LIVE} THEN {OWN} ELSE NOT :claimed END)"
MOVE = f"""
    UPDATE tasks SET status = :status, owner = :owner, updated_at = {NOW},
           completed_at = CASE WHEN :status NOT IN {CLOSED} THEN NULL
                               WHEN status IN {CLOSED} THEN completed_at ELSE {NOW} END
    WHERE id = :id AND {MAY_WRITE}
"""
FINISH = f"""
    UPDATE tasks SET status = :verb, dod_evidence = :evidence, updated_at = {NOW}, {ENDED},
           completed_at = CASE :verb WHEN 'done' THEN {NOW} END
    WHERE id = :id AND status NOT IN {CLOSED} AND {MAY_WRITE}
"""
NO_REQUIREMENTS = "The legacy file does not know what a task requires"
NO_EVIDENCE = "at least one piece of evidence: upload a file, register one, or name a reference"
STALE = (
    "The fencing token for task {id} is not current: its lease has ended or passed on. "
    "Stop, and claim the task again before you write."
)


def one(connection: Connection, task: int) -> Json:
    row = connection.execute(f"{SELECT} WHERE id = ?", (task,)).fetchone()
    if row is None:
        raise Refused(f"There is no task {task}.", "task_not_found")
    return _shape(connection, row)


def page(connection: Connection, filters: Json) -> Json:
    """`{"items", "next_cursor"}`, newest first; the cursor is the last id."""
    limit = int(filters.get("limit", 50))
    where, values = conditions(filters)
    if "cursor" in filters:
        where.append("id < :cursor")
        values["cursor"] = _cursor(filters)
    clause = f"WHERE {' AND '.join(where)}" if where else ""
    rows = connection.execute(f"{SELECT} {clause} ORDER BY id DESC LIMIT {limit + 1}", values).fetchall()
    items = [_shape(connection, row) for row in rows[:limit]]
    return {"items": items, "next_cursor": str(items[-1]["id"]) if len(rows) > limit else None}


def conditions(filters: Json, *, at_least: bool = False) -> tuple[list[str], Json]:
    """SQL and values of a list's filters; `at_least` reads the priority as a floor."""
    where: list[str] = []
    values: Json = {}
    for name in ("status", "priority", "team", "owner", "source"):
        wanted = filters.get(name, [])
        if name == "priority" and at_least:
            if wanted:
                where.append(f"{RANK} >= {RANKS[wanted]}")
        elif wanted:
            values |= {f"{name}{number}": value for number, value in enumerate(wanted)}
            where.append(f"{name} IN ({', '.join(f':{name}{number}' for number in range(len(wanted)))})")
    for number, tag in enumerate(filters.get("tags") or filters.get("tag") or []):
        values[f"tag{number}"] = tag
        where.append(
            f"CASE WHEN json_valid(tags) THEN :tag{number} IN (SELECT value FROM json_each(tags)) END"
        )
    if "claimed" in filters:
        where.append(LIVE if filters["claimed"] else f"NOT {LIVE}")
    if filters.get("overdue"):
        where.append(f"julianday(due_at) < julianday('now') AND status NOT IN {CLOSED}")
    if "parent_id" in filters:
        where.append("parent_id = :parent_id")
        values["parent_id"] = int(filters["parent_id"])
    if filters.get("q"):
        where.append("instr(lower(title || ' ' || coalesce(description, '')), lower(:q))")
        values["q"] = filters["q"]
    if filters.get("updated_since"):
        where.append("julianday(updated_at) >= julianday(:since)")
        values["since"] = _written("--since", filters["updated_since"])
    return where, values


def add(connection: Connection, actor: str, fields: Json) -> Json:
    if "dedup_key" in fields:
        raise Usage("The legacy file keeps no dedup keys: leave --dedup-key out.")
    defaults: Json = {"status": "open", "priority": "medium", "description": "", "source": "manual"}
    columns = _columns({**defaults, **fields})
    _check_exist(connection, [columns.get("parent_id"), *fields.get("depends_on", [])])
    names = ", ".join(columns)
    marks = ", ".join(f":{name}" for name in columns)
    sql = f"INSERT INTO tasks ({names}, created_at, updated_at) VALUES ({marks}, {NOW}, {NOW})"
    task = int(connection.execute(sql, columns).lastrowid or 0)
    _depend(connection, task, fields.get("depends_on", []))
    file.note(connection, task, actor, "created", fields["title"])
    return {**one(connection, task), "deduplicated": False}


def update(connection: Connection, who: Json, changes: Json) -> Json:
    task, reason = who["id"], changes.pop("reason", "")
    row = file.standing(connection, task)
    if who["claimed"] and not (row["live"] and _owns(row, who)):
        raise _stale(row)
    if "status" in changes or "owner" in changes:
        _move(connection, who, row, changes)
    columns = _columns({name: value for name, value in changes.items() if name not in ("status", "owner")})
    if columns:
        _check_exist(connection, [columns.get("parent_id")])
        assignments = ", ".join(f"{name} = :{name}" for name in columns)
        connection.execute(
            f"UPDATE tasks SET {assignments}, updated_at = {NOW} WHERE id = :id", {**columns, "id": task}
        )
    if "depends_on" in changes:
        if task in changes["depends_on"]:
            raise Refused(f"depends_on: task {task} would wait for itself")
        _check_exist(connection, changes["depends_on"])
        connection.execute("DELETE FROM task_deps WHERE task_id = ?", (task,))
        _depend(connection, task, changes["depends_on"])
    file.note(
        connection,
        task,
        who["actor"],
        "edited",
        json.dumps({**changes, **({"why": reason} if reason else {})}),
    )
    return one(connection, task)


def finish(connection: Connection, who: Json, verb: str, references: list[str], reason: str) -> Json:
    """Ready or done with the evidence added; the lease ends. Finishing twice changes nothing."""
    row = file.standing(connection, who["id"])
    if row["status"] == verb and not who["claimed"]:
        return one(connection, who["id"])
    evidence = list(dict.fromkeys([*_references(row["dod_evidence"]), *references]))
    values = {**who, "verb": verb, "evidence": evidence[0] if len(evidence) == 1 else json.dumps(evidence)}
    if not file.changed(connection, FINISH, values):
        raise _why_not(row, who)
    if not evidence:
        raise Refused(f"Task {who['id']} cannot be {verb} yet: {NO_EVIDENCE}.", "evidence_required")
    file.note(connection, who["id"], who["actor"], verb, reason or "evidence attached")
    return one(connection, who["id"])


def comment(connection: Connection, actor: str, task: int, text: str) -> Json:
    file.standing(connection, task)
    sql = f"INSERT INTO task_comments (task_id, author, body, created_at) VALUES (?, ?, ?, {NOW})"
    number = connection.execute(sql, (task, actor, text)).lastrowid
    file.note(connection, task, actor, "commented", text[:200])
    sql = f"SELECT id, task_id, author, body, {moment('created_at')} AS created_at FROM task_comments WHERE id = ?"
    return dict(connection.execute(sql, (number,)).fetchone())


def comments(connection: Connection, task: int, page: Json) -> Json:
    columns = f"id, task_id, author, body, {moment('created_at')} AS created_at"
    return _children(connection, "task_comments", columns, task, page)


def events(connection: Connection, task: int, page: Json) -> Json:
    columns = f"id, task_id, action AS kind, actor, {moment('at')} AS at, detail"
    found = _children(connection, "task_history", columns, task, page)
    for event in found["items"]:
        detail = event.pop("detail")
        event |= {
            "data": {"detail": detail} if detail else {},
            "on_behalf_of": None,
            "why": None,
            "request_id": None,
        }
    return found


def statistics(connection: Connection) -> Json:
    def count(condition: str) -> int:
        return int(connection.execute(f"SELECT count(*) FROM tasks WHERE {condition}").fetchone()[0])

    def by(column: str) -> Json:
        sql = f"SELECT coalesce({column}, ''), count(*) FROM tasks GROUP BY 1 ORDER BY 1"
        return dict(map(tuple, connection.execute(sql).fetchall()))

    oldest = f"SELECT {moment('created_at')} FROM tasks WHERE status = 'open' ORDER BY julianday(created_at) LIMIT 1"
    first = connection.execute(oldest).fetchone()
    return {
        "total": count("1"),
        "by_status": {**dict.fromkeys(STATUSES, 0), **by("status")},
        "by_team": by("team"),
        "claimed": count(LIVE),
        "overdue": count(f"julianday(due_at) < julianday('now') AND status NOT IN {CLOSED}"),
        "created_24h": count("julianday(created_at) > julianday('now', '-1 day')"),
        "done_24h": count("status = 'done' AND julianday(completed_at) > julianday('now', '-1 day')"),
        "oldest_open_at": first[0] if first else None,
    }


def _move(connection: Connection, who: Json, row: Row, changes: Json) -> None:
    """Status and owner, in the one statement that also rules on the lease."""
    target = changes.get("status", row["status"])
    if target in ("ready", "done") and target != row["status"] and not _references(row["dod_evidence"]):
        raise Refused(f"Task {who['id']} cannot be {target} yet: {NO_EVIDENCE}.", "evidence_required")
    owner = connection.execute("SELECT owner FROM tasks WHERE id = :id", who).fetchone()[0]
    values = {**who, "status": target, "owner": changes.get("owner", owner)}
    if not file.changed(connection, MOVE, values):
        raise _why_not(row, who)
    if target in ("ready", "done", "cancelled"):
        connection.execute(f"UPDATE tasks SET {ENDED} WHERE id = :id", who)


def _why_not(row: Row, who: Json) -> Refused:
    if who["claimed"] and not (row["live"] and _owns(row, who)):
        return _stale(row)
    return file.held(row) if row["live"] and not _owns(row, who) else file.closed(row)


def _stale(row: Row) -> Refused:
    return Refused(STALE.format(id=row["id"]), "stale_fence")


def _owns(row: Row, who: Json) -> bool:
    return file.holder(row) == f"{who['actor']}:{who['session']}"


def _columns(fields: Json) -> Json:
    if "requires" in fields:
        raise Usage(f"{NO_REQUIREMENTS}: leave --requires out.")
    columns = {name: fields[name] for name in (*PLAIN, "status") if name in fields}
    if "tags" in fields:
        columns["tags"] = json.dumps(fields["tags"], ensure_ascii=False)
    if fields.get("due_at"):
        columns["due_at"] = _written("--due", fields["due_at"])
    elif "due_at" in fields:
        columns["due_at"] = None
    if columns.get("cost_usd"):
        columns["cost_usd"] = float(columns["cost_usd"])
    return columns


def _check_exist(connection: Connection, numbers: list[int | None]) -> None:
    for number in numbers:
        found = number is None or connection.execute("SELECT 1 FROM tasks WHERE id = ?", (number,)).fetchone()
        if not found:
            raise Refused(f"There is no task {number}.", "task_not_found")


def _depend(connection: Connection, task: int, others: list[int]) -> None:
    pairs = [(task, other) for other in dict.fromkeys(others)]
    connection.executemany("INSERT INTO task_deps (task_id, depends_on) VALUES (?, ?)", pairs)


def _children(connection: Connection, table: str, columns: str, task: int, page: Json) -> Json:
    file.standing(connection, task)
    limit = int(page.get("limit", 50))
    after = _cursor(page) if "cursor" in page else 0
    sql = f"SELECT {columns} FROM {table} WHERE task_id = ? AND id > ? ORDER BY id LIMIT ?"
    rows = [dict(row) for row in connection.execute(sql, (task, after, limit + 1)).fetchall()]
    return {"items": rows[:limit], "next_cursor": str(rows[limit - 1]["id"]) if len(rows) > limit else None}


def _cursor(page: Json) -> int:
    if not (page["cursor"].isascii() and page["cursor"].isdigit() and len(page["cursor"]) <= 18):
        raise Usage("--cursor is what the last list ended with.")
    return int(page["cursor"])


def _shape(connection: Connection, row: Row) -> Json:
    sql = "SELECT d.depends_on, b.status FROM task_deps d LEFT JOIN tasks b ON b.id = d.depends_on WHERE d.task_id = ?"
    waits = connection.execute(f"{sql} ORDER BY d.depends_on", (row["id"],)).fetchall()
    names = ("id", "title", "status", "priority", "owner", "team", "parent_id", "source", "cost_usd", *TIMES)
    held = {
        "holder": file.holder(row),
        "actor": row["lease_holder"],
        "session": row["lease_session"],
        "until": row["lease_until"],
        "fencing_token": None,
    }
    return {
        **{name: row[name] for name in names},
        "description": row["description"] or "",
        "tags": _list(row["tags"]),
        "requires": [],
        "depends_on": [wait["depends_on"] for wait in waits],
        "blocked_by": [wait["depends_on"] for wait in waits if wait["status"] != "done"],
        "evidence": [
            {"id": None, "name": name, "kind": "reference", "sha256": None, "size": None, "verified": False}
            for name in _references(row["dod_evidence"])
        ],
        "lease": held if row["live"] else None,
        "legacy": {},
    }


def _list(text: str | None) -> list[str]:
    try:
        value = json.loads(text or "[]")
    except ValueError:
        value = [word.strip() for word in (text or "").split(",")]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _references(text: str | None) -> list[str]:
    """Words, or a JSON list of them."""
    written = (text or "").strip()
    if written.startswith("["):
        return _list(written)
    return [written] if written else []


def _written(name: str, text: str) -> str:
    """A time as the file writes it."""
    return moment_of(name, text, ahead=True).strftime("%Y-%m-%dT%H:%M:%S.000Z")
