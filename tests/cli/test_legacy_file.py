"""Without a server the verbs work on the legacy SQLite file, under the same rules."""

import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.desk import Desk

SCHEMA = """
CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT, status TEXT DEFAULT 'open',
    priority TEXT DEFAULT 'medium', owner TEXT, team TEXT, parent_id INTEGER, tags TEXT, source TEXT,
    created_at TEXT, updated_at TEXT, completed_at TEXT, due_at TEXT, dod_evidence TEXT,
    lease_holder TEXT, lease_session TEXT, lease_until TEXT, cost_usd REAL);
CREATE TABLE task_comments (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id INTEGER, author TEXT, body TEXT,
    created_at TEXT);
CREATE TABLE task_deps (task_id INTEGER, depends_on INTEGER, PRIMARY KEY(task_id, depends_on));
CREATE TABLE task_history (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id INTEGER, actor TEXT, action TEXT,
    detail TEXT, at TEXT);
INSERT INTO tasks (id, title, status, priority, team, tags, created_at, due_at) VALUES
    (1, 'Write the tender', 'open', 'high', 'drop', '["infra", "seo"]', '2026-03-06T03:09:00.000Z', NULL),
    (2, 'Send it', 'open', 'critical', 'drop', NULL, '2026-03-06 03:09:00', '2026-03-08 03:09:00'),
    (3, 'Older', 'open', 'high', 'drop', 'plain, words', '2026-03-05 23:00:00', NULL),
    (4, 'Over', 'done', 'low', NULL, NULL, '2026-03-05 23:00:00', NULL);
INSERT INTO task_deps VALUES (2, 1);
"""
UNTIL = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mission control?.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
    connection.close()
    return path


@pytest.fixture
def john(path: Path, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "john", {"ALAI_MC_DB": str(path), "ALAI_ACTOR": "john", "ALAI_SESSION": "abc123"})


@pytest.fixture
def pi_orch(path: Path, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "pi", {"ALAI_MC_DB": str(path), "ALAI_ACTOR": "pi-orch", "ALAI_SESSION": "xyz456"})


def sql(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute(statement, values).fetchall()
    connection.close()
    return rows


def test_a_claim_has_one_winner_in_the_handbook_s_words(john: Desk, pi_orch: Desk, path: Path) -> None:
    first = john.mc("claim", 1)
    assert first.code == 0
    second = pi_orch.mc("claim", 1)
    assert second.code == 1
    assert re.fullmatch(f"Task 1 held by john:abc123 until {UNTIL}\n", second.err)
    assert john.mc("claim", 1, "--ttl-minutes", 20).code == 0
    assert sql(path, "SELECT status, lease_holder, lease_session FROM tasks WHERE id = 1") == [
        ("in_progress", "john", "abc123")
    ]
    assert [row[0] for row in sql(path, "SELECT action FROM task_history WHERE task_id = 1")] == [
        "claimed"
    ] * 2


@pytest.mark.parametrize(
    ("until", "free"),
    [
        ("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-2 seconds')", True),
        ("strftime('%Y-%m-%d %H:%M:%S', 'now', '-2 seconds')", True),
        ("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 minute')", False),
        ("strftime('%Y-%m-%d %H:%M:%S', 'now', '+1 minute')", False),
        ("'someday'", True),
        ("NULL", True),
    ],
)
def test_a_lease_counts_by_time_however_its_date_is_written(
    pi_orch: Desk, path: Path, until: str, free: bool
) -> None:
    sql(
        path,
        f"UPDATE tasks SET lease_holder = 'john', lease_session = 's', lease_until = {until} WHERE id = 1",
    )
    assert pi_orch.mc("clearance", 1).code == (0 if free else 1)
    assert pi_orch.mc("claim", 1).code == (0 if free else 1)


def test_of_many_claimers_at_once_one_wins(john: Desk, path: Path) -> None:
    started = [john.start("mc", "claim", 1, ALAI_SESSION=f"s{number}") for number in range(8)]
    codes = [claimer.wait(timeout=30) for claimer in started]
    for claimer in started:
        claimer.communicate()
    assert sorted(codes) == [0] + [1] * 7
    assert len(sql(path, "SELECT 1 FROM task_history WHERE action = 'claimed'")) == 1


def test_extend_release_status_and_sweep_follow_the_lease(john: Desk, pi_orch: Desk, path: Path) -> None:
    assert john.mc("claim-status", 1).out == "available\n"
    assert john.mc("claim-extend", 1).code == 1
    john.mc("claim", 1)
    assert john.mc("claim-extend", 1).code == 0
    assert pi_orch.mc("claim-release", 1).code == 1
    assert john.mc("claim-release", 1).out == "Task 1 released\n"
    assert john.mc("claim-release", 1).out == "Task 1 was free already\n"
    john.mc("claim", 1)
    sql(path, "UPDATE tasks SET lease_until = '2026-03-06 03:09:00' WHERE id = 1")
    assert john.mc("claim-status", 1, "--json").json["state"] == "expired"
    assert john.mc("claim-sweep", "--json").json["released"] == 0
    assert "1 expired, 1 released" in pi_orch.mc("claim-sweep", "--auto-release").out
    assert sql(path, "SELECT status, lease_until FROM tasks WHERE id = 1") == [("open", None)]


def test_who_lost_the_lease_cannot_write(john: Desk, pi_orch: Desk, path: Path) -> None:
    john.mc("claim", 1)
    assert pi_orch.mc("done", 1, "--evidence", "x").code == 1
    assert pi_orch.mc("update", 1, "--status", "paused").code == 1
    assert pi_orch.mc("update", 1, "--title", "Better").code == 0
    pi_orch.mc("claim-release", 1, "--force", "--reason", "stuck")
    assert "is not current" in john.mc("done", 1, "--evidence", "x").err
    assert "is not current" in john.mc("update", 1, "--status", "paused").err
    assert pi_orch.mc("claim", 1).code == 0
    assert pi_orch.mc("done", 1, "--evidence", "x").code == 0
    assert sql(path, "SELECT status, dod_evidence, lease_holder FROM tasks WHERE id = 1") == [
        ("done", "x", None)
    ]
    assert pi_orch.fences() == []


def test_done_needs_evidence_and_keeps_what_there_was(john: Desk, path: Path) -> None:
    refused = john.mc("done", 1)
    assert (refused.code, sql(path, "SELECT status FROM tasks WHERE id = 1")) == (1, [("open",)])
    assert "at least one piece of evidence" in refused.err
    assert john.mc("ready", 1, "--evidence", path).code == 0
    assert john.mc("done", 1, "--evidence", "seen").code == 0
    assert [one["name"] for one in john.mc("show", 1, "--json").json["evidence"]] == [str(path), "seen"]
    assert john.mc("claim", 1).err == "Task 1 is done; reopen it first.\n"
    assert john.mc("update", 3, "--status", "done").code == 1


def test_next_takes_the_best_task_that_waits_for_nothing(john: Desk) -> None:
    assert john.mc("next", "--json").json["task_id"] == 3
    assert john.mc("next", "--tag", "infra", "--json").json["task_id"] == 1
    assert john.mc("next").code == 1
    john.mc("done", 1, "--evidence", "sent")
    assert john.mc("next", "--priority", "critical", "--json").json["task_id"] == 2


def test_tasks_are_listed_added_changed_and_discussed(john: Desk) -> None:
    added = john.mc(
        "add", "New", "--tag", "dns", "--depends-on", 1, "--due", "2031-06-01T12:00:00+02:00", "--json"
    ).json
    assert (added["id"], added["tags"], added["blocked_by"], added["due_at"]) == (
        5,
        ["dns"],
        [1],
        "2031-06-01T10:00:00Z",
    )
    assert [task["id"] for task in john.mc("list", "--limit", 2, "--json").json["items"]] == [5, 4]
    assert [task["id"] for task in john.mc("list", "--cursor", 3, "--json").json["items"]] == [2, 1]
    assert [task["id"] for task in john.mc("list", "--query", "TENDER", "--json").json["items"]] == [1]
    assert [task["id"] for task in john.mc("list", "--overdue", "--json").json["items"]] == [2]
    changed = john.mc("update", 5, "--owner", "ada", "--priority", "low", "--depends-on", "", "--json").json
    assert (changed["owner"], changed["priority"], changed["depends_on"]) == ("ada", "low", [])
    john.mc("comment", 5, "Said")
    assert "john: Said" in john.mc("comments", 5).out
    kinds = [event["kind"] for event in john.mc("events", 5, "--json").json["items"]]
    assert kinds == ["created", "edited", "commented"]
    assert john.mc("stats", "--json").json["by_status"]["open"] == 4
    assert "Write the tender" in john.mc("show", 1).out


def test_what_no_task_can_be_is_a_usage_error_here_too(john: Desk, path: Path) -> None:
    before = path.read_bytes()
    for words in (
        ("update", 1, "--title", ""),
        ("update", 1, "--due", "someday"),
        ("update", 1, "--cost", "-1"),
        ("update", 1, "--parent", "x"),
        ("add", "x", "--idempotency-key", "k"),
        ("add", "x", "--requires", "gpu"),
        ("update", 1, "--requires", ""),
        ("update", 1, "--status", "paused", "--requires", "gpu"),
        ("next", "--capability", "gpu"),
        ("done", 1, "--evidence", "seen", "--cost", "1.5"),
        ("list", "--since", "never"),
        ("watch",),
    ):
        refused = john.mc(*words)
        assert (refused.code, refused.err.count("\n")) == (2, 1), refused
    assert path.read_bytes() == before


def test_an_empty_value_clears_a_field(john: Desk) -> None:
    words = ("--owner", "ada", "--parent", 3, "--due", "7d", "--cost", "2.5")
    changed = john.mc("update", 1, *words, "--json").json
    assert (changed["owner"], changed["parent_id"], changed["cost_usd"]) == ("ada", 3, 2.5)
    assert changed["due_at"] > changed["updated_at"]
    empty = ("--owner", "", "--parent", "", "--due", "", "--cost", "")
    changed = john.mc("update", 1, *empty, "--json").json
    assert [changed[name] for name in ("owner", "parent_id", "due_at", "cost_usd")] == [None] * 4


def test_show_json_has_the_server_s_shape(john: Desk) -> None:
    john.mc("claim", 1)
    shown = john.mc("show", 1, "--json").json
    assert shown["lease_holder"] == "john:abc123"
    assert re.fullmatch(UNTIL, shown["lease_until"])
    assert set(shown) == {
        *(
            "id",
            "title",
            "description",
            "status",
            "priority",
            "owner",
            "team",
            "parent_id",
            "tags",
            "requires",
            "source",
        ),
        *(
            "depends_on",
            "blocked_by",
            "due_at",
            "created_at",
            "updated_at",
            "completed_at",
            "evidence",
            "cost_usd",
        ),
        *("lease", "legacy", "lease_holder", "lease_until"),
    }


def test_hold_works_on_the_file_too(john: Desk, path: Path) -> None:
    assert john.mc("hold", 1, "--every-seconds", 1, "--", "sh", "-c", "sleep 1.5; exit 3").code == 3
    actions = [row[0] for row in sql(path, "SELECT action FROM task_history WHERE task_id = 1 ORDER BY id")]
    assert actions == ["claimed", "lease_extended", "lease_released"]


@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_text("no database" * 99)]
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    john: Desk, path: Path, damage: Callable[[Path], object]
) -> None:
    damage(path)
    for words in (("list",), ("claim", 1)):
        away = john.mc(*words)
        assert (away.code, away.err.count("\n")) == (4, 1)


def test_a_locked_file_is_waited_for_and_then_given_up(john: Desk, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    away = john.mc("claim", 1, ALAI_TIMEOUT="0.3")
    assert (away.code, away.err.count("\n")) == (4, 1)
    waiting = john.start("mc", "claim", 1)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.5)
    other.execute("ROLLBACK")
    other.close()
    waiting.communicate(timeout=20)
    assert waiting.returncode == 0


def test_once_a_config_names_a_server_the_file_is_only_read(john: Desk, path: Path) -> None:
    config = john.home / ".config" / "alai" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('url = "http://127.0.0.1:1"\ntoken = "mct_x"\n')
    before = path.read_bytes()
    for words in (
        ("claim", 1),
        ("add", "x"),
        ("comment", 1, "x"),
        ("claim-sweep", "--auto-release"),
        ("next",),
    ):
        refused = john.mc(*words)
        assert (refused.code, refused.err.count("\n")) == (1, 1)
        assert "ALAI_MC_LEGACY=1" in refused.err
    assert john.mc("show", 1).code == 0
    assert path.read_bytes() == before
    assert john.mc("claim", 1, ALAI_MC_LEGACY="1").code == 0
    assert john.mc("show", 1, ALAI_MC_URL="http://127.0.0.1:1", ALAI_TOKEN="t").code == 4


def test_who_acts_must_be_named(john: Desk) -> None:
    assert john.mc("claim", 1, ALAI_ACTOR="").code == 2
