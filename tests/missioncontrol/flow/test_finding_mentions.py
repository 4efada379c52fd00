"""What in a text is a mention, and of whom."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alai.kernel.models import Actor
from missioncontrol.mentions import Known, known, prose_of

NAMES = ["john", "pi-orch", "ada", "a.b", "bot-", "ops@example.com"]
KNOWN = Known({name: Actor(pk=number, name=name) for number, name in enumerate(NAMES)})


def found(text: str) -> list[str]:
    return [place.actor.name for place in KNOWN.places(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@john", ["john"]),
        ("Can you look, @john?", ["john"]),
        ("(@john), [@ada]; \"@a.b\"", ["john", "ada", "a.b"]),
        ("Ask @john. Or @ada... or @pi-orch-", ["john", "ada", "pi-orch"]),
        ("-@john\n*@ada*", ["john", "ada"]),
        ("@bot- is exact, @bot is not", ["bot-"]),
        ("@ops@example.com", ["ops@example.com"]),
        ("@john @john", ["john", "john"]),
        ("@JOHN and @Ada", ["john", "ada"]),
        ("@johnny, @joh, @nobody, @here, @channel", []),
        ("@john's turn", ["john"]),
        ("žalba:@john", ["john"]),
    ],
)  # fmt: skip
def test_a_mention_names_an_actor(text: str, names: list[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "write to john@john or ada@example.com",
        "<me@john>",
        "mail me+x@john",
        "ž@john",
        "https://example.com/@john and https://example.com/?to=@john",
        "www.example.com/?@john",
        "a path/@john",
        r"\@john",
        "@@john",
        "@ john",
        "@-john",
        "",
    ],
)
def test_mail_addresses_links_and_escapes_are_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("`@john`", []),
        ("run `git log --author=@john` for @ada", ["ada"]),
        ("``a ` @john`` @ada", ["ada"]),
        ("one ` alone @john", ["john"]),
        ("``two and one` @john", ["john"]),
        ("a `b\n\nnext paragraph ` @john", ["john"]),
        ("```\n@john\n```\n@ada", ["ada"]),
        ("```python\n@john\n@ada\n```", []),
        ("~~~\n@john\n```\n@john\n~~~\n@ada", ["ada"]),
        ("````\n```\n@john\n````\n@ada", ["ada"]),
        ("```\nnever closed\n@john", []),
        ("```not a fence``` @john", ["john"]),
        ("a ` before\n```\ncode\n```\na ` after @john", ["john"]),
        ("    ```\n@john", ["john"]),
    ],
)
def test_code_is_none(text: str, names: list[str]) -> None:
    assert found(text) == names


@given(st.text(alphabet="ab@`~\n /.-joh", max_size=80))
def test_places_stand_where_the_text_says_so(text: str) -> None:
    assert len(prose_of(text)) == len(text)
    end = 0
    for place in KNOWN.places(text):
        assert place.start >= end
        assert text[place.start : place.end].lower() == f"@{place.actor.name}"
        end = place.end


@given(st.text(max_size=50), st.text(alphabet="ab @`\n", max_size=20))
def test_nothing_inside_a_span_of_code_is_ever_a_mention(before: str, inside: str) -> None:
    prose = before.replace("`", "").replace("~", "")
    code = inside.replace("`", "").replace("\n", " ")
    assert found(f"{prose}\n\n`{code}@john`") == found(prose)


@pytest.mark.parametrize(
    "hostile", ["`" * 3 + "\n", "` `` ", "@a", "@" + "a-" * 49 + " ", "~~~\n", "\n ", "http://"]
)
def test_a_hostile_text_takes_no_time(hostile: str) -> None:
    text = hostile * (100_000 // len(hostile))
    begin = time.process_time()
    found(text)
    assert time.process_time() - begin < 2


@pytest.mark.django_db
def test_names_are_looked_up_in_one_query_whatever_their_capitals(
    django_assert_num_queries: object,
) -> None:
    for name in ("john", "John", "Ada"):
        Actor.objects.create(name=name)
    texts = ["@john and @John", "@ADA", "@nobody"]
    with django_assert_num_queries(1):  # type: ignore[operator]
        people = known(texts)
    assert [[actor.name for actor in people.mentioned(text)] for text in texts] == [
        ["john", "John"],
        ["Ada"],
        [],
    ]
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert known(["no names here"]).mentioned("no names here") == []
