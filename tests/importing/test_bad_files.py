"""What is no SQLite file, or not wholly one, ends in a sentence; the other files are imported all the same."""

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from alai.kernel.importing import engine, run
from alai.kernel.models import ImportReject, LegacyRow
from missioncontrol.models import Message, Task
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


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_link_leads_to_the_log_or_journal_beside_its_target(tmp_path: Path, mode: str) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    path = ledger(folder / "old.db", SCHEMA, tasks=[task(n, title="old" * 200) for n in range(1, 200)])
    link = tmp_path / "mission-control.db"
    link.symlink_to(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute(f"PRAGMA journal_mode = {mode}")
        writer.execute("PRAGMA cache_size = 2")
        if mode == "WAL":
            writer.execute("INSERT INTO tasks (id, title) VALUES (500, 'only in the WAL')")
        else:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE tasks SET title = 'never committed'")
        # The writer is killed here: another process sees its files without its locks.
        copy = tmp_path / "killed"
        copy.mkdir()
        for found in folder.iterdir():
            if not found.name.endswith("-shm"):
                (copy / found.name).write_bytes(found.read_bytes())
    link.unlink()
    link.symlink_to(copy / "old.db")
    load(link)
    assert Task.objects.count() == (200 if mode == "WAL" else 199)
    assert not Task.objects.filter(title="never committed").exists()


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA.replace("status TEXT", "status TEXT CHECK (status REGEXP '^[a-z_]+$')"),
        SCHEMA.replace("title TEXT", "title TEXT COLLATE norsk"),
        SCHEMA + "CREATE INDEX by_title ON tasks (title COLLATE norsk);",
        SCHEMA + "CREATE TABLE names (name TEXT COLLATE norsk PRIMARY KEY); INSERT INTO names VALUES ('a');",
    ],
    ids=["function", "column", "index", "key"],
)
def test_what_only_the_old_program_knows_keeps_no_row_out(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "mission-control.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.create_function("regexp", 2, lambda pattern, text: True, deterministic=True)
        db.create_collation("norsk", lambda a, b: (a > b) - (a < b))
        db.executescript(schema)
        db.executemany(
            "INSERT INTO tasks (id, title, status) VALUES (?, ?, 'open')", [(1, "Ærlig"), (2, "Ås")]
        )
    report = load(path)
    assert not report.errors
    assert Task.objects.count() == 2


def test_a_generated_column_that_fails_for_a_row_is_left_out(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", SCHEMA, tasks=[task(1, description="no JSON"), task(2)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("ALTER TABLE tasks ADD COLUMN found AS (json_extract(description, '$.x'))")
    report = load(path)
    assert not report.errors
    assert Task.objects.count() == 2


@pytest.mark.parametrize("options", ["body, content='gone'", "body, tokenize='icu'"])
def test_words_that_cannot_be_read_are_named_and_their_inner_tables_kept(
    tmp_path: Path, options: str
) -> None:
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE VIRTUAL TABLE words USING fts5(body)")
        db.execute("INSERT INTO words VALUES ('found')")
        db.execute("PRAGMA writable_schema = ON")
        sql = f"CREATE VIRTUAL TABLE words USING fts5({options})"
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'words'", [sql])
    report = load(path)
    assert any("cannot read words" in notice for notice in report.notices)
    assert "words" not in report.files["mission-control.db"]
    assert LegacyRow.objects.filter(table="words_data").exists()
    assert Task.objects.count() == 1


def test_names_are_compared_as_sqlite_does(tmp_path: Path) -> None:
    """It folds A to Z alone: these are two tables, and two columns."""
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1)])
    long = "n" * 300
    with closing(sqlite3.connect(path)) as db, db:
        db.execute('CREATE TABLE "Ærlig" ("År", "år")')
        db.execute('CREATE TABLE "ærlig" (a)')
        db.execute(f'CREATE TABLE "{long}" (a)')
        db.execute('INSERT INTO "Ærlig" VALUES (1, 2), (3, 4)')
        db.execute('INSERT INTO "ærlig" VALUES (5)')
        db.execute(f'INSERT INTO "{long}" VALUES (6)')
    load(path)
    assert [row.row for row in LegacyRow.objects.filter(table="Ærlig").order_by("id")] == [
        {"År": 1, "år": 2},
        {"År": 3, "år": 4},
    ]
    assert LegacyRow.objects.get(table="ærlig").row == {"a": 5}
    assert LegacyRow.objects.get(table__startswith="nnn").row == {"a": 6}


def test_a_column_whose_name_is_not_utf_8_ends_in_a_sentence(tmp_path: Path) -> None:
    bad = ledger(tmp_path / "bad.db", "CREATE TABLE notes (name)")
    bad.write_bytes(bad.read_bytes().replace(b"notes (name)", b"notes (n\xe4me)"))
    report = run([bad, ledger(tmp_path / "mission-control.db", tasks=[task(1)])])
    assert "not UTF-8" in report.errors["bad.db"]
    assert Task.objects.count() == 1


def test_a_file_may_have_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path / "mission-") + b"\xff.db"))
    report = load(ledger(path, tasks=[task(1)]))
    assert list(report.files) == ["mission-\ufffd.db"]
    assert Task.objects.count() == 1


def test_a_table_of_a_thousand_columns_is_compared_too(tmp_path: Path) -> None:
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1)])
    with closing(sqlite3.connect(path)) as db, db:
        columns = ", ".join(f"c{number}" for number in range(1100))
        db.execute(f"CREATE TABLE wide (id INTEGER PRIMARY KEY, {columns})")
        db.execute("INSERT INTO wide (id, c7) VALUES (1, 'x')")
    report = load(path)
    assert report.sample.checked == 2
    assert LegacyRow.objects.get(table="wide").row["c7"] == "x"


def test_a_column_named_like_our_notes_is_kept_beside_them(tmp_path: Path) -> None:
    schema = SCHEMA.replace("cost_usd REAL", "cost_usd REAL, _notes TEXT")
    path = ledger(tmp_path / "mission-control.db", schema, tasks=[task(1, _notes="theirs", parent_id=77)])
    load(path)
    legacy = Task.objects.get().legacy
    assert legacy["_notes_"] == "theirs"
    assert legacy["_notes"] == ["parent_id: no row 77 of tasks was imported"]


def test_a_part_of_an_old_database_is_recognised_by_what_is_there(tmp_path: Path) -> None:
    schema = "CREATE TABLE messages (id INTEGER PRIMARY KEY, channel TEXT, sender TEXT, body TEXT, created_at TEXT)"
    row = {"id": 1, "channel": "ops", "sender": "john", "body": "Hei", "created_at": "2026-03-06"}
    load(ledger(tmp_path / "part.db", schema, messages=[row]))
    assert Message.objects.get().body == "Hei"


LIMIT = """
CREATE FUNCTION limited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF length(NEW.row::text) > 100000 THEN
        RAISE 'string too long to represent as jsonb string' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER limited BEFORE INSERT ON kernel_legacyrow FOR EACH ROW EXECUTE FUNCTION limited();
CREATE TRIGGER limited BEFORE INSERT ON kernel_importreject FOR EACH ROW EXECUTE FUNCTION limited();
"""


def test_what_is_too_long_for_any_of_our_fields_is_rejected_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's own limit is 256 MB; here it is 100 kB."""
    monkeypatch.setattr(engine, "KEPT_LENGTH", 10_000)
    with connection.cursor() as cursor:
        cursor.execute(LIMIT)
    path = ledger(tmp_path / "mission-control.db", tasks=[task(1)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT, data BLOB)")
        db.execute("INSERT INTO files VALUES (1, 'large', zeroblob(200000)), (2, 'small', x'00')")
    for _ in range(2):
        report = load(path)
        assert counts(report, "files").rejected == 1
    reject = ImportReject.objects.get()
    assert reject.row["name"] == "large"
    assert reject.row["data"].startswith("(200000 long, BLAKE2 ")
    assert LegacyRow.objects.get().row["name"] == "small"
