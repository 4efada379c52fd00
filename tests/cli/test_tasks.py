"""Tasks from the command line: what an agent does all day."""

import hashlib
from decimal import Decimal
from pathlib import Path

from missioncontrol.models import CostEntry, Evidence, Task
from tests.cast import Cast, make_task
from tests.cli.conftest import DeskOf
from tests.cli.desk import Desk


def test_a_task_is_added_shown_and_changed(john: Desk) -> None:
    parent = make_task()
    words = ("--team", "drop", "--priority", "high", "--tag", "dns", "--tag", "tls", "--due", "2031-06-01")
    added = john.mc(
        "add", "Renew the certificate", *words, "--parent", parent.pk, "--cost", "1.5", "--json"
    ).json
    assert (added["title"], added["tags"], added["parent_id"]) == (
        "Renew the certificate",
        ["dns", "tls"],
        parent.pk,
    )
    shown = john.mc("show", added["id"])
    assert f"Task {added['id']}: Renew the certificate" in shown.out
    assert "2031-06-01T00:00:00Z" in shown.out
    changed = john.mc(
        "update", added["id"], "--owner", "", "--team", "", "--tag", "", "--title", "New", "--json"
    ).json
    assert (changed["title"], changed["team"], changed["tags"]) == ("New", None, [])


def test_a_path_that_names_no_file_is_no_evidence(john: Desk, tmp_path: Path) -> None:
    task = make_task()
    for path in (tmp_path / "missing.png", "./missing.png", "~/missing.png"):
        refused = john.mc("done", task.pk, "--evidence", path)
        assert (refused.code, "no file" in refused.err) == (2, True)
    there = tmp_path / "there.log"
    there.write_text("seen")
    words = ("--evidence", there, "--evidence", "./missing.png", "--cost", "1.25")
    assert john.mc("done", task.pk, *words).code == 2
    assert not Evidence.objects.exists()
    assert not CostEntry.objects.exists()
    assert john.mc("done", task.pk, "--evidence", "/health answers 200 again").code == 0


def test_clearance_of_a_task_that_is_not_there_is_blocked(john: Desk) -> None:
    refused = john.mc("clearance", 404)
    assert (refused.code, refused.out) == (1, "VERDICT: BLOCKED\n")
    assert "no task 404" in refused.err


def test_show_json_carries_the_lease_at_the_top(john: Desk) -> None:
    task = make_task()
    assert john.mc("show", task.pk, "--json").json["lease_holder"] is None
    john.mc("claim", task.pk)
    shown = john.mc("show", task.pk, "--json").json
    assert shown["lease_holder"] == "john:abc123"
    assert shown["lease_until"] == shown["lease"]["until"]


def test_a_list_is_filtered_and_goes_on_where_it_ended(john: Desk) -> None:
    tasks = [make_task(team="quay", title=f"Crane {number}") for number in range(3)]
    john.mc("claim", tasks[0].pk)
    first = john.mc("list", "--team", "quay", "--limit", 2, "--json").json
    rest = john.mc("list", "--team", "quay", "--limit", 2, "--cursor", first["next_cursor"], "--json").json
    assert [task["id"] for task in first["items"] + rest["items"]] == [task.pk for task in reversed(tasks)]
    assert rest["next_cursor"] is None
    claimed = john.mc("list", "--team", "quay", "--claimed")
    assert "john:abc123" in claimed.out
    assert "Crane 1" not in claimed.out
    assert len(john.mc("list", "--team", "quay", "--free", "--json").json["items"]) == 2
    assert (
        len(
            john.mc("list", "--query", "crane", "--status", "open", "--status", "done", "--json").json[
                "items"
            ]
        )
        == 2
    )


def test_titles_cannot_steer_the_terminal(john: Desk) -> None:
    task = make_task(title="\x1b]0;mine\x07 red", description="\x1b[31mred")
    assert "\x1b" not in john.mc("show", task.pk).out + john.mc("list").out


def test_done_without_evidence_is_refused(john: Desk) -> None:
    task = make_task()
    refused = john.mc("done", task.pk)
    assert refused.code == 1
    assert refused.err.startswith(f"Task {task.pk} cannot be done yet: at least one piece of evidence")


def test_a_file_is_hashed_here_and_registered(john: Desk, tmp_path: Path) -> None:
    task, file = make_task(), tmp_path / "build.log"
    file.write_bytes(b"all green")
    for _ in range(2):
        done = john.mc("ready", task.pk, "--evidence", file, "--evidence", "seen on stage", "--kind", "log")
        assert (done.code, done.err) == (0, "")
    registered, reference = Evidence.objects.filter(task=task).order_by("pk")
    assert registered.sha256 == hashlib.sha256(b"all green").hexdigest()
    assert (registered.name, registered.size, registered.kind) == (str(file), 9, "log")
    assert not registered.verified
    assert reference.name == "seen on stage"
    assert john.mc("done", task.pk, "--evidence-id", registered.pk).code == 0


def test_an_uploaded_file_is_verified(john: Desk, tmp_path: Path) -> None:
    task, file = make_task(), tmp_path / 'odd "name" é.png'
    file.write_bytes(bytes(range(256)))
    john.mc("claim", task.pk)
    assert john.mc("done", task.pk, "--evidence", file, "--upload").code == 0
    evidence = Evidence.objects.get(task=task)
    assert evidence.verified
    assert evidence.sha256 == hashlib.sha256(bytes(range(256))).hexdigest()


def test_what_a_task_requires_is_set_shown_and_cleared(john: Desk) -> None:
    added = john.mc("add", "Render the film", "--requires", "gpu", "--requires", "Norwegian", "--json").json
    assert added["requires"] == ["gpu", "norwegian"]
    assert "  requires  gpu, norwegian\n" in john.mc("show", added["id"]).out
    assert john.mc("update", added["id"], "--requires", "gpu", "--json").json["requires"] == ["gpu"]
    assert john.mc("update", added["id"], "--requires", "", "--json").json["requires"] == []
    assert "requires" not in john.mc("show", added["id"]).out


def test_done_adds_what_was_spent_once_though_it_is_run_again(john: Desk) -> None:
    task = make_task()
    assert john.mc("update", task.pk, "--cost", "2", "--json").json["cost_usd"] == 2
    john.mc("claim", task.pk)
    refused = john.mc("done", task.pk, "--cost", "1.25")
    assert (refused.code, "evidence" in refused.err) == (1, True)
    done = john.mc("done", task.pk, "--cost", "1.25", "--evidence", "seen on stage", "--json")
    assert (done.json["status"], done.json["cost_usd"]) == ("done", 3.25)
    entries = CostEntry.objects.filter(task=task).order_by("pk").values_list("amount_usd", "actor")
    assert list(entries) == [(2, "john"), (Decimal("1.25"), "john")]


def test_the_same_amount_under_another_lease_is_another_cost(john: Desk) -> None:
    task = make_task()
    for _ in range(2):
        john.mc("claim", task.pk)
        assert john.mc("done", task.pk, "--cost", "0.5", "--evidence", "seen").code == 0
        john.mc("update", task.pk, "--status", "open")
    task.refresh_from_db()
    assert task.cost_usd == 1


def test_an_amount_that_is_none_is_refused_before_anything_is_done(john: Desk) -> None:
    task = make_task()
    assert john.mc("done", task.pk, "--evidence", "seen", "--cost", "much").code == 2
    refused = john.mc("done", task.pk, "--evidence", "seen", "--cost", "0")
    assert (refused.code, "an amount of nothing is no cost" in refused.err) == (1, True)
    task.refresh_from_db()
    assert task.status == "open"


def test_a_person_gives_a_reason_to_take_over(john: Desk, ole: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    assert ole.mc("update", task.pk, "--status", "cancelled").code == 1
    assert ole.mc("update", task.pk, "--status", "cancelled", "--reason", "no longer needed").code == 0


def test_comments_and_events_are_told_in_order(john: Desk) -> None:
    task = make_task()
    assert john.mc("comment", task.pk, "Waiting for DNS").code == 0
    assert john.run("mc", "comment", task.pk, "-", text="From stdin\n").code == 0
    said = john.mc("comments", task.pk, "--json").json["items"]
    assert [(one["author"], one["body"]) for one in said] == [
        ("john", "Waiting for DNS"),
        ("john", "From stdin"),
    ]
    assert "john: Waiting for DNS" in john.mc("comments", task.pk).out
    assert [event["kind"] for event in john.mc("events", task.pk, "--json").json["items"]] == [
        "commented"
    ] * 2
    assert john.mc("events", task.pk).out.count("commented") == 2


def test_the_ledger_in_numbers(john: Desk) -> None:
    make_task()
    numbers = john.mc("stats", "--json").json
    assert numbers["total"] == Task.objects.count()
    assert john.mc("stats").out.startswith("total")


def test_a_dedup_key_answers_the_open_task(john: Desk) -> None:
    first = john.mc("add", "Once", "--dedup-key", "k").out
    again = john.mc("add", "Once", "--dedup-key", "k").out
    assert first.startswith("Task ")
    assert "is open with this key" in again


def test_what_the_server_finds_wrong_is_one_sentence(john: Desk, people: Cast, desk_of: DeskOf) -> None:
    refused = john.mc("add", "x", "--due", "9999-01-01")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "due_at" in refused.err
    outsider = desk_of(people.charlie, "charlie").mc("list")
    assert (outsider.code, outsider.err.count("\n")) == (1, 1)
    assert "scope" in outsider.err


def test_json_is_readable_whatever_the_terminal_can_show(john: Desk) -> None:
    task = make_task(title="žalba é ✓")
    assert "žalba é ✓" in john.mc("show", task.pk, "--json", PYTHONIOENCODING="utf-8").out
    assert john.mc("show", task.pk, "--json", PYTHONIOENCODING="ascii").json["title"] == "žalba é ✓"
