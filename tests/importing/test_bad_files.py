"""What is no SQLite file, or not wholly one, ends in a sentence; the other files are imported all the same."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from alai.kernel.importing import run
from alai.kernel.models import LegacyRow
from missioncontrol.models import Task
from tests.importing.ledgers import SCHEMA, counts, ledger, load, task

pytestmark = pytest.mark.django_db


def _missing(path: Path) -> None:
    """There is no such file."""


def _folder(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("id,title\n1,one\n" * 1000)


def _random(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def _no_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE t (a)")
        db.execute("DROP TABLE t")


def _torn(path: Path) -> None:
    ledger(path, SCHEMA, tasks=[task(number, description="x" * 500) for number in range(1, 200)])
    path.write_bytes(path.read_bytes()[: 20 * 4096])


def _garbled(path: Path) -> None:
    ledger(path, SCHEMA, tasks=[task(number, description="x" * 500) for number in range(1, 200)])
    data = bytearray(path.read_bytes())
    data[8 * 4096 : 12 * 4096] = bytes([0xA5]) * (4 * 4096)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_missing, "does not exist"),
        (_folder, "is a folder"),
        (_empty, "is empty"),
        (_text, "is not a SQLite file, or it is encrypted"),
        (_random, "is not a SQLite file, or it is encrypted"),
        (_no_tables, "holds no tables"),
        (_torn, "is damaged"),
        (_garbled, "is damaged"),
    ],
)
def test_a_bad_file_ends_in_a_sentence_and_stops_no_other(
    tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    bad = tmp_path / "bad.db"
    spoil(bad)
    report = run([bad, ledger(tmp_path / "mission-control.db", tasks=[task(1)])])
    assert sentence in report.errors["bad.db"]
    assert str(bad) in report.errors["bad.db"]
    assert not report.agrees
    assert Task.objects.count() == 1


def test_a_file_given_twice_is_imported_once(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1)])
    report = load(path, tmp_path / "." / "mission-control.db")
    assert counts(report).created == 1


def test_files_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = ledger(tmp_path / "a" / "mission-control.db", tasks=[task(1)])
    second = ledger(tmp_path / "b" / "mission-control.db", tasks=[task(2)])
    assert set(load(first, second).files) == {str(first), str(second)}
    assert Task.objects.count() == 2


def test_a_wal_file_is_read_with_its_database(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", SCHEMA)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO tasks (id, title) VALUES (1, 'only in the WAL')")
        assert path.with_name("mission-control.db-wal").stat().st_size
        load(path)
    assert Task.objects.get().title == "only in the WAL"


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_the_old_system_may_write_meanwhile(tmp_path: Path, mode: str) -> None:
    path = ledger(tmp_path / "mission-control.db", SCHEMA, tasks=[task(number) for number in range(1, 500)])
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as db:
            db.execute(f"PRAGMA journal_mode = {mode}")
            while not stop.is_set():
                number = 1000 + len(written)
                db.execute("INSERT INTO tasks (id, title) VALUES (?, 'late')", [number])
                written.append(number)
                stop.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        reports = [load(path) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    load(path)
    assert written
    assert Task.objects.count() == 499 + len(written)
    assert sum(counts(report).created for report in reports) <= Task.objects.count()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_source_at_rest_stays_as_it_is_and_gets_no_files_beside_it(tmp_path: Path, mode: str) -> None:
    path = ledger(tmp_path / "mission-control.db", SCHEMA, tasks=[task(1)])
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
    before = path.read_bytes(), path.stat().st_mtime_ns
    load(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [found.name for found in tmp_path.iterdir()] == ["mission-control.db"]


def test_what_a_killed_writer_left_in_its_wal_is_read(tmp_path: Path) -> None:
    path = ledger(tmp_path / "live.db", SCHEMA)
    copied = tmp_path / "mission-control.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO tasks (id, title) VALUES (1, 'only in the WAL')")
        for suffix in ("", "-wal"):
            Path(f"{copied}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    load(copied)
    assert Task.objects.get().title == "only in the WAL"


def test_what_a_killed_writer_had_not_committed_is_left_out(tmp_path: Path) -> None:
    path = ledger(
        tmp_path / "live.db", SCHEMA, tasks=[task(number, title="old" * 200) for number in range(1, 200)]
    )
    copied = tmp_path / "mission-control.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 2")  # so that it writes into the file before it commits
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE tasks SET title = 'new' || title")
        for suffix in ("", "-journal"):
            Path(f"{copied}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    load(copied)
    assert Task.objects.count() == 199
    assert not Task.objects.filter(title__startswith="new").exists()


def test_rows_of_an_unknown_database_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "hivemind.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT)")
        db.execute("CREATE TABLE tags (name TEXT, weight REAL)")
        db.execute("INSERT INTO messages VALUES (5, CAST(x'ff00' AS TEXT))")
        db.executemany("INSERT INTO tags VALUES (?, ?)", [("a", 1.5), ("a", 1.5), (None, None)])
        db.execute("CREATE VIEW seen AS SELECT * FROM messages")
    report = load(path)
    assert report.notices == [
        "hivemind.db: no mapping knows the tables messages, tags; their rows are kept as they are."
    ]
    assert set(report.files["hivemind.db"]) == {"messages", "tags"}
    assert LegacyRow.objects.filter(table="tags").count() == 3
    kept = LegacyRow.objects.get(table="messages")
    assert (kept.source, kept.key, kept.row["body"]) == ("hivemind", "5", {"base64": "/wA=", "type": "text"})
    assert counts(load(path), "tags").unchanged == 3


def test_a_changed_row_of_an_unknown_table_is_kept_beside_its_old_version(tmp_path: Path) -> None:
    path = ledger(
        tmp_path / "mission-control.db", SCHEMA + "CREATE TABLE notes (id INTEGER PRIMARY KEY, text)"
    )
    ledger(path, notes=[{"id": 1, "text": "old"}])
    load(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE notes SET text = 'new'")
    assert counts(load(path), "notes").updated == 1
    assert [row.row["text"] for row in LegacyRow.objects.order_by("id")] == ["old", "new"]
    assert counts(load(path), "notes").unchanged == 1


def test_full_text_tables_and_strange_names_are_kept(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE VIRTUAL TABLE words USING fts5(body)")
        db.execute("INSERT INTO words VALUES ('found')")
        columns = '"rowid" TEXT, "_rowid_" TEXT, "a b" BLOB, PRIMARY KEY ("a b")'
        db.execute(f'CREATE TABLE "odd ""name" ({columns}) WITHOUT ROWID')
        db.execute('INSERT INTO "odd ""name" VALUES (1, 2, 3)')
    report = load(path)
    assert set(report.files["mission-control.db"]) == {
        "tasks", "task_comments", "task_deps", "task_history", "words", 'odd "name'
    }  # fmt: skip
    assert LegacyRow.objects.get(table="words").row == {"body": "found"}
