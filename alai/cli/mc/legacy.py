"""The ledger in the legacy SQLite file, while there is no server: the same rules, each one UPDATE ... WHERE."""

from __future__ import annotations

import os

from alai.cli.errors import Refused, Usage
from alai.cli.mc import legacy_file as file
from alai.cli.mc import legacy_tasks as tasks
from alai.cli.mc.ledger import Ledger
from alai.cli.mc.legacy_file import CLOSED, ENDED, LIVE, NOW, OWN, File

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection, Row

    from alai.cli.config import Settings
    from alai.cli.mc.ledger import Json

UNTIL = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', :ttl)"
GRANT = f"""
    UPDATE tasks SET lease_holder = :actor, lease_session = :session, lease_until = {UNTIL}, updated_at = {NOW},
           status = CASE status WHEN 'open' THEN 'in_progress' ELSE status END
    WHERE id = :id AND status NOT IN {CLOSED} AND (NOT {LIVE} OR {OWN} OR NOT :enforced)
"""
EXTEND = f"UPDATE tasks SET lease_until = {UNTIL} WHERE id = :id AND {LIVE} AND {OWN}"
GIVE_BACK = f"""
    UPDATE tasks SET {ENDED}, updated_at = {NOW},
           status = CASE status WHEN 'in_progress' THEN 'open' ELSE status END
    WHERE id = :id AND coalesce(lease_holder, '') <> '' AND ({OWN} OR :force)
"""
EXPIRED = f"coalesce(lease_holder, '') <> '' AND NOT {LIVE}"
SWEEP = f"""
    UPDATE tasks SET {ENDED}, updated_at = {NOW},
           status = CASE status WHEN 'in_progress' THEN 'open' ELSE status END
    WHERE id = :id AND {EXPIRED}
"""
NEXT = f"""
    SELECT id FROM tasks t WHERE status IN ('open', 'in_progress') AND NOT {LIVE}
      AND NOT EXISTS (SELECT 1 FROM task_deps d JOIN tasks b ON b.id = d.depends_on
                      WHERE d.task_id = t.id AND b.status <> 'done') {{filters}}
    ORDER BY {tasks.RANK} DESC, julianday(due_at) IS NULL, julianday(due_at), julianday(created_at), id LIMIT 1
"""


class Legacy(Ledger):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._file = File(settings.database, settings.timeout, read_only=settings.read_only)

    def limit(self, seconds: float) -> None:
        super().limit(seconds)
        self._file.timeout = seconds

    def list_tasks(self, filters: Json) -> Json:
        with self._file.read() as connection:
            return tasks.page(connection, filters)

    def task(self, task: int) -> Json:
        with self._file.read() as connection:
            return tasks.one(connection, task)

    def stats(self) -> Json:
        with self._file.read() as connection:
            return tasks.statistics(connection)

    def comments(self, task: int, page: Json) -> Json:
        with self._file.read() as connection:
            return tasks.comments(connection, task, page)

    def events(self, task: int, page: Json) -> Json:
        with self._file.read() as connection:
            return tasks.events(connection, task, page)

    def add(self, fields: Json, *, key: str = "") -> Json:
        _without(key)
        with self._file.write() as connection:
            return tasks.add(connection, self._name(), fields)

    def comment(self, task: int, text: str, *, key: str = "") -> Json:
        _without(key)
        with self._file.write() as connection:
            return tasks.comment(connection, self._name(), task, text)

    def attach(self, task: int, path: str, kind: str, *, upload: bool) -> str:
        if upload:
            raise Usage("The legacy file keeps no files: leave --upload out, and the path is recorded.")
        return os.path.abspath(path)  # noqa: PTH100 - pathlib is slow to load

    def spend(self, task: int, amount: str) -> None:
        raise Usage("The legacy file adds no costs up: set the total with `alai mc update --cost`.")

    def update(self, task: int, changes: Json) -> Json:
        with self._file.write() as connection:
            return tasks.update(connection, self._holder(task), changes)

    def close(self, task: int, verb: str, items: list[int | str], reason: str) -> Json:
        if any(isinstance(item, int) for item in items):
            raise Usage("The legacy file numbers no evidence: name a file or a reference with --evidence.")
        with self._file.write() as connection:
            return tasks.finish(connection, self._holder(task), verb, [str(item) for item in items], reason)

    def take(self, task: int, minutes: int, override: Json | None, *, key: str = "") -> Json:
        _without(key)
        if override:
            raise Refused("The legacy file cannot check a CEO's approval: ops may use claim-release --force.")
        with self._file.write() as connection:
            return self._grant(connection, task, minutes)

    def take_next(self, minutes: int, filters: Json, *, key: str = "") -> Json | None:
        _without(key)
        if "capabilities" in filters:
            raise Usage(f"{tasks.NO_REQUIREMENTS}: leave --capability out.")
        conditions, values = tasks.conditions(filters, at_least=True)
        sql = NEXT.format(filters="".join(f" AND {condition}" for condition in conditions))
        with self._file.write() as connection:
            row = connection.execute(sql, values).fetchone()
            if row is None:
                return None
            grant = self._grant(connection, row["id"], minutes)
            return {**grant, "task": tasks.one(connection, row["id"])}

    def extend(self, task: int, minutes: int) -> Json:
        with self._file.write() as connection:
            values = {**self._holder(task), "ttl": f"+{minutes} minutes"}
            if file.changed(connection, EXTEND, values):
                return self._granted(connection, task, "lease_extended")
            row = file.standing(connection, task)
        raise Refused(f"You do not hold task {task}: {_state(row)}. Claim it again.", "lease_not_held")

    def give_back(self, task: int, *, override: Json | None, force: bool, reason: str, key: str = "") -> Json:
        _without(key)
        if override:
            raise Refused("The legacy file cannot check a CEO's approval: ops may use --force.")
        with self._file.write() as connection:
            before = file.standing(connection, task)
            if file.changed(connection, GIVE_BACK, {**self._holder(task), "force": force}):
                action = "lease_revoked" if force else "lease_released"
                file.note(
                    connection,
                    task,
                    self._name(),
                    action,
                    " ".join(filter(None, [file.holder(before), reason])),
                )
                return {"task_id": task, "released": True}
        if before["live"]:
            raise file.held(before)
        return {"task_id": task, "released": False}

    def status(self, task: int) -> Json:
        with self._file.read() as connection:
            row = file.standing(connection, task)
        leased = bool(row["lease_holder"])
        return {
            "task_id": task,
            "state": "available" if not leased else "held" if row["live"] else "expired",
            "holder": file.holder(row) if leased else None,
            "lease_until": row["lease_until"] if leased else None,
            "fencing_token": None,
        }

    def sweep(self, *, auto_release: bool) -> Json:
        sql = f"SELECT id FROM tasks WHERE {EXPIRED} ORDER BY julianday(lease_until), id"
        with self._file.write() if auto_release else self._file.read() as connection:
            rows = [file.standing(connection, row["id"]) for row in connection.execute(sql).fetchall()]
            for row in rows if auto_release else []:
                if file.changed(connection, SWEEP, {"id": row["id"]}):
                    file.note(connection, row["id"], self.actor or "sweep", "lease_expired", file.holder(row))
        expired = [
            {"task_id": row["id"], "holder": file.holder(row), "lease_until": row["lease_until"]}
            for row in rows
        ]
        return {"expired": expired, "released": len(rows) if auto_release else 0}

    def _grant(self, connection: Connection, task: int, minutes: int) -> Json:
        enforced = os.environ.get("MC_LEASE_ENFORCE", "1") != "0"
        values = {**self._holder(task), "ttl": f"+{minutes} minutes", "enforced": enforced}
        if file.changed(connection, GRANT, values):
            return {**self._granted(connection, task, "claimed"), "enforced": enforced}
        row = file.standing(connection, task)
        raise file.closed(row) if row["status"] in ("done", "cancelled") else file.held(row)

    def _granted(self, connection: Connection, task: int, action: str) -> Json:
        row = file.standing(connection, task)
        file.note(connection, task, self._name(), action, f"{file.holder(row)} until {row['lease_until']}")
        grant = {"task_id": task, "holder": file.holder(row), "lease_until": row["lease_until"]}
        return {**grant, "fencing_token": None, "granted": True}

    def _holder(self, task: int) -> Json:
        """Who acts. `claimed` stands for the fence that this file has no column for: who claimed must still hold."""
        claimed = self.fences.kept(task) is not None
        return {"id": task, "actor": self._name(), "session": self.session, "claimed": claimed}

    def _name(self) -> str:
        if not self.actor:
            raise Usage("Say who you are: --actor NAME, or ALAI_ACTOR.")
        return self.actor


def _without(key: str) -> None:
    if key:
        raise Usage("The legacy file keeps no idempotency keys, and loses no answers: leave the key out.")


def _state(row: Row) -> str:
    if not row["lease_holder"]:
        return "nobody holds it"
    if row["live"]:
        return f"{file.holder(row)} holds it until {row['lease_until']}"
    return f"the lease of {file.holder(row)} expired at {row['lease_until']}"
