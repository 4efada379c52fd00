"""The legacy hivemind.db: every row comes in, rows of one agent and key become revisions."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from alai.kernel import importing
from alai.kernel.models import LegacyRow
from missioncontrol.models import Memory, Message

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = """
CREATE TABLE memories (id INTEGER PRIMARY KEY, agent TEXT, kind TEXT, key TEXT, content TEXT, tags TEXT,
    importance REAL, created_at TEXT, expires_at TEXT);
CREATE TABLE messages (id INTEGER PRIMARY KEY, channel TEXT, sender TEXT, recipient TEXT, body TEXT, payload TEXT,
    created_at TEXT, read_at TEXT);
"""
NEWER, OLDER = "2026-06-30T12:00:00.000Z", "2026-05-03 04:07:00"
MEMORIES: list[tuple[Any, ...]] = [
    (1, "john", "fact", "k1", "The newer one", '["a"]', 0.25, NEWER, None),
    (2, "john", "fact", "k1", "The older one", '["a"]', 0.5, OLDER, "2027-01-01"),
    (3, None, "", "k2", "No agent", None, 7.5, "yesterday", None),
    (4, "pi-orch", "lesson", "k1", "Of another", "a, b", "much", NEWER, None),
]
MESSAGES: list[tuple[Any, ...]] = [
    (1, "ops", "john", None, "Hei", '{"n": 1}', NEWER, None),
    (2, "ops", "john", "pi-orch", "Read", "[1]", OLDER, NEWER),
    (3, "", "john", None, "nul \0", '{"n": 1e999}', OLDER, None),
]


def database(folder: Path) -> Path:
    path = folder / "hivemind.db"
    with sqlite3.connect(path) as file:
        file.executescript(TABLES)
        add(file, "memories", MEMORIES)
        add(file, "messages", MESSAGES)
    file.close()
    return path


def add(file: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    file.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def test_every_row_comes_in_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = database(tmp_path)
    importing.run([path])
    assert Memory.objects.count() == 4
    assert Message.objects.count() == 3
    before = list(Memory.objects.order_by("id").values()), list(Message.objects.order_by("id").values())
    importing.run([path])
    assert (
        list(Memory.objects.order_by("id").values()),
        list(Message.objects.order_by("id").values()),
    ) == before


def test_rows_of_one_agent_and_key_are_revisions_in_the_order_of_their_times(tmp_path: Path) -> None:
    importing.run([database(tmp_path)])
    mine = Memory.objects.filter(agent="john", key="k1").order_by("revision")
    assert [(one.pk, one.revision, one.is_current) for one in mine] == [(2, 1, False), (1, 2, True)]
    assert mine[1].importance == 0.25
    assert mine[1].tags == ["a"]
    assert Memory.objects.get(pk=4).is_current


def test_what_has_no_clean_place_is_kept_beside_the_row(tmp_path: Path) -> None:
    importing.run([database(tmp_path)])
    odd = Memory.objects.get(pk=3)
    assert (odd.agent, odd.kind, odd.importance) == ("unknown", "unknown", 1.0)
    assert odd.legacy["importance"] == 7.5
    assert odd.legacy["created_at"] == "yesterday"
    assert Memory.objects.get(pk=4).importance == 0.5
    read, flawed = Message.objects.get(pk=2), Message.objects.get(pk=3)
    assert read.payload == {} and read.legacy["payload"] == "[1]"
    assert read.legacy["read_at"] == NEWER
    assert flawed.channel == "unknown" and flawed.body == "nul ␀"


def test_a_later_run_brings_what_is_new_and_numbers_it_in(tmp_path: Path) -> None:
    path = database(tmp_path)
    importing.run([path])
    with sqlite3.connect(path) as file:
        row = (5, "john", "fact", "k1", "In between", None, None, "2026-06-01", None)
        add(file, "memories", [row])
    file.close()
    importing.run([path])
    contents = (
        Memory.objects.filter(agent="john", key="k1").order_by("revision").values_list("content", flat=True)
    )
    assert list(contents) == ["The older one", "In between", "The newer one"]
    assert Memory.objects.filter(agent="john", key="k1", is_current=True).get().pk == 1


def test_that_a_message_was_read_since_makes_it_no_new_one(tmp_path: Path) -> None:
    path = database(tmp_path)
    importing.run([path])
    with sqlite3.connect(path) as file:
        file.execute("UPDATE messages SET read_at = ? WHERE id = 1", [NEWER])
    file.close()
    report = importing.run([path])
    assert report.agrees
    assert report.files["hivemind.db"]["messages"].unchanged == 3
    assert Message.objects.count() == 3
    assert LegacyRow.objects.get(table="messages", key="1").row["read_at"] == NEWER
    assert importing.run([path]).files["hivemind.db"]["messages"].unchanged == 3
    with sqlite3.connect(path) as file:
        file.execute("UPDATE messages SET body = 'Hei igjen' WHERE id = 1")
    file.close()
    importing.run([path])
    assert Message.objects.count() == 4


def test_payloads_are_kept_as_far_as_they_can_be_stored(tmp_path: Path) -> None:
    path = database(tmp_path)
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    rows = [
        (10, "ops", "john", None, "escaped", '{"word": "\\u017ealba \\ud83d\\ude00"}', NEWER, None),
        (11, "ops", "john", None, "nul", '{"word": "\\u0000"}', NEWER, None),
        (12, "ops", "john", None, "deep", deep, NEWER, None),
    ]
    with sqlite3.connect(path) as file:
        add(file, "messages", rows)
    file.close()
    assert importing.run([path]).agrees
    assert Message.objects.get(body="escaped").payload == {"word": "žalba 😀"}
    for body, row in (("nul", rows[1]), ("deep", rows[2])):
        message = Message.objects.get(body=body)
        assert (message.payload, message.legacy["payload"]) == ({}, row[5])
