"""Full-text search whose cost does not grow with the ledger: of more matches than `CANDIDATES`, the newest are ranked.

The index of words gives matches in no order, and to look at all tasks with a frequent word takes seconds in a large
ledger. So each task's words also name the stretches of ids that it lies in (migration 0006): the search asks the newest
stretch first, then ever longer ones, until it has enough. A rare word costs one question more a stretch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import CombinedSearchQuery, SearchQuery, SearchQueryField, SearchRank
from django.db import connection
from django.db.models import BigIntegerField, F, Func, Max, Min, QuerySet, Value
from django.db.models.functions import Cast

if TYPE_CHECKING:
    from django_stubs_ext import ValuesQuerySet

    from missioncontrol.models import Task

CONFIG = "mission_control"
LIMIT = 200  # what a search answers at most
CANDIDATES = 300
LATEST, ENOUGH = 2_000, 20
STRETCHES = (10, 12, 14, 16, 18, 20)  # ids that agree but for so many bits; as in the database's function
ENDLESS = 63
MANY = 10  # found in one stretch, they foretell how many the others hold


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


def says_nothing(words: str) -> bool:
    """Whether nothing but punctuation is left of them to look for. A query of nothing would match every task as soon
    as it is joined with another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT numnode(websearch_to_tsquery(%s::regconfig, %s)) = 0", [CONFIG, words])
        (empty,) = cursor.fetchone() or (True,)
    return bool(empty)


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
    oldest, newest = _ends(tasks)
    found: list[int] = []
    matching = _ids(tasks)
    bits = STRETCHES[0]
    while (stretch := Stretch.back_from(newest, bits)).first > oldest:
        found += matching.filter(search__vector=stretch.narrow(query))[: CANDIDATES - len(found)]
        if len(found) == CANDIDATES:
            return found
        matching = _ids(tasks).filter(pk__lt=stretch.first)
        bits = _next(bits, newest - stretch.first, len(found))
    return found + list(matching.filter(search__vector=query)[: CANDIDATES - len(found)])


def _next(bits: int, length: int, found: int) -> int:
    """The next stretch: what should hold enough by what was found in `length` ids; a bold guess only of many."""
    longer = [other for other in (*STRETCHES, ENDLESS) if other > bits]
    enough = next(
        other for other in longer if 2**other >= length * CANDIDATES / max(found, 1) or other == ENDLESS
    )
    return enough if found >= MANY else min(enough, longer[:2][-1])


def latest_matches(tasks: "QuerySet[Task]", query: SearchQuery) -> list[int]:
    """The same for the beginning of a word, of which the index has to gather all endings each time it is asked.

    So the latest tasks are read one by one; only where few of them match, the whole index is asked.
    """
    matching = _ids(tasks).filter(search__vector=query)
    found = list(matching.filter(pk__gt=_ends(tasks)[1] - LATEST)[:CANDIDATES])
    return found if len(found) >= ENOUGH else list(matching[:CANDIDATES])


def _ids(tasks: "QuerySet[Task]") -> "ValuesQuerySet[Task, int]":
    """The newest first."""
    return tasks.prefetch_related(None).order_by("-pk").values_list("pk", flat=True)


def _ends(tasks: "QuerySet[Task]") -> tuple[int, int]:
    """The lowest and the highest id of all tasks, whatever narrows these; (0, 0) when there is none."""
    ends = tasks.model._default_manager.aggregate(oldest=Min("pk"), newest=Max("pk"))
    return ends["oldest"] or 0, ends["newest"] or 0
