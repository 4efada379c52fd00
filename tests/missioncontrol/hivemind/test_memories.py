"""What an agent keeps in mind has revisions, expires, and is found by its words, its weight and its age."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from alai.kernel import retention
from alai.kernel.models import AuditEntry, Retention
from alai.kernel.principals import Principal
from missioncontrol import services
from missioncontrol.models import Memory
from tests.cast import Caller

pytestmark = pytest.mark.django_db


def keep(who: Caller, key: str, content: str, **more: object) -> dict[str, object]:
    reply = who.post("/hivemind/memories", {"kind": "fact", "key": key, "content": content, **more})
    assert reply.status == 201, reply.body
    body: dict[str, object] = reply.body
    return body


def found(who: Caller, query: str) -> list[str]:
    return [item["key"] for item in who.get(f"/hivemind/memories?{query}").body["items"]]


def test_the_same_agent_and_key_make_a_new_revision(john: Caller, pi_orch: Caller) -> None:
    first = keep(john, "dns", "The zone lives at the old place.")
    second = keep(john, "dns", "The zone lives at the new place.")
    other = keep(pi_orch, "dns", "Mine.")
    assert [first["revision"], second["revision"], other["revision"]] == [1, 2, 1]
    items = john.get("/hivemind/memories?agent=john").body["items"]
    assert [item["content"] for item in items] == ["The zone lives at the new place."]
    both = john.get("/hivemind/memories?agent=john&key=dns&revisions=true").body["items"]
    assert [(item["revision"], item["is_current"]) for item in both] == [(2, True), (1, False)]


def test_a_memory_is_found_by_any_spelling_of_its_words(john: Caller) -> None:
    keep(john, "deadline", "Žalbeni rok za tender je 8 dana.")
    keep(john, "other", "Nothing of that.")
    assert found(john, "q=zalbeni+rok") == ["deadline"]
    assert found(john, "q=ŽALBENI") == ["deadline"]
    assert found(john, "q=deadline") == ["deadline"]  # the key's words too
    assert found(john, "q=zalbeni+-tender") == []


def test_filters_narrow_what_is_found(john: Caller, pi_orch: Caller) -> None:
    keep(john, "a", "litestream on the first host", tags=["backup"])
    keep(pi_orch, "b", "litestream on the second host", kind="lesson")
    for query, keys in {
        "q=litestream&agent=john": ["a"],
        "q=litestream&kind=lesson": ["b"],
        "q=litestream&tag=backup": ["a"],
        "tag=backup": ["a"],
        "kind=lesson": ["b"],
        "agent=nobody": [],
    }.items():
        assert found(john, query) == keys, query


def test_importance_and_recency_decide_between_equal_words(john: Caller) -> None:
    keep(john, "low", "invoice reminder flow", importance=0.1)
    keep(john, "high", "invoice reminder flow", importance=0.9)
    keep(john, "old", "invoice reminder flow", importance=0.9)
    Memory.objects.filter(key="old").update(created_at=timezone.now() - timedelta(days=300))
    assert found(john, "q=invoice+reminder") == ["high", "low", "old"]
    scores = [item["score"] for item in john.get("/hivemind/memories?q=invoice").body["items"]]
    assert scores == sorted(scores, reverse=True)


def test_a_word_in_the_key_weighs_more_than_one_in_the_text(john: Caller) -> None:
    keep(john, "invoices", "How they are sent.")
    keep(john, "other", "Something about invoices among many other words.")
    assert found(john, "q=invoices") == ["invoices", "other"]


def test_expired_memories_are_left_out(john: Caller) -> None:
    keep(john, "gone", "litestream", expires_at="2020-01-01T00:00:00Z")
    keep(john, "stays", "litestream", expires_at="2100-01-01T00:00:00Z")
    assert found(john, "q=litestream") == ["stays"]
    assert found(john, "agent=john") == ["stays"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"importance": 1.5},
        {"importance": -0.1},
        {"kind": ""},
        {"key": " "},
        {"content": ""},
        {"agent": "ada"},
        {"tags": ["x" * 101]},
        {"expires_at": "soon"},
    ],
)
def test_what_is_not_a_memory_is_refused(john: Caller, wrong: dict[str, object]) -> None:
    body = {"kind": "fact", "key": "k", "content": "c", **wrong}
    assert john.post("/hivemind/memories", body).status == 422


def test_the_audit_knows_who_and_when_but_not_what(john: Caller) -> None:
    keep(john, "secret-plan", "Nobody else needs these words.")
    entry = AuditEntry.objects.get(target_type=Memory._meta.db_table)
    assert (entry.actor, entry.action) == ("john", "insert")
    assert "Nobody else" not in str(entry.after)
    keep(john, "secret-plan", "Nor these words.")
    assert AuditEntry.objects.filter(target_type=Memory._meta.db_table).count() == 2


def test_revisions_go_on_counting_where_retention_took_the_first_away(john: Caller) -> None:
    for number in range(3):
        keep(john, "k", f"Content {number}")
    Memory.objects.filter(is_current=False).update(created_at=timezone.now() - timedelta(days=30))
    Retention.objects.filter(kind="memory-revisions").update(days=10)
    assert "2 memory revisions" in retention.prune()
    assert keep(john, "k", "Content 3")["revision"] == 4


@pytest.mark.django_db(transaction=True)
def test_revisions_written_at_once_are_counted_one_by_one() -> None:
    by = Principal("john", frozenset({"hivemind"}))

    def write(number: int) -> None:
        try:
            for step in range(5):
                services.remember(
                    by=by,
                    kind="fact",
                    key="k",
                    content=f"{number} {step}",
                    tags=[],
                    importance=0.5,
                    expires_at=None,
                )
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Memory.objects.values_list("revision", flat=True)) == list(range(1, 21))
    assert Memory.objects.filter(is_current=True).count() == 1
