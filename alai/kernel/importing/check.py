"""The sample: random rows read again from the source and compared field by field with the database.

It shares no conversion with the import: SQLite itself reads the dates, and the target is read with plain SQL.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alai.kernel.importing import store
from alai.kernel.importing.engine import state_hash
from alai.kernel.importing.mapping import Check, DatabaseMapping, SourceRow, TableMapping
from alai.kernel.importing.raw import Raw, from_json, row_hash, row_to_json
from alai.kernel.importing.source import Source

HALF_MILLISECOND = 0.0006
JULIAN_1970 = 2_440_587.5
SIZE = 100
SPARE = 300  # more are drawn than checked: rows that were rejected or touched here since are passed over


@dataclass(frozen=True, slots=True)
class Drawn:
    source: Source
    name: str
    mapping: DatabaseMapping | None
    table: str
    row_key: str
    key: dict[str, Raw]


@dataclass(slots=True)
class Sample:
    """A reservoir over every row that passes by, and what became of those that were compared."""

    seen: int = 0
    drawn: list[Drawn] = field(default_factory=list)
    checked: int = 0
    mismatched: int = 0
    mismatches: list[str] = field(default_factory=list)

    def offer(
        self, source: Source, name: str, mapping: DatabaseMapping | None, table: str, row: SourceRow
    ) -> None:
        self.seen += 1
        place = len(self.drawn) if len(self.drawn) < SPARE else random.randrange(self.seen)  # noqa: S311
        if place >= SPARE or "~" in row.key:
            return  # named by its content: there is no key to find it by
        known = mapping.table(table) if mapping else None
        columns = known.key if known else source.primary_key(table)
        drawn = Drawn(
            source, name, mapping, table, row.key, {column: row.values[column] for column in columns}
        )
        self.drawn[place : place + 1] = [drawn]

    def compare(self) -> None:
        """Compare up to 100 of the drawn rows."""
        random.shuffle(self.drawn)
        for one in self.drawn:
            if self.checked == SIZE:
                return
            wrong = _compare(one)
            if wrong is None:
                continue
            self.checked += 1
            if wrong:
                self.mismatched += 1
                self.mismatches.append(f"{one.table} {one.row_key}: {', '.join(wrong)}")


def _compare(one: Drawn) -> list[str] | None:
    """The fields that differ; None when the row was not imported or somebody touched it here since."""
    mapped = one.mapping.table(one.table) if one.mapping else None
    moments = [check.column for check in mapped.checks if check.kind == "moment"] if mapped else []
    found = one.source.find(one.table, one.key, moments)
    if found is None:
        return ["not found again in the source"]
    row, seconds = found
    if mapped is None:
        return _compare_kept(one, row)
    known = store.remembered(one.name, one.table, [one.row_key]).get(one.row_key)
    if known is None or known.source_hash != row_hash(row):
        return None
    target = store.row(mapped.target, known.target_id)
    if target is None or not (mapped.appends or state_hash(mapped, target) == known.target_hash):
        return None
    legacy = _legacy(mapped, target)
    return [check.column for check in mapped.checks if not _agrees(check, row, seconds, target, legacy)]


def _compare_kept(one: Drawn, row: dict[str, Raw]) -> list[str] | None:
    versions = store.kept_rows(one.name, one.table, one.row_key)
    return [] if row_to_json(row) in versions else ["row"] if versions else None


def _legacy(table: TableMapping, target: dict[str, Any]) -> dict[str, Any]:
    kept = _inside(target, table.legacy_in or "data.legacy")
    return kept if isinstance(kept, dict) else {}


def _agrees(
    check: Check,
    row: dict[str, Raw],
    seconds: dict[str, int | None],
    target: dict[str, Any],
    legacy: dict[str, Any],
) -> bool:
    raw, stored = row.get(check.column), _inside(target, check.target)
    if check.column in legacy:
        return from_json(legacy[check.column]) == raw
    if check.defaulted and raw in (None, ""):
        return True
    if check.kind == "moment":
        return _same_moment(raw, seconds.get(check.column), stored)
    if check.kind == "number":
        return (stored is None) == (raw is None) and (
            raw is None or abs(float(stored) - float(str(raw))) < 1e-9
        )
    if check.kind == "words":
        return bool(stored == (json.loads(str(raw)) if raw else []))
    if check.kind == "choice":
        return raw is None or raw == check.names.get(stored, stored)
    return (stored or "") == (raw or "")


def _same_moment(raw: Raw, seconds: int | None, stored: datetime | None) -> bool:
    if raw in (None, "") or stored is None:
        return raw in (None, "") and stored is None
    at = stored.timestamp()
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    if isinstance(raw, str) and seconds is not None and not raw.strip().replace(".", "").isdigit():
        return seconds in (int(at // 1), int((at + HALF_MILLISECOND) // 1))  # SQLite rounds to milliseconds
    if any(abs(at - number) < 1 for written in _numbers(raw) for number in _seconds(written)):
        return True
    if isinstance(raw, float):
        return False
    # Forms that SQLite does not read: at least the year must be there.
    years = [stored.year + shift for shift in (-1, 0, 1)]
    return any(re.search(rf"{year}|(?<!\d)0*{year % 100:02}(?!\d)", str(raw)) for year in years)


def _seconds(number: float) -> Iterator[float]:
    """What a number may mean as a time: seconds, milliseconds, microseconds, a Julian day."""
    yield from (number, number / 1_000, number / 1_000_000, (number - JULIAN_1970) * 86_400)


def _numbers(raw: Raw) -> Iterator[float]:
    try:
        yield float(str(raw))
    except ValueError:
        return


def _inside(target: dict[str, Any], path: str) -> Any:
    value: Any = target
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
