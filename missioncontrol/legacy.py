"""How the old ledger, mission-control.db, becomes tasks, comments, dependencies and history."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from alai.kernel import context
from alai.kernel.importing import store
from alai.kernel.importing.mapping import Candidate, Check, DatabaseMapping, Draft, Rejection, TableMapping
from alai.kernel.importing.raw import shown
from missioncontrol.circles import closing_edges
from missioncontrol.models import (
    CLOSED,
    Comment,
    CostEntry,
    Dependency,
    Evidence,
    Priority,
    Status,
    Task,
    TaskEvent,
)
from missioncontrol.services.tasks import EDGES_LOCK

NAME = "mission-control"
TITLE_LIMIT = 100_000  # the full-text index takes 1 MB of words; a longer title is nobody's title
NO_TITLE = "(no title)"
SESSION = re.compile(r"[^:\s\x00-\x1f\x7f]{1,241}")
ACTOR = re.compile(r"[^:\s\x00-\x1f\x7f]{1,100}")

STATUSES = {
    **{str(status): status for status in Status},
    **dict.fromkeys(("todo", "to_do", "new", "backlog"), Status.OPEN),
    **dict.fromkeys(("inprogress", "doing", "wip", "started"), Status.IN_PROGRESS),
    **dict.fromkeys(("on_hold", "onhold", "hold"), Status.PAUSED),
    **dict.fromkeys(("review", "in_review", "ready_for_review"), Status.READY),
    **dict.fromkeys(("completed", "complete", "finished", "closed"), Status.DONE),
    **dict.fromkeys(("canceled", "abandoned", "wontfix", "wont_do"), Status.CANCELLED),
}
PRIORITIES = {
    **{priority.name.lower(): priority for priority in Priority},
    **dict.fromkeys(("normal", "med"), Priority.MEDIUM),
    **dict.fromkeys(("urgent", "blocker"), Priority.CRITICAL),
}
LEASE = ("lease_holder", "lease_session", "lease_until")
SHARED = (
    *("id", "title", "description", "status", "priority", "owner", "team", "parent_id", "tags", "source"),
    *("created_at", "updated_at", "completed_at", "due_at", "cost_usd"),
)  # the columns that are called alike there and here


def to_task(draft: Draft) -> Rejection | None:
    """Reject a task whose status nobody can tell; keep every other oddity beside it."""
    status = _status(draft)
    if status is None:
        raw = draft.row.values.get("status")
        return Rejection("unknown_status", f"status is {shown(raw)}, none of {', '.join(Status.values)}.")
    values = draft.values
    values["title"] = _title(draft)
    values["description"] = draft.text("description")
    values["status"] = str(status)
    values["priority"] = int(_priority(draft))
    for column in ("owner", "team", "source"):
        values[column] = draft.text(column, 100)
    values["parent_id"] = None
    values["tags"] = draft.words("tags")
    values["due_at"] = draft.moment("due_at")
    values["completed_at"] = draft.moment("completed_at")
    values |= _born(draft, "updated_at", "completed_at")
    values["cost_usd"] = draft.decimal("cost_usd", digits=12, places=4)
    values |= _lease(draft, status)
    draft.children["evidence"] = _evidence(draft)
    return draft.refer("parent_id", "tasks", "parent_id", required=False)


def to_comment(draft: Draft) -> Rejection | None:
    draft.values["author"] = draft.text("author", 200)
    draft.values["body"] = draft.text("body")
    draft.values["created_at"] = _born(draft)["created_at"]
    return draft.refer("task_id", "tasks", "task_id")


def to_dependency(draft: Draft) -> Rejection | None:
    missing = draft.refer("task_id", "tasks", "task_id") or draft.refer(
        "depends_on_id", "tasks", "depends_on"
    )
    if missing is None and draft.references[0].key == draft.references[1].key:
        return Rejection("self_dependency", f"Task {draft.references[0].key} would wait for itself.")
    return missing


def to_event(draft: Draft) -> Rejection | None:
    at = draft.moment("at")
    if at is None:
        draft.keep("at", "unknown: the time of the import stands in its place")
    detail = draft.row.values.get("detail")
    draft.values |= {
        "at": at or draft.now,
        "kind": draft.text("action", 40) or "unknown",
        "actor": draft.text("actor", 200),
        "on_behalf_of": "",
        "data": {"imported": True, **({"detail": draft.text("detail")} if detail is not None else {})},
        "why": "",
        "request_id": "",
    }
    return draft.refer("task_id", "tasks", "task_id")


def keep_parents_free_of_circles(candidates: Sequence[Candidate]) -> None:
    """An updated parent may close a circle with a parent that was set here."""
    moved = [
        one
        for one in candidates
        if one.current is not None and one.draft.values["parent_id"] not in (None, one.current["parent_id"])
    ]
    if moved:
        store.run("SELECT pg_advisory_xact_lock(%s)", [EDGES_LOCK])
    for one in moved:
        above = """
            WITH RECURSIVE up AS (
                SELECT id, parent_id FROM missioncontrol_task WHERE id = %s
                UNION SELECT t.id, t.parent_id FROM missioncontrol_task t JOIN up ON t.id = up.parent_id)
            SELECT 1 FROM up WHERE id = %s"""
        if store.run(above, [one.draft.values["parent_id"], one.target_id]):
            one.draft.values["parent_id"] = None
            one.draft.keep("parent_id", "would close a circle")
            one.draft.unresolved = True


def review_dependencies(candidates: Sequence[Candidate]) -> None:
    """Adopt what stands here already; reject what would close a circle, in the order of the file."""
    store.run("SELECT pg_advisory_xact_lock(%s)", [EDGES_LOCK])
    rows = store.run("SELECT id, task_id, depends_on_id FROM missioncontrol_dependency")
    standing = {(task, other): number for number, task, other in rows}
    fresh = []
    for one in candidates:
        edge = _edge(one)
        if edge in standing:
            one.target_id, one.passes = standing[edge], True
        else:
            fresh.append(edge)
    closing = closing_edges(standing, fresh)
    for one in candidates:
        if not one.passes and _edge(one) in closing:
            task, other = _edge(one)
            one.rejection = Rejection(
                "cycle", f"Task {task} would wait for {other}, which waits for {task} already."
            )


def write_beside_tasks(candidates: Sequence[Candidate]) -> None:
    """The tasks' evidence and costs, and one event for each so that streams and timelines show the import."""
    by = context.current()
    _write_costs(candidates)
    store.copy(
        TaskEvent._meta.db_table,
        ["task_id", "kind", "actor", "on_behalf_of", "data", "why", "request_id"],
        (
            (one.target_id, "imported", by.actor, by.on_behalf_of, _event_data(one), by.why, by.request_id)
            for one in candidates
        ),
    )
    wanted = {(one.target_id, name): one for one in candidates for name in one.draft.children["evidence"]}
    updated = [one.target_id for one in candidates if one.is_update]
    if updated and wanted:
        select = "SELECT task_id, name FROM missioncontrol_evidence WHERE task_id = ANY(%s)"
        for task, name in store.run(select, [updated]):
            wanted.pop((task, name), None)
    if wanted:
        columns = [
            "task_id",
            "form",
            "kind",
            "name",
            "host",
            "sha256",
            "file",
            "verified",
            "created_by",
            "created_at",
        ]
        store.copy(
            Evidence._meta.db_table,
            columns,
            (
                (task, str(Evidence.Kind.REFERENCE), "", name, "", "", "", False, by.actor, _last_at(one))
                for (task, name), one in wanted.items()
            ),
        )


def _write_costs(candidates: Sequence[Candidate]) -> None:
    """What the old system's total adds to the entries here, when the task was done or last touched there."""
    zero, actor = Decimal(0), context.current().actor
    differences = [
        (one, (one.draft.values["cost_usd"] or zero) - ((one.current or {}).get("cost_usd") or zero))
        for one in candidates
    ]
    store.copy(
        CostEntry._meta.db_table,
        ["task_id", "at", "amount_usd", "kind", "note", "actor"],
        (
            (one.target_id, _last_at(one), amount, "imported", "", actor)
            for one, amount in differences
            if amount
        ),
    )


def keep_fence(values: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
    """The fence never falls; a lease that is not the standing one raises it, as a grant does."""
    leased = values["lease_actor"] != ""
    standing = (current["lease_actor"], current["lease_session"])
    raised = leased and standing != (values["lease_actor"], values["lease_session"])
    return {**values, "fencing_token": current["fencing_token"] + raised}


def swept(values: dict[str, Any]) -> dict[str, Any] | None:
    """A leased task as the sweep leaves it when its lease has run out."""
    if not values["lease_actor"]:
        return None
    status = Status.OPEN if values["status"] == Status.IN_PROGRESS else values["status"]
    return {**values, "status": str(status), "lease_actor": "", "lease_session": "", "lease_until": None}


def _edge(one: Candidate) -> tuple[int, int]:
    return one.draft.values["task_id"], one.draft.values["depends_on_id"]


def _status(draft: Draft) -> Status | None:
    raw = draft.row.values.get("status")
    if not isinstance(raw, str):
        return None
    status = STATUSES.get(re.sub(r"[\s-]+", "_", raw.strip().lower()).replace("'", ""))
    if status is not None and raw != status:
        draft.keep("status", f"read as {status}")
    return status


def _priority(draft: Draft) -> Priority:
    raw = draft.row.values.get("priority")
    if raw is None:
        return Priority.MEDIUM
    priority = PRIORITIES.get(raw.strip().lower()) if isinstance(raw, str) else None
    if priority is None or priority.name.lower() != raw:
        priority = Priority.MEDIUM if priority is None else priority
        draft.keep("priority", f"read as {priority.name.lower()}")
    return priority


def _title(draft: Draft) -> str:
    title = draft.text("title", TITLE_LIMIT)
    if title.strip():
        return title
    draft.keep("title", "empty")
    return NO_TITLE


def _born(draft: Draft, *others: str) -> dict[str, datetime]:
    """created_at and updated_at, which must not be empty: the next best time that the row names, or now."""
    created = draft.moment("created_at")
    updated = draft.moment("updated_at") if "updated_at" in others else None
    if created is None:
        rest = [updated, *(draft.values[name] for name in others if name in draft.values)]
        created = min((moment for moment in rest if moment is not None), default=draft.now)
        draft.keep("created_at", f"unknown: {created:%Y-%m-%d %H:%M} stands in its place")
    if updated is None and "updated_at" in others:
        draft.keep("updated_at", "unknown: the time of its creation stands in its place")
    return {"created_at": created, "updated_at": updated or created}


def _lease(draft: Draft, status: Status) -> dict[str, Any]:
    """The lease when it is whole; it counts or has expired by this database's clock, like every other."""
    none = {
        "lease_actor": "",
        "lease_session": "",
        "lease_until": None,
        "lease_enforced": True,
        "fencing_token": 0,
    }
    holder, session, until = (draft.row.values.get(column) for column in LEASE)
    if all(value in (None, "") for value in (holder, session, until)):
        return none
    moment = draft.moment("lease_until")
    whole = isinstance(holder, str) and ACTOR.fullmatch(holder) and isinstance(session, str)
    if not (whole and SESSION.fullmatch(str(session)) and moment):
        flaw = "the lease is not whole"
    elif status in CLOSED:
        flaw = f"a task that is {status} has no lease"
    else:
        lease = {"lease_actor": holder, "lease_session": session, "lease_until": moment}
        return {**lease, "lease_enforced": True, "fencing_token": 1}
    for column in LEASE:
        if draft.row.values.get(column) is not None and column not in draft.legacy:
            draft.keep(column, flaw)
    return none


def _evidence(draft: Draft) -> list[str]:
    """The references in dod_evidence: words, or a JSON list of them."""
    written = draft.text("dod_evidence")
    if written.lstrip().startswith("["):
        listed, note = draft.words("dod_evidence", 10_000), "dod_evidence" in draft.legacy
        if listed and not note:
            return listed
    return [written] if written.strip() else []


def _last_at(one: Candidate) -> datetime:
    values = one.draft.values
    at: datetime = values["completed_at"] or values["updated_at"]
    return at


def _event_data(one: Candidate) -> str:
    data: dict[str, Any] = {"source": NAME, "hash": one.row.hash.hex()}
    if one.current is not None:
        data["changes"] = {
            name: [_plain(one.current[name]), _plain(value)]
            for name, value in one.draft.values.items()
            if name in one.current and one.current[name] != value
        }
    return json.dumps(data)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


TASKS = TableMapping(
    table="tasks",
    model=Task,
    required=frozenset({"id", "title", "status"}),
    known=frozenset({*SHARED, *LEASE, "dod_evidence"}),
    key=("id",),
    ids="same",
    twice=False,
    columns=(
        *SHARED,
        "legacy",
        "lease_actor",
        "lease_session",
        "lease_until",
        "lease_enforced",
        "fencing_token",
    ),
    convert=to_task,
    parent="parent_id",
    identity=("title", "created_at"),
    review=keep_parents_free_of_circles,
    merge=keep_fence,
    settled=swept,
    stamps=("updated_at",),
    wrote=write_beside_tasks,
    history=Task._meta.db_table,
    checks=(
        Check("id", "id", "number"),
        *(Check(name, name) for name in ("title", "description", "owner", "team", "source")),
        Check("status", "status", "choice"),
        Check("priority", "priority", "choice", {one.value: one.name.lower() for one in Priority}),
        Check("parent_id", "parent_id", "number"),
        Check("tags", "tags", "words"),
        *(Check(name, name, "moment") for name in ("created_at", "updated_at", "completed_at", "due_at")),
        Check("cost_usd", "cost_usd", "number"),
        Check("lease_holder", "lease_actor"),
        Check("lease_session", "lease_session"),
        Check("lease_until", "lease_until", "moment"),
    ),
)
COMMENTS = TableMapping(
    table="task_comments",
    model=Comment,
    required=frozenset({"id", "task_id", "body"}),
    known=frozenset({"id", "task_id", "author", "body", "created_at"}),
    key=("id",),
    columns=("id", "task_id", "author", "body", "created_at", "legacy"),
    convert=to_comment,
    identity=("author", "body", "created_at"),
    checks=(
        Check("task_id", "task_id", "number"),
        Check("author", "author"),
        Check("body", "body"),
        Check("created_at", "created_at", "moment"),
    ),
)
DEPENDENCIES = TableMapping(
    table="task_deps",
    model=Dependency,
    required=frozenset({"task_id", "depends_on"}),
    known=frozenset({"task_id", "depends_on"}),
    key=("task_id", "depends_on"),
    ids="new",
    twice=False,
    columns=("id", "task_id", "depends_on_id"),
    convert=to_dependency,
    legacy_in="",
    review=review_dependencies,
    checks=(Check("task_id", "task_id", "number"), Check("depends_on", "depends_on_id", "number")),
)
HISTORY = TableMapping(
    table="task_history",
    model=TaskEvent,
    required=frozenset({"id", "task_id", "action"}),
    known=frozenset({"id", "task_id", "actor", "action", "detail", "at"}),
    key=("id",),
    columns=("id", "at", "task_id", "kind", "actor", "on_behalf_of", "data", "why", "request_id"),
    convert=to_event,
    legacy_in="data.legacy",
    appends=True,
    checks=(
        Check("task_id", "task_id", "number"),
        Check("actor", "actor"),
        Check("action", "kind", defaulted=True),
        Check("detail", "data.detail"),
        Check("at", "at", "moment"),
    ),
)
MISSION_CONTROL = DatabaseMapping(NAME, (TASKS, COMMENTS, DEPENDENCIES, HISTORY))
