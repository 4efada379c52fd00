"""Search in a ledger of which only the newest matches are ranked: it finds what looking at all of them would find."""

import random
import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from missioncontrol import search
from missioncontrol.models import Task
from tests.cast import Cast, make_task

pytestmark = pytest.mark.django_db
FEW = 5


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "CANDIDATES", FEW)


def newest(words: str, tasks: "QuerySet[Task] | None" = None) -> list[int]:
    return search.newest_matches(Task.objects.all() if tasks is None else tasks, search.web_query(words))


def ids() -> Iterator[int]:
    """Far apart and close together, below and above where native ones begin."""
    dice = random.Random(7)
    number = 1
    while number < 5_000_000:
        yield number
        number += dice.choice([1, 1, 2, 40, 900, 5_000, 70_000, 600_000])


@pytest.mark.usefixtures("_few")
def test_the_newest_matches_are_found_wherever_they_lie() -> None:
    dice = random.Random(3)
    words = {
        pk: [word for word in ("common", "usual", "rare") if dice.random() < WEIGHTS[word]] for pk in ids()
    }
    for pk, has in words.items():
        make_task(pk=pk, title=" ".join(["task", *has]), team="web" if pk % 3 else "sales")
    for wanted in (["common"], ["usual"], ["rare"], ["common", "usual"], ["task"], ["nowhere"]):
        matching = [pk for pk in sorted(words, reverse=True) if {*wanted} <= {*words[pk], "task"}]
        assert newest(" ".join(wanted)) == matching[:FEW], wanted
        of_web = [pk for pk in matching if pk % 3]
        assert newest(" ".join(wanted), Task.objects.filter(team="web")) == of_web[:FEW], wanted
    without = [pk for pk in sorted(words, reverse=True) if "common" not in words[pk]]
    assert newest("-common") == without[:FEW]


WEIGHTS = {"common": 0.6, "usual": 0.1, "rare": 0.02}


def test_of_few_matches_the_best_one_is_first_however_old() -> None:
    title = make_task(pk=17, title="Dredging permit")
    text = make_task(description="a dredging permit is needed")
    assert list(Task.objects.matching("dredging")) == [title, text]


@pytest.mark.usefixtures("_few")
def test_of_many_matches_the_newest_are_there_even_if_older_ones_match_better() -> None:
    make_task(title="tender tender tender")
    later = [make_task(title=f"a tender of {number}").pk for number in range(FEW)]
    assert sorted(task.pk for task in Task.objects.matching("tender")) == later


def test_a_changed_title_is_found_under_its_new_words_alone() -> None:
    task = make_task(title="Dredging permit")
    Task.objects.filter(pk=task.pk).update(title="Harbour permit")
    assert newest("harbour") == [task.pk]
    assert newest("dredging") == []


def test_the_words_of_the_stretches_are_nobodys_to_search() -> None:
    make_task()
    for words in ("10 976", "'20 0'", '"10 976"', "20"):
        assert newest(words) == []


def test_the_database_and_the_search_agree_about_the_stretches() -> None:
    with connection.cursor() as cursor:
        for number in (0, 1, 1023, 1024, 999_999, 1_000_000, 2**40 + 7):
            cursor.execute("SELECT missioncontrol_stretches(%s)::text", [number])
            known = re.findall(r"'([^']*)'", (cursor.fetchone() or ("",))[0])
            assert sorted(known) == sorted(f"{bits} {number >> bits}" for bits in search.STRETCHES)


@pytest.mark.parametrize("words", ["nowhere", "tender", '"write the tender"', "-tender", "tender or offer"])
def test_a_search_asks_a_bounded_number_of_questions(words: str) -> None:
    make_task(pk=5)
    make_task(pk=4_000_000)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        list(Task.objects.matching(words))
    assert len(asked) <= 8


def test_an_empty_ledger_and_one_of_a_single_task() -> None:
    assert newest("tender") == []
    task = make_task(pk=1)
    assert newest("tender") == [task.pk]


def test_the_api_ranks_and_limits(cast: Cast) -> None:
    for number in range(6):
        make_task(title=f"Offer {number}", description="tender " * number)
    best = make_task(title="tender")
    found = [task["id"] for task in cast.john.get("/tasks?q=tender&limit=3").body["items"]]
    assert len(found) == 3
    assert found[0] == best.pk
