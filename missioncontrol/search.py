"""Full-text search whose cost does not grow with the ledger: of more matches than `CANDIDATES`, the newest are ranked.

The index of words gives matches in no order, and to look at all tasks with a frequent word takes seconds in a large
ledger. So each task's words also name the stretches of ids that it lies in (migration 0004): the search asks the newest
stretch first, then ever longer ones, until it has enough. A rare word costs one question more a stretch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import CombinedSearchQuery, SearchQuery, SearchQueryField, SearchRank
from django.db.models import BigIntegerField, F, Func, QuerySet, Value
from django.db.models.functions import Cast

if TYPE_CHECKING:
    from django_stubs_ext import ValuesQuerySet

    from missioncontrol.models import Task

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
        return cls((block - 1) << bits, f"'{bits} {block}' | '{bits} {block - 1}'")

    def narrow(self, query: SearchQuery) -> CombinedSearchQuery:
        return CombinedSearchQuery(query, "&&", Cast(Value(self.words), SearchQueryField()), CONFIG)


def web_query(words: str) -> SearchQuery:
    """Web search syntax: `"exact phrase"`, `-not`, `or`."""
    return SearchQuery(words, config=CONFIG, search_type="websearch")


def prefix_query(words: Sequence[str]) -> SearchQuery:
    """All the words, of which the last may be unfinished. They are letters and digits alone."""
    return SearchQuery(" & ".join(words) + ":*", config=CONFIG, search_type="raw")


def best(found: Sequence[int], query: SearchQuery, *, limit: int = LIMIT) -> list[int]:
    """Of these tasks the ids of those that match best, the best first."""
    words = apps.get_model("missioncontrol", "TaskSearch")._default_manager.filter(pk__in=found)
    ranked = words.annotate(rank=SearchRank(F("vector"), query)).order_by("-rank", "-pk")
    return list(ranked.values_list("pk", flat=True)[:limit])


def place_in(ids: Sequence[int]) -> Func:
    """Orders rows as their ids stand there."""
    return Func(Value(list(ids), ArrayField(BigIntegerField())), F("pk"), function="array_position")


def newest_matches(tasks: "QuerySet[Task]", query: SearchQuery) -> list[int]:
    """The ids of the newest tasks that match, at most `CANDIDATES`, the newest first."""
    matching = _ids(tasks).filter(search__vector=query)
    newest = _newest(tasks)
    found: list[int] = []
    older = _ids(tasks)
    bits: int | None = STRETCHES[0]
    while bits is not None:
        stretch = Stretch.back_from(newest, bits)
        found += older.filter(search__vector=stretch.narrow(query))[: CANDIDATES - len(found)]
        if len(found) == CANDIDATES or stretch.first <= 0:
            return found
        older = _ids(tasks).filter(pk__lt=stretch.first)
        bits = _next(bits, CANDIDATES * (newest - stretch.first) / max(len(found), 1))
    return found + list(matching.filter(pk__lt=stretch.first)[: CANDIDATES - len(found)])


def latest_matches(tasks: "QuerySet[Task]", query: SearchQuery) -> list[int]:
    """The same for the beginning of a word, of which the index has to gather all endings each time it is asked.

    So the latest tasks are read one by one; only where few of them match, the whole index is asked.
    """
    matching = _ids(tasks).filter(search__vector=query)
    found = list(matching.filter(pk__gt=_newest(tasks) - LATEST)[:CANDIDATES])
    return found if len(found) >= ENOUGH else list(matching[:CANDIDATES])


def _ids(tasks: "QuerySet[Task]") -> "ValuesQuerySet[Task, int]":
    """The newest first."""
    return tasks.prefetch_related(None).order_by("-pk").values_list("pk", flat=True)


def _newest(tasks: "QuerySet[Task]") -> int:
    """The highest id of all tasks, whatever narrows these; 0 when there is none."""
    return tasks.model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0


def _next(bits: int, reach: float) -> int | None:
    """The stretch after this one, or the one after that if `reach` ids, in which there should be enough, want it."""
    longer = [other for other in STRETCHES if other > bits][:2]
    enough = [other for other in longer if 2**other >= reach]
    return enough[0] if enough else longer[1] if len(longer) > 1 else None
