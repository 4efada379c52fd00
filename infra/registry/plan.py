"""What loading would do: a three-way comparison of file, what the file last said, and what stands here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from infra.models import Record
from infra.registry.columns import Unfit, nearest, shown
from infra.registry.files import Entry, Problem
from infra.registry.kinds import Kind, kind_of, kinds

Plain = dict[str, Any]
SIGNS = {"create": "+", "update": "~", "delete": "-", "release": "!"}


@dataclass(frozen=True, slots=True)
class Change:
    """One record's change. `fields` are name -> (before, after); `wanted` is what the file says of it."""

    op: Literal["create", "update", "delete", "release"]
    kind: Kind
    slug: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    wanted: Plain = field(default_factory=dict)
    entry: Entry | None = None

    def __str__(self) -> str:
        name = f"{SIGNS[self.op]} {self.kind.name} {self.slug}"
        if self.op == "release":
            return f"{name}: no file has it any more; kept, since it was edited here"
        if self.op == "delete" or not self.fields:
            return name
        parts = [f"{key}: {shown(after)}" if self.op == "create" else f"{key}: {shown(before)} -> {shown(after)}"
                 for key, (before, after) in self.fields.items()]  # fmt: skip
        return f"{name}  {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that was edited here: the file says one thing, the row another, and the row is kept."""

    kind: Kind
    slug: str
    name: str
    in_file: Any
    here: Any

    def __str__(self) -> str:
        return f"! {self.kind.name} {self.slug}.{self.name}: {shown(self.here)} here, {shown(self.in_file)} in the file"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that loading would do, and what it would leave as somebody edited it."""

    changes: list[Change]
    differences: list[Difference]
    unchanged: int

    def count(self, op: str) -> int:
        return sum(change.op == op and (op != "update" or bool(change.fields)) for change in self.changes)


def plain_of(kind: Kind, record: Record) -> Plain:
    """A row as a file would have it, what equals its default left out."""
    values = {name: column.plain(record) for name, column in kind.columns.items()}
    return {name: value for name, value in values.items() if value != kind.columns[name].default}


def rows_of(kind: Kind) -> dict[str, tuple[Record, Plain]]:
    """All rows of a kind with their plain values, in three queries at most."""
    references = [name for name, column in kind.columns.items() if column.is_reference and not column.is_many]
    many = [name for name, column in kind.columns.items() if column.is_many]
    rows = kind.model._default_manager.all()
    rows = rows.select_related(*references) if references else rows
    rows = rows.prefetch_related(*many) if many else rows
    return {row.slug: (row, plain_of(kind, row)) for row in rows}


def differences(kind: Kind, record: Record, plain: Plain | None = None) -> list[Difference]:
    """Where a row from a file was edited by hand."""
    if record.origin is None:
        return []
    here = plain_of(kind, record) if plain is None else plain
    return list(_differing(kind, record.slug, record.origin, here))


def make(found: Mapping[str, list[Entry]]) -> tuple[Plan, list[Problem]]:
    """The plan for these entries, and every problem that they have. Reads, and writes nothing."""
    plan = Plan([], [], 0)
    rows = {kind.name: rows_of(kind) for kind in kinds()}
    known = {
        kind.name: set(rows[kind.name]) | {one.slug for one in found.get(kind.name, [])} for kind in kinds()
    }
    problems: list[Problem] = []
    unchanged = 0
    for kind in kinds():
        if kind.name not in found:
            continue
        wanted = {}
        for entry in found[kind.name]:
            wanted[entry.slug] = (entry, _read(entry, known, problems))
        for slug, (entry, plain) in wanted.items():
            unchanged += _compare(plan, kind, slug, entry, plain, rows[kind.name].get(slug))
        plan.changes.extend(_gone(kind, set(wanted), rows[kind.name]))
    return Plan(plan.changes, plan.differences, unchanged), problems


def _read(entry: Entry, known: Mapping[str, set[str]], problems: list[Problem]) -> Plain:
    """The entry's fields in canonical form; what is wrong with them goes to `problems`."""
    columns = entry.kind.columns
    plain: Plain = {}
    for name, raw in entry.values.items():
        column = columns.get(name)
        if column is None:
            problems.append(entry.problem(f"there is no field {name}{nearest(str(name), columns)}", name))
            continue
        try:
            plain[name] = column.read(raw)
        except Unfit as error:
            problems.append(entry.problem(str(error), name))
            continue
        if column.is_reference:
            slugs = plain[name] if column.is_many else [plain[name]] if plain[name] is not None else []
            target = kind_of(column.target).name
            problems += [
                _unknown(entry, name, target, slug, known) for slug in slugs if slug not in known[target]
            ]
    missing = [name for name, column in columns.items() if column.is_required and name not in entry.values]
    problems += [entry.problem(f"{name} is missing") for name in missing]
    problems += [
        _unknown(entry, name, target, slug, known)
        for name, target, slug in entry.kind.mentions(plain)
        if slug not in known[target]
    ]
    return {name: value for name, value in plain.items() if value != columns[name].default}


def _unknown(entry: Entry, name: str, target: str, slug: str, known: Mapping[str, set[str]]) -> Problem:
    return entry.problem(f"{target}.yaml has no {slug}{nearest(slug, known[target])}", name)


def _compare(
    plan: Plan, kind: Kind, slug: str, entry: Entry, wanted: Plain, row: tuple[Record, Plain] | None
) -> bool:
    """Add what a record needs; true when that is nothing."""
    if row is None:
        fields = {name: (None, value) for name, value in wanted.items()}
        plan.changes.append(Change("create", kind, slug, fields, wanted, entry))
        return False
    record, here = row
    fields = {
        name: (_get(kind, here, name), _get(kind, wanted, name))
        for name in kind.columns
        if _get(kind, here, name) != _get(kind, wanted, name) and _untouched(kind, record, here, name)
    }
    now = {**here, **{name: after for name, (_, after) in fields.items()}}
    plan.differences.extend(_differing(kind, slug, wanted, now))
    if fields or record.origin != wanted:
        plan.changes.append(Change("update", kind, slug, fields, wanted, entry))
    return not fields


def _untouched(kind: Kind, record: Record, here: Plain, name: str) -> bool:
    return record.origin is not None and _get(kind, record.origin, name) == _get(kind, here, name)


def _gone(kind: Kind, wanted: set[str], rows: Mapping[str, tuple[Record, Plain]]) -> Iterator[Change]:
    """Rows that files once brought and that no file has now; one that was edited here passes into our hands."""
    for slug, (record, here) in rows.items():
        if slug not in wanted and record.origin is not None:
            edited = any(True for _ in _differing(kind, slug, record.origin, here))
            yield Change("release" if edited else "delete", kind, slug)


def _differing(kind: Kind, slug: str, in_file: Plain, here: Plain) -> Iterator[Difference]:
    for name in kind.columns:
        theirs, ours = _get(kind, in_file, name), _get(kind, here, name)
        if theirs != ours:
            yield Difference(kind, slug, name, theirs, ours)


def _get(kind: Kind, plain: Plain, name: str) -> Any:
    return plain.get(name, kind.columns[name].default)
