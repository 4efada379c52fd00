"""A ledger to try things on: as many tasks, events and memories as asked for, the same for the same seed.

Written by a few statements of many rows, past the services, under the audit's bulk context: one audit entry a
statement. Times are counted back from now over two years.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from alai.kernel import audit, context
from alai.kernel.importing.store import run
from missioncontrol.models import CostEntry, Dependency, Evidence, Memory, Task, TaskEvent, TaskSearch
from missioncontrol.sample import statements, words

CHUNK = 100_000
LEASED = (
    500  # of the newest tasks, those in progress are held: leases follow from who works, not from the past
)
OWNERS = ["ada", "ole", "john", "pi-orch", "mia", *(f"agent-{number:02}" for number in range(1, 36))]
TEAMS = [
    "web", "sales", "ops", "finance", "legal", "support", "design", "data", "mail", "people", "research", "hosting",
]  # fmt: skip
TAGS = [
    "offer", "bug", "invoice", "urgent", "customer", "website", "tax", "backup", "partner", "contract",
    *(f"topic-{number:02}" for number in range(1, 31)),
]  # fmt: skip
SOURCES = ["api", "mail", "agent", "hook", "admin", "cron"]
FILLED = (Task, TaskSearch, Dependency, Evidence, CostEntry, TaskEvent, Memory)

Step = Callable[[str, int], object]


@dataclass(frozen=True, slots=True)
class Size:
    tasks: int
    events: int
    memories: int


class NotEmpty(Exception):
    """The sentence says what to do."""


def fill(size: Size, *, seed: int = 1, step: Step) -> None:
    """Write the sample into an empty ledger, all of it or nothing. Raises NotEmpty.

    `step` hears what is under way and how many rows were written since the last call.
    """
    if Task.objects.exists() or Memory.objects.exists():
        raise NotEmpty(
            "The ledger holds tasks or memories already; a sample wants an empty one, with a DATA_DIR of its own."
        )
    with context.acting(actor="system", why="generate_sample"), transaction.atomic():
        facts = _prepare(size, seed)
        with _lifted(step):
            _write("tasks", statements.TASKS, size.tasks, facts, step)
            run("ANALYZE missioncontrol_task")
            _write("dependencies", statements.DEPENDENCIES, size.tasks, facts, step)
            _write("evidence", statements.EVIDENCE, size.tasks, facts, step)
            _write("costs", statements.COSTS, size.tasks, facts, step)
            _write("events", statements.EVENTS, size.events, facts, step)
            _write("memories", statements.MEMORIES, size.memories, facts, step)
        run(statements.DROP_TOOLS)
    for model in FILLED:
        step("tidying", 0)
        run(f"VACUUM ANALYZE {model._meta.db_table}")


def _prepare(size: Size, seed: int) -> dict[str, Any]:
    """Tables of phrases and functions that end with the session; answers what the statements need to know."""
    titles, sentences = words.phrases(seed)
    run(statements.TOOLS.format(seed=seed * 1000))
    for table, phrases in (("sample_title", titles), ("sample_sentence", sentences)):
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} (place, words) FROM STDIN") as stream:
            for row in enumerate(phrases):
                stream.write_row(row)
        run(f"ANALYZE {table}")
    run(
        "SET LOCAL statement_timeout = 0; SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '512MB'"
    )
    [(base,)] = run("SELECT nextval(pg_get_serial_sequence('missioncontrol_task', 'id'))")
    run("SELECT setval(pg_get_serial_sequence('missioncontrol_task', 'id'), %s)", [base + size.tasks])
    return {
        "owners": OWNERS, "teams": TEAMS, "tags": TAGS, "sources": SOURCES, "agents": OWNERS[2:],
        "tasks": size.tasks, "events": size.events, "memories": size.memories, "titles": len(titles),
        "sentences": len(sentences), "base": base, "leased_from": size.tasks - LEASED,
    }  # fmt: skip


@contextmanager
def _lifted(step: Step) -> Iterator[None]:
    """Without foreign keys and plain indexes: over all rows at the end they take a fraction of the time."""
    found = run(statements.LIFTED, {"tables": [model._meta.db_table for model in FILLED]})
    for drop, _, _ in found:
        run(drop)
    yield
    for _, put_back, name in reversed(found):
        step(name, 0)
        run(put_back)


def _write(what: str, sql: str, rows: int, facts: dict[str, Any], step: Step) -> None:
    step(what, 0)
    for first in range(1, rows + 1, CHUNK):
        last = min(first + CHUNK - 1, rows)
        audit.apply(bulk=f"sample: {what}")
        run(statements.spelled_out(sql), {**facts, "first": first, "last": last})
        step(what, last - first + 1)
