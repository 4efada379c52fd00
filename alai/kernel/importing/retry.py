"""Trying rejected rows once more, as they were kept."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from django.utils import timezone

from alai.kernel.importing.engine import Counts, Loader
from alai.kernel.importing.mapping import DatabaseMapping, SourceRow, mapping_named
from alai.kernel.importing.raw import from_json
from alai.kernel.importing.runner import BATCH_ROWS, alone
from alai.kernel.importing.values import WHOLE
from alai.kernel.models import ImportReject


def retry(*, ids: Iterable[int]) -> Counts:
    """Import open rejects again; those that are in now are resolved, the others keep their newest reason.

    Raises Busy while an import runs.
    """
    counts = Counts()
    rejects = ImportReject.objects.filter(pk__in=list(ids), state=ImportReject.State.OPEN)
    with alone():
        ordered = sorted(rejects, key=_place)
        for (source, file, table), group in groupby(
            ordered, key=lambda one: (one.source, one.file, one.table)
        ):
            found = list(group)
            for start in range(0, len(found), BATCH_ROWS):
                counts.add(_retry(source, file, table, found[start : start + BATCH_ROWS]))
    return counts


def _retry(source: str, file: str, table: str, rejects: Sequence[ImportReject]) -> Counts:
    mapping = mapping_named(source)
    loader = Loader(mapping, source, file, timezone.now())
    rows = [_row(one) for one in rejects]
    mapped = mapping.table(table) if mapping else None
    counts = loader.load(mapped, rows) if mapped else loader.keep(table, rows)
    counts.source = len(rows)
    return counts


def _place(one: ImportReject) -> tuple[str, str, int, str, int]:
    """Tasks before their comments, parents (most often the older ones) before their children."""
    mapping = mapping_named(one.source)
    return one.source, one.file, _table_place(mapping, one.table), one.table, _number(one.key) or 0


def _table_place(mapping: DatabaseMapping | None, table: str) -> int:
    names = [one.table for one in mapping.tables] if mapping else []
    return names.index(table) if table in names else len(names)


def _row(one: ImportReject) -> SourceRow:
    values = {column: from_json(value) for column, value in one.row.items()}
    return SourceRow(one.key, bytes(one.source_hash), values, _number(one.key))


def _number(key: str) -> int | None:
    first = key.partition("~")[0]
    return int(first) if WHOLE.fullmatch(first) else None
