"""Loading rows of one source table: each batch is one transaction that holds the rows and what is remembered of them.

A kill between two batches loses nothing: the next run finds the finished rows unchanged and goes on with the rest.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import DataError, IntegrityError, OperationalError, transaction

from alai.kernel import audit
from alai.kernel.importing import store
from alai.kernel.importing.mapping import (
    NOTES,
    Candidate,
    DatabaseMapping,
    Draft,
    Rejection,
    SourceRow,
    TableMapping,
)
from alai.kernel.importing.raw import digest, to_json
from alai.kernel.importing.source import MAX_ID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MAX_KEPT_ID = 10**9  # comments and history: an id beyond would only push their sequences up
PASSING = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock timeout
TRIES = 5
KEPT_LENGTH = 10 * 1024 * 1024
LIMIT_EXCEEDED = "54"  # e.g. a text too long for the full-text index


@dataclass(slots=True)
class Counts:
    """How a table's rows ended. `source` is counted by SQLite, the others by the import."""

    source: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def agrees(self) -> bool:
        return self.source == self.created + self.updated + self.unchanged + self.rejected

    def add(self, other: "Counts") -> None:
        for name in ("source", "created", "updated", "unchanged", "rejected"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True)
class Loader:
    """Loads rows of one legacy database. `keeps_ids` is off in a dry run, which must not move sequences."""

    database: DatabaseMapping | None
    source: str
    file: str
    now: datetime
    keeps_ids: bool = True

    def load(
        self, table: TableMapping, rows: Sequence[SourceRow], cut: frozenset[str] = frozenset()
    ) -> Counts:
        """Import rows of a mapped table. `cut` names those whose parent would close a circle."""
        return self._guarded(table.table, rows, lambda part: _Batch(self, table, part, cut).run())

    def keep(self, table: str, rows: Sequence[SourceRow]) -> Counts:
        """Keep rows of a table that no mapping knows; a changed row becomes one more version."""
        return self._guarded(table, rows, lambda part: self._keep(table, part))

    def _keep(self, table: str, rows: Sequence[SourceRow]) -> Counts:
        versions = store.kept(self.source, table, [row.key for row in rows])
        fresh = [row for row in rows if row.hash not in versions.get(row.key, ())]
        if fresh:
            audit.apply(bulk=f"{self.file}: {table}")
            store.keep(self.source, table, fresh)
        self.reject(table, [], rows)
        updated = sum(row.key in versions for row in fresh)
        return Counts(created=len(fresh) - updated, updated=updated, unchanged=len(rows) - len(fresh))

    def _guarded(
        self, table: str, rows: Sequence[SourceRow], work: Callable[[Sequence[SourceRow]], Counts]
    ) -> Counts:
        """One transaction; when PostgreSQL refuses a row, halves are tried until that row alone is rejected."""
        for attempt in range(1, TRIES + 1):
            reason: Exception
            try:
                with transaction.atomic():
                    return work(rows)
            except (DataError, IntegrityError, UnicodeError) as error:
                reason = error
            except OperationalError as error:
                state = str(getattr(error.__cause__, "sqlstate", None) or "")
                if state in PASSING and attempt < TRIES:
                    time.sleep(0.1 * attempt)
                    continue
                if not state.startswith(LIMIT_EXCEEDED):
                    raise
                reason = error
            return self._halve(table, rows, work, reason)
        raise AssertionError("unreachable")

    def _halve(
        self,
        table: str,
        rows: Sequence[SourceRow],
        work: Callable[[Sequence[SourceRow]], Counts],
        error: Exception,
    ) -> Counts:
        if len(rows) > 1:
            middle = len(rows) // 2
            counts = self._guarded(table, rows[:middle], work)
            counts.add(self._guarded(table, rows[middle:], work))
            return counts
        sentence = f"PostgreSQL cannot store it: {str(error).splitlines()[0]}."[: store.DETAIL_LIMIT]
        refused = (rows[0], Rejection("not_storable", sentence))
        try:
            with transaction.atomic():
                self.reject(table, [refused])
        except (DataError, OperationalError):
            # Not even as it is: a value is too long for any of PostgreSQL's fields.
            with transaction.atomic():
                self.reject(table, [(_shortened(rows[0]), refused[1])])
        return Counts(rejected=1)

    def close_rejects(self, table: str, keys: Sequence[str]) -> None:
        """Of rows that are no longer in their table."""
        if keys:
            with transaction.atomic():
                audit.apply(bulk=f"{self.file}: {table}")
                store.resolve(self.source, table, list(keys))

    def reject(
        self, table: str, rows: Sequence[tuple[SourceRow, Rejection]], resolved: Sequence[SourceRow] = ()
    ) -> None:
        """Keep what was not known yet, and close what is in now; nothing is written when nothing is new."""
        keys = [row.key for row, _ in rows] + [row.key for row in resolved]
        if not keys:
            return
        standing = store.open_rejects(self.source, table, keys)
        fresh = [
            (row, why) for row, why in rows if standing.get(row.key) != (row.hash, why.reason, why.detail)
        ]
        closed = [row.key for row in resolved if row.key in standing]
        if fresh or closed:
            audit.apply(bulk=f"{self.file}: {table}")
        if fresh:
            store.reject(self.source, self.file, table, fresh)
        if closed:
            store.resolve(self.source, table, closed)


def _shortened(row: SourceRow) -> SourceRow:
    """The row with its longest values told by their size and digest alone."""
    values = {
        name: f"({len(value)} long, BLAKE2 {digest(repr(value)).hex()}: too long to be kept here)"
        if isinstance(value, str | bytes) and len(value) > KEPT_LENGTH
        else value
        for name, value in row.values.items()
    }
    return replace(row, values=values)


class _Batch:
    """Rows of one table on their way through: convert, match, place, resolve, review, write."""

    def __init__(
        self, loader: Loader, table: TableMapping, rows: Sequence[SourceRow], cut: frozenset[str]
    ) -> None:
        self.loader = loader
        self.table = table
        self.rows = rows
        self.cut = cut
        self.known = store.remembered(loader.source, table.table, [row.key for row in rows])

    def run(self) -> Counts:
        known = [row for row in self.rows if self._is_unchanged(row)]
        self.loader.reject(self.table.table, [], known)  # what is as it was imported is no reject any more
        if len(known) == len(self.rows):
            return Counts(unchanged=len(known))
        candidates = [self._convert(row) for row in self.rows if not self._is_unchanged(row)]
        self._match(candidates)
        self._pass_the_same([one for one in candidates if one.rejection is None])
        self._place(
            [one for one in candidates if one.rejection is None and not one.is_update and not one.passes]
        )
        self._resolve(candidates)
        self._judge_updates(candidates)
        self.table.review([one for one in candidates if one.rejection is None and not one.passes])
        return self._write(candidates)

    def _is_unchanged(self, row: SourceRow) -> bool:
        known = self.known.get(row.key)
        return known is not None and known.source_hash == row.hash and not known.unresolved

    def _convert(self, row: SourceRow) -> Candidate:
        draft = Draft(row, self.loader.now)
        rejection = self.table.convert(draft)
        for column, value in row.values.items():
            if column not in self.table.known and value is not None:
                name = f"{column}_" if column == NOTES else column.replace("\0", "\u2400")
                draft.legacy[name] = to_json(value)
        return Candidate(draft, rejection=rejection)

    def _match(self, candidates: Sequence[Candidate]) -> None:
        """Find the rows that were imported before, as they are here now."""
        if self.table.appends:
            return
        before = [one for one in candidates if one.row.key in self.known]
        if not before:
            return
        current = store.current(self.table, [self.known[one.row.key].target_id for one in before])
        for one in before:
            one.target_id = self.known[one.row.key].target_id
            one.current = current.get(one.target_id)
            if one.current is None and one.rejection is None:
                one.rejection = Rejection("conflict", "It changed in the old system and was deleted here.")

    def _pass_the_same(self, candidates: Sequence[Candidate]) -> None:
        """History is added again when it says something else. What changed over there and has no place here (that a
        message was read) is kept beside it."""
        before = [
            one
            for one in candidates
            if self.table.appends and one.row.key in self.known and not one.draft.references
        ]
        if not before:
            return
        here = store.current(self.table, [self.known[one.row.key].target_id for one in before])
        for one in before:
            target = here.get(self.known[one.row.key].target_id)
            if target and state_hash(self.table, target) == state_hash(self.table, one.draft.values):
                one.target_id, one.passes = self.known[one.row.key].target_id, True
        self.loader._keep(self.table.table, [one.row for one in before if one.passes])

    def _place(self, fresh: Sequence[Candidate]) -> None:
        """Give new rows their ids."""
        if self.table.ids == "same" or not self.table.twice:
            for one in fresh:
                one.rejection = _unusable(one.row, self.table)
            fresh = [one for one in fresh if one.rejection is None]
        wanted = (
            {one.row.number: one for one in fresh if self._may_keep(one.row)}
            if self.table.ids != "new"
            else {}
        )
        taken = store.taken(self.table.target, [number for number in wanted if number is not None])
        for number, one in wanted.items():
            if number not in taken:
                one.target_id = number
            elif self.table.ids == "same":
                name = self.table.model._meta.verbose_name
                one.rejection = Rejection(
                    "conflict", f"The id {number} belongs to a {name} that was made here."
                )
        without = [one for one in fresh if one.target_id is None and one.rejection is None]
        for one, number in zip(without, store.fresh_ids(self.table.target, len(without)), strict=True):
            one.target_id = number
            if self.table.ids == "free":
                one.draft.keep(self.table.key[0], f"has the id {number} here")

    def _may_keep(self, row: SourceRow) -> bool:
        if self.table.ids == "same":
            return True
        usable = row.number is not None and 0 < row.number <= MAX_KEPT_ID and row.key == str(row.number)
        return usable and self.loader.keeps_ids and row.key not in self.known

    def _resolve(self, candidates: Sequence[Candidate]) -> None:
        """Turn references into ids. Rows of this batch count from their turn on, so parents come first."""
        assert self.loader.database is not None
        targets = {one.table: one.target for one in self.loader.database.tables}
        wanted = [(ref, targets[ref.table]) for one in candidates for ref in one.draft.references]
        standing = store.standing(self.loader.source, wanted)
        for one in candidates:
            if one.rejection is None:
                self._resolve_row(one, standing)
            if one.rejection is None and one.target_id is not None:
                standing[self.table.table, one.row.key] = one.target_id

    def _resolve_row(self, one: Candidate, standing: dict[tuple[str, str], int]) -> None:
        for ref in one.draft.references:
            target = standing.get((ref.table, ref.key))
            circle = ref.source_column == self.table.parent and one.row.key in self.cut
            one.draft.values[ref.column] = None if circle else target
            if circle:
                one.draft.keep(ref.source_column, "would close a circle")
                one.draft.unresolved = True
            elif target is None and ref.required:
                sentence = (
                    f"{ref.source_column} is {ref.key}, and no row {ref.key} of {ref.table} was imported."
                )
                one.rejection = Rejection("orphan", sentence)
            elif target is None:
                one.draft.keep(ref.source_column, f"no row {ref.key} of {ref.table} was imported")
                one.draft.unresolved = True

    def _judge_updates(self, candidates: Sequence[Candidate]) -> None:
        """Only rows that nobody touched here may change; a row that changed on both sides is a conflict."""
        for one in candidates:
            if one.rejection is not None or one.current is None:
                continue
            known = self.known[one.row.key]
            touched = not self._is_untouched(one)
            one.draft.values["id"] = one.target_id
            same_content = state_hash(self.table, one.draft.values) == known.target_hash
            if known.source_hash == one.row.hash and (one.draft.unresolved or touched):
                one.passes = True  # it only waited for a row that has not come
            elif touched and same_content:
                one.passes = True  # the old system wrote the same in another form
            elif touched:
                one.rejection = Rejection("conflict", "It changed both here and in the old system.")
            elif self._is_another(one):
                one.rejection = Rejection(
                    "conflict", "Another row than the one imported before has its id now."
                )
            else:
                one.draft.values = self.table.merge(one.draft.values, one.current)

    def _is_untouched(self, one: Candidate) -> bool:
        assert one.current is not None
        known = self.known[one.row.key]
        if state_hash(self.table, one.current) == known.target_hash:
            return True
        return known.settled_hash is not None and settled_hash(self.table, one.current) == known.settled_hash

    def _is_another(self, one: Candidate) -> bool:
        identity = self.table.identity
        if not identity or one.current is None or set(identity) & one.draft.legacy.keys():
            return False
        return all(one.current[name] != one.draft.values[name] for name in identity)

    def _write(self, candidates: Sequence[Candidate]) -> Counts:
        passing = [one for one in candidates if one.rejection is None and one.passes]
        accepted = [one for one in candidates if one.rejection is None and not one.passes]
        self._write_targets(accepted)
        self._remember(accepted, passing)
        refused = [(one.row, one.rejection) for one in candidates if one.rejection is not None]
        self.loader.reject(self.table.table, refused, [one.row for one in accepted + passing])
        updated = sum(one.row.key in self.known for one in accepted)
        return Counts(
            created=len(accepted) - updated,
            updated=updated,
            unchanged=len(self.rows) - len(accepted) - len(refused),
            rejected=len(refused),
        )

    def _write_targets(self, accepted: Sequence[Candidate]) -> None:
        if not accepted:
            return
        table, columns = self.table, self.table.columns
        for one in accepted:
            one.draft.values["id"] = one.target_id
            _put_legacy(one.draft, table.legacy_in)
        created = [one for one in accepted if not one.is_update]
        updated = [one for one in accepted if one.is_update]
        if updated:
            audit.apply(history=table.history)
            sets = ", ".join(f'"{name}" = %s' for name in columns if name != "id")
            rows = [
                [*_stored(one, [name for name in columns if name != "id"]), one.target_id] for one in updated
            ]
            store.run_many(f'UPDATE "{table.target}" SET {sets} WHERE id = %s', rows)
        audit.apply(bulk=f"{self.loader.file}: {table.table}", history=table.history)
        if created:
            store.copy(table.target, columns, (_stored(one, columns) for one in created))
        table.wrote(accepted)
        if not table.legacy_in:
            self.loader._keep(table.table, [one.row for one in accepted if one.draft.legacy])

    def _remember(self, accepted: Sequence[Candidate], passing: Sequence[Candidate]) -> None:
        source, name = self.loader.source, self.table.table
        fresh = [self._imported(one) for one in (*accepted, *passing) if one.row.key not in self.known]
        again = [self._imported(one) for one in accepted if one.row.key in self.known]
        for one in passing:
            known = self.known.get(one.row.key)
            if known is not None and known.source_hash != one.row.hash:
                again.append(
                    store.Imported(
                        one.row, known.target_id, known.target_hash, known.settled_hash, known.unresolved
                    )
                )
        if fresh:
            store.remember(source, name, fresh)
        if again:
            store.remember_again(source, name, again)

    def _imported(self, one: Candidate) -> store.Imported:
        assert one.target_id is not None
        draft = one.draft
        if self.table.appends:
            return store.Imported(one.row, one.target_id, b"", None, draft.unresolved)
        settled = self.table.settled(draft.values)
        after = settled_hash(self.table, settled) if settled is not None else None
        return store.Imported(
            one.row, one.target_id, state_hash(self.table, draft.values), after, draft.unresolved
        )


def _put_legacy(draft: Draft, path: str) -> None:
    """Into a column of its own, or under a name in a JSON column."""
    column, _, inside = path.partition(".")
    if inside and draft.legacy:
        draft.values[column][inside] = draft.legacy
    elif column and not inside:
        draft.values[column] = draft.legacy


def state_hash(table: TableMapping, values: dict[str, Any]) -> bytes:
    """A row's content in the columns that the import writes, whoever wrote them last."""
    return digest(repr([_canonical(values[name]) for name in table.compared]))


def settled_hash(table: TableMapping, values: dict[str, Any]) -> bytes:
    return digest(repr([_canonical(values[name]) for name in table.compared if name not in table.stamps]))


def _canonical(value: Any) -> Any:
    """One form for what Python and PostgreSQL write in two."""
    if isinstance(value, datetime):
        return (value - EPOCH) // MICROSECOND
    if isinstance(value, Decimal):
        return str(value.normalize())
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _stored(one: Candidate, columns: Sequence[str]) -> list[Any]:
    values = one.draft.values
    return [json.dumps(value) if isinstance(value := values[name], dict) else value for name in columns]


def _unusable(row: SourceRow, table: TableMapping) -> Rejection | None:
    """Why a row whose key must be its own cannot have it."""
    if row.number is None and table.ids == "same":
        return Rejection(
            "no_id", f"{' and '.join(table.key)} is no whole number, so that nothing can name the row."
        )
    if "~" in row.key:
        return Rejection(
            "duplicate", f"An earlier row of {table.table} has the same {' and '.join(table.key)}."
        )
    if table.ids == "same" and not 0 < (row.number or 0) <= MAX_ID:
        return Rejection("id_out_of_range", f"The id {row.number} lies outside 1 to {MAX_ID}.")
    return None
