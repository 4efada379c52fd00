"""How a legacy database becomes rows here, as data: the engine knows no table by name.

An app describes each database as a `DatabaseMapping` of `TableMapping`s and registers it in `AppConfig.ready`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db.models import Model

from alai.kernel.importing import raw as raws
from alai.kernel.importing import values
from alai.kernel.importing.raw import Raw

NOTES = "_notes"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row as it was read. `key` names it across runs; `number` is its id where that is a usable number."""

    key: str
    hash: bytes
    values: Mapping[str, Raw]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row cannot be imported: a code, and a sentence for people."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reference:
    """`column` of the target shall hold the target of the row `key` of the source's `table`."""

    column: str
    table: str
    key: str
    source_column: str
    required: bool = True


@dataclass(slots=True)
class Draft:
    """What a row becomes: target columns, references to resolve, and what had no clean place."""

    row: SourceRow
    now: datetime  # of the run; for times that nobody knows
    values: dict[str, Any] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    children: dict[str, Any] = field(default_factory=dict)
    legacy: dict[str, Any] = field(default_factory=dict)
    unresolved: bool = False

    def keep(self, column: str, note: str = "") -> None:
        """Keep the raw value of a column beside the target, and say why."""
        self.legacy[column] = raws.to_json(self.row.values.get(column))
        if note:
            self.legacy.setdefault(NOTES, []).append(f"{column}: {note}")

    def text(self, column: str, limit: int = 0) -> str:
        value, note = values.text(self.row.values.get(column), limit)
        if note:
            self.keep(column, note)
        return value

    def moment(self, column: str) -> datetime | None:
        value, note = values.moment(self.row.values.get(column))
        if note:
            self.keep(column, note)
        return value

    def whole(self, column: str) -> int | None:
        value, note = values.whole(self.row.values.get(column))
        if note:
            self.keep(column, note)
        return value

    def decimal(self, column: str, *, digits: int, places: int) -> Any:
        value, note = values.decimal(self.row.values.get(column), digits=digits, places=places)
        if note:
            self.keep(column, note)
        return value

    def words(self, column: str, limit: int = 100) -> list[str]:
        value, note = values.words(self.row.values.get(column), limit)
        if note:
            self.keep(column, note)
        return value

    def refer(
        self, column: str, table: str, source_column: str, *, required: bool = True
    ) -> Rejection | None:
        """Point `column` at the row of `table` that `source_column` names."""
        raw = self.row.values.get(source_column)
        number, note = values.whole(raw)
        if number is not None:
            self.references.append(Reference(column, table, str(number), source_column, required))
        elif required:
            return Rejection("orphan", f"{source_column} is {raws.shown(raw)} and names no row of {table}.")
        elif note:
            self.keep(source_column, note)
        return None


@dataclass(slots=True)
class Candidate:
    """A row on its way in: new, or an update of `target_id` whose columns stand in `current`."""

    draft: Draft
    target_id: int | None = None
    current: dict[str, Any] | None = None
    rejection: Rejection | None = None
    passes: bool = False  # nothing to write: `target_id` is what it should be

    @property
    def row(self) -> SourceRow:
        return self.draft.row

    @property
    def is_update(self) -> bool:
        return self.current is not None


@dataclass(frozen=True, slots=True)
class Check:
    """For the sample: a source column beside the target's (`a.b` looks into JSON), compared as `kind`.

    A choice that is empty in the source has a default here, and so has what is `defaulted`.
    """

    column: str
    target: str
    kind: Literal["text", "moment", "number", "words", "choice"] = "text"
    names: Mapping[Any, str] = field(default_factory=dict)  # of a choice's stored values
    defaulted: bool = False


Hook = Callable[[Sequence[Candidate]], None]


def nothing(candidates: Sequence[Candidate]) -> None:
    """A hook that has nothing to add."""


def same(values: dict[str, Any]) -> dict[str, Any] | None:
    """No upkeep of ours changes such rows by itself."""
    return None


def as_drafted(values: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
    return values


@dataclass(frozen=True)
class TableMapping:
    """One source table and the model that its rows become.

    `key` are the source columns that name a row; `twice` says whether two rows may have the same. `ids`: "same"
    keeps the source's id or rejects the row, "free" keeps it where it is free, "new" never does. `columns` are the
    target columns that the import writes, `known` the source columns that `convert` reads, `parent` the one that
    names another row of the table. `identity`: when all of these differ, it is another row under an old id.
    `review` may reject candidates or change their drafts (under its own locks), `merge` fits an update's values to
    the current ones, `wrote` adds what belongs beside the rows. `settled` gives the values as our own upkeep may
    leave them, but for its `stamps`. `appends`: targets are history, so that a changed row is added again.
    `history` names the table for which `wrote` writes the history itself.
    """

    table: str
    model: type[Model]
    required: frozenset[str]
    known: frozenset[str]
    key: tuple[str, ...]
    columns: tuple[str, ...]
    convert: Callable[[Draft], Rejection | None]
    ids: Literal["same", "free", "new"] = "free"
    twice: bool = True
    parent: str = ""
    identity: tuple[str, ...] = ()
    legacy_in: str = "legacy"
    review: Hook = nothing
    merge: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = as_drafted
    settled: Callable[[dict[str, Any]], dict[str, Any] | None] = same
    stamps: tuple[str, ...] = ()
    wrote: Hook = nothing
    history: str = ""
    appends: bool = False
    checks: tuple[Check, ...] = ()

    @property
    def target(self) -> str:
        """The target's table name."""
        return self.model._meta.db_table

    @property
    def compared(self) -> tuple[str, ...]:
        """The target columns whose change here counts as a touch."""
        return tuple(name for name in self.columns if name not in ("id", self.legacy_in))


@dataclass(frozen=True)
class DatabaseMapping:
    """A legacy database, recognised by its first table; the tables in the order in which they are imported."""

    name: str
    tables: tuple[TableMapping, ...]

    def table(self, name: str) -> TableMapping | None:
        return next((one for one in self.tables if one.table == name), None)


_mappings: dict[str, DatabaseMapping] = {}


def register(mapping: DatabaseMapping) -> None:
    """Make a legacy database known. Call it in `AppConfig.ready`."""
    _mappings[mapping.name] = mapping


def order_of(mapping: DatabaseMapping | None) -> int:
    """Its place among all databases: apps are loaded after those that they refer to, unknown files come last."""
    return list(_mappings.values()).index(mapping) if mapping else len(_mappings)


def mapping_named(name: str) -> DatabaseMapping | None:
    return _mappings.get(name)


def recognise(tables: Mapping[str, Sequence[str]]) -> DatabaseMapping | None:
    """The mapping whose first table is there with its required columns, or else any of its tables (a part of the old
    database, say). `tables`: name -> columns, lower case."""

    def fits(table: TableMapping) -> bool:
        return table.required <= set(tables.get(table.table, ()))

    for mapping in _mappings.values():
        if fits(mapping.tables[0]):
            return mapping
    return next((one for one in _mappings.values() if any(map(fits, one.tables))), None)
