"""Parents before their children, whatever the order of the file; circles are cut at one row."""

from collections.abc import Iterable, Iterator

from alai.kernel.importing.mapping import SourceRow
from alai.kernel.importing.values import whole


def circles(pairs: Iterable[tuple[int | None, ...]]) -> tuple[dict[int, int], frozenset[int]]:
    """From (id, parent) pairs: each id's parent in the same table, and the ids whose parent closes a circle."""
    given: dict[int, int | None] = {}
    for child, parent in pairs:
        if child is not None:
            given.setdefault(child, parent)
    parents = {child: parent for child, parent in given.items() if parent is not None and parent in given}
    done: set[int] = set()
    cut: set[int] = set()
    for start in parents:
        path: dict[int, None] = {}
        number: int | None = start
        while number is not None and number not in done and number not in path:
            path[number] = None
            number = parents.get(number)
        if number in path:
            last = next(reversed(path))
            cut.add(last)
        done.update(path)
    for last in cut:
        del parents[last]
    return parents, frozenset(cut)


def parents_first(rows: Iterable[SourceRow], column: str, parents: dict[int, int]) -> Iterator[SourceRow]:
    """The rows, each held back until its parent has passed. `parents` as `circles` answers them, free of circles."""
    passed: set[int] = set()
    waiting: dict[int, list[SourceRow]] = {}
    for row in rows:
        parent = whole(row.values.get(column))[0]
        first = row.number is not None and row.key == str(row.number)
        if first and row.number in parents and parent is not None and parent not in passed:
            waiting.setdefault(parent, []).append(row)
            continue
        ready = [row]
        while ready:
            one = ready.pop()
            yield one
            if one.number is not None and one.key == str(one.number):
                passed.add(one.number)
                ready.extend(reversed(waiting.pop(one.number, [])))
    for held in waiting.values():  # nothing, unless ids appear twice
        yield from held
