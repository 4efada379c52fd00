"""What the clients of a run did and saw, and what the ledger wrote down of it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

import psycopg

Outcome = Literal["ok", "fail", "unknown"]


@dataclass(slots=True)
class Op:
    """One call of a client. `begin` and `end` are seconds of the machine's monotonic clock, the same for all
    processes; `begin_wall` and `end_wall` are Unix times, to compare with the database's clock.

    `unknown`: the client was killed or never learnt what became of it. `result` holds what an `ok` answered.
    """

    id: str
    client: str
    verb: str
    task: int | None
    fence: int | None
    ttl: float
    begin: float
    begin_wall: float
    end: float = float("inf")
    end_wall: float = float("inf")
    outcome: Outcome = "unknown"
    code: str = ""
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> int | None:
        """The task that it was about."""
        return self.task or self.result.get("task")


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the ledger's history; `id` is drawn under the task's lock, so it is the order of what happened."""

    id: int
    task: int
    kind: str
    request: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A task at the end of the run; `until` is a Unix time."""

    id: int
    status: str
    holder: str
    until: float | None
    fence: int


@dataclass(frozen=True)
class History:
    ops: list[Op]
    events: list[Event]
    rows: list[Row]


class Recorder:
    """Appends a client's calls to its file, line by line, so that kill -9 loses nothing that was begun."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def begun(self, op: Op) -> None:
        self._write(
            id=op.id, client=op.client, verb=op.verb, task=op.task, fence=op.fence, ttl=op.ttl,
            begin=op.begin, begin_wall=op.begin_wall,
        )  # fmt: skip

    def ended(self, op: Op) -> None:
        self._write(
            id=op.id, end=op.end, end_wall=op.end_wall, outcome=op.outcome, code=op.code, result=op.result
        )

    def _write(self, **fields: Any) -> None:
        self._file.write(json.dumps(fields) + "\n")
        self._file.flush()


def read(folder: Path, database: str, tasks: list[int]) -> History:
    """The histories of all clients, with the ledger's own."""
    ops: dict[str, Op] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            _take(ops, line)
    with psycopg.connect(database) as connection:
        events = connection.execute(
            "SELECT id, task_id, kind, request_id, data FROM missioncontrol_taskevent"
            " WHERE task_id = ANY(%s) ORDER BY id",
            [tasks],
        ).fetchall()
        rows = connection.execute(
            "SELECT id, status, lease_actor || ':' || lease_session, extract(epoch FROM lease_until)::float,"
            " fencing_token FROM missioncontrol_task WHERE id = ANY(%s)",
            [tasks],
        ).fetchall()
    return History(
        ops=sorted(ops.values(), key=lambda op: op.begin),
        events=[Event(*row) for row in events],
        rows=[Row(*row) for row in rows],
    )


def _take(ops: dict[str, Op], line: str) -> None:
    try:
        fields = json.loads(line)
    except ValueError:  # the writer was killed in the middle of a line
        return
    known = ops.get(fields["id"])
    if known is None:
        ops[fields["id"]] = Op(**fields)
        return
    for name, value in fields.items():
        setattr(known, name, value)
