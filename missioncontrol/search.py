"""Full-text search whose cost does not grow with the ledger: of more matches than `CANDIDATES`, the newest are ranked.

The index of words gives matches in no order, and to look at all tasks with a frequent word takes seconds in a large
ledger. So each task's words also name the stretches of ids that it lies in (migration 0004): the search asks the newest
stretch first, then ever longer ones, until it has enough. A rare word costs one question more a stretch.
"""

from dataclasses import dataclass

from django.contrib.postgres.search import CombinedSearchQuery, SearchQuery, SearchQueryField
from django.db.models import QuerySet, Value
from django.db.models.functions import Cast

CONFIG = "mission_control"
LIMIT = 200  # what a search answers at most
CANDIDATES = 500
LATEST, ENOUGH = 2_000, 20
STRETCHES = (10, 12, 14, 16, 18, 20)  # ids that agree but for so many bits; as in the database's function


@dataclass(frozen=True, slots=True)
class Stretch:
    """The newest ids, from `first` on, and the words of the blocks in which they lie."""

    first: int
    words: str

    @classmethod
    def back_from(cls, newest: int, bits: int) -> "Stretch":
        """The last block of a length and the one before it."""
        block = newest >> bits
        return cls((block - 1) << bits, f"'~{bits}:{block}' | '~{bits}:{block - 1}'")

    def narrow(self, query: SearchQuery) -> CombinedSearchQuery:
        return CombinedSearchQuery(query, "&&", Cast(Value(self.words), SearchQueryField()), CONFIG)


def web_query(words: str) -> SearchQuery:
    """Web search syntax: `"exact phrase"`, `-not`, `or`."""
    return SearchQuery(words, config=CONFIG, search_type="websearch")


def newest_matches(tasks: QuerySet, query: SearchQuery) -> list[int]:  # type: ignore[type-arg]
    """The ids of the newest tasks that match, at most `CANDIDATES`, the newest first."""
    newest = tasks.model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return []
    found: list[int] = []
    older = tasks.prefetch_related(None).order_by("-pk").values_list("pk", flat=True)
    bits: int | None = STRETCHES[0]
    while bits is not None:
        stretch = Stretch.back_from(newest, bits)
        found += older.filter(search__vector=stretch.narrow(query))[: CANDIDATES - len(found)]
        if len(found) == CANDIDATES or stretch.first <= 0:
            return found
        older = older.filter(pk__lt=stretch.first)
        bits = _next(bits, CANDIDATES * (newest - stretch.first) / max(len(found), 1))
    return found + list(older.filter(search__vector=query)[: CANDIDATES - len(found)])


def _next(bits: int, reach: float) -> int | None:
    """The stretch after this one, or the one after that if `reach` ids, in which there should be enough, want it."""
    longer = [other for other in STRETCHES if other > bits][:2]
    enough = [other for other in longer if 2**other >= reach]
    return enough[0] if enough else longer[1] if len(longer) > 1 else None


def latest_matches(tasks: QuerySet, query: SearchQuery) -> list[int]:  # type: ignore[type-arg]
    """The same for the beginning of a word, of which the index has to gather all endings each time it is asked.

    So the latest tasks are read one by one; only where few of them match, the whole index is asked.
    """
    newest = tasks.model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
    matching = tasks.filter(search__vector=query).order_by("-pk").values_list("pk", flat=True)
    found = list(matching.filter(pk__gt=newest - LATEST)[:CANDIDATES])
    return found if len(found) >= ENOUGH else list(matching[:CANDIDATES])
