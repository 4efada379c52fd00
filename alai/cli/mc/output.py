"""Tasks and leases for people: tables and lines."""

from __future__ import annotations

from alai.cli.answers import clean, seconds
from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from alai.cli.mc.ledger import Json

COLUMNS = ("ID", "STATUS", "PRIORITY", "TEAM", "OWNER", "HELD BY", "TITLE")


def held(task: int, holder: str, until: str | None) -> str:
    """The handbook's words."""
    return f"Task {task} held by {holder} until {seconds(until)}"


def tasks(items: Sequence[Json]) -> None:
    rows = [COLUMNS, *(_row(task) for task in items)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS) - 1)]
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        tell("  ".join([*padded, row[-1]]).rstrip())


def task(found: Json) -> None:
    lease = found["lease"]
    facts = {
        "status": found["status"],
        "priority": found["priority"],
        "team": found["team"],
        "owner": found["owner"],
        "held by": f"{lease['holder']} until {seconds(lease['until'])}" if lease else "nobody",
        "parent": found["parent_id"],
        "tags": ", ".join(found["tags"]),
        "requires": ", ".join(found.get("requires", [])),  # a server may be older than the command
        "source": found["source"],
        "waits for": ", ".join(map(str, found["blocked_by"])),
        "due": seconds(found["due_at"]),
        "created": seconds(found["created_at"]),
        "updated": seconds(found["updated_at"]),
        "completed": seconds(found["completed_at"]),
        "cost": f"{found['cost_usd']} USD" if found["cost_usd"] is not None else "",
    }
    tell(f"Task {found['id']}: {clean(found['title'])}")
    for name, value in facts.items():
        if value not in (None, ""):
            tell(f"  {name:<10}{clean(value)}")
    for piece in found["evidence"]:
        tell(f"  {'evidence':<10}{clean(piece['name'])}{' (verified)' if piece['verified'] else ''}")
    if found["description"]:
        tell("")
        for line in found["description"].splitlines():
            tell(clean(line))


def _row(task: Json) -> tuple[str, ...]:
    lease = task["lease"]
    cells = [task["id"], task["status"], task["priority"], task["team"] or "-", task["owner"] or "-"]
    return tuple(map(clean, [*cells, lease["holder"] if lease else "-", task["title"]]))
