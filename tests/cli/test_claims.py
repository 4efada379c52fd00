"""The claim protocol in the handbook's words and exit codes. Source: handbook, "MC Claim Protocol"."""

import re

from django.db import connection

from alai.kernel.models import Actor
from missioncontrol.models import Task
from tests.cast import Cast, make_task
from tests.cli.conftest import DeskOf
from tests.cli.desk import Desk

UNTIL = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def test_a_claim_succeeds_once_and_the_loser_learns_who_holds_it(john: Desk, pi_orch: Desk) -> None:
    task = make_task()
    first = john.mc("claim", task.pk, "--ttl-minutes", 10)
    assert (first.code, first.err) == (0, "")
    second = pi_orch.mc("claim", task.pk)
    assert second.code == 1
    assert re.fullmatch(f"Task {task.pk} held by john:abc123 until {UNTIL}\n", second.err)
    assert second.out == ""


def test_flags_say_who_claims(people: Cast, address: str, john: Desk) -> None:
    task = make_task()
    words = ("--actor", "john", "--session", "s/agent-2", "--url", address, "--json")
    grant = john.mc("claim", task.pk, *words, ALAI_MC_URL="", ALAI_ACTOR="", ALAI_SESSION="")
    assert grant.json["holder"] == "john:s/agent-2"
    assert grant.json["fencing_token"] == 1


def test_extend_release_and_status_follow_the_lease(john: Desk, pi_orch: Desk) -> None:
    task = make_task()
    assert john.mc("claim-status", task.pk).out == "available\n"
    assert john.mc("claim-extend", task.pk).code == 1
    john.mc("claim", task.pk)
    assert john.mc("claim-extend", task.pk, "--ttl-minutes", 30).code == 0
    assert pi_orch.mc("claim-extend", task.pk).code == 1
    assert re.fullmatch(
        f"Task {task.pk} held by john:abc123 until {UNTIL}\n", pi_orch.mc("claim-status", task.pk).out
    )
    assert pi_orch.mc("claim-status", task.pk, "--json").json["state"] == "held"
    assert pi_orch.mc("claim-release", task.pk).code == 1
    assert john.mc("claim-release", task.pk).out == f"Task {task.pk} released\n"
    assert john.mc("claim-release", task.pk).out == f"Task {task.pk} was free already\n"
    assert pi_orch.mc("claim", task.pk).code == 0


def test_a_sweep_reports_and_releases_what_has_expired(john: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    expire(task)
    assert john.mc("claim-status", task.pk).out.startswith("available (lease of john:abc123 expired ")
    report = john.mc("claim-sweep", "--json").json
    assert [lease["task_id"] for lease in report["expired"]] == [task.pk]
    assert report["released"] == 0
    assert "1 expired, 1 released" in john.mc("claim-sweep", "--auto-release").out
    assert john.mc("claim-status", task.pk).out == "available\n"


def test_next_claims_the_best_task_and_says_when_there_is_none(john: Desk) -> None:
    make_task(team="harbour", priority=1)
    best = make_task(team="harbour", priority=3)
    grant = john.mc("next", "--team", "harbour", "--priority", "high", "--json")
    assert grant.json["task_id"] == grant.json["task"]["id"] == best.pk
    assert john.mc("next", "--team", "harbour").code == 0
    none = john.mc("next", "--team", "harbour")
    assert (none.code, none.err) == (1, "No task is waiting.\n")


def test_next_hands_out_only_what_one_says_one_can_do(john: Desk) -> None:
    hard = make_task(team="berth", requires=["gpu", "norwegian"], priority=3)
    easy = make_task(team="berth")
    words = ("next", "--team", "berth", "--json")
    assert john.mc(*words, "--capability", "gpu").json["task_id"] == easy.pk
    assert john.mc(*words).code == 1  # nothing is recorded of john
    Actor.objects.filter(name="john").update(capabilities=["gpu", "norwegian"])
    assert john.mc(*words, "--capability", "").code == 1
    assert john.mc(*words, "--capability", "norwegian", "--capability", "GPU").json["task_id"] == hard.pk


def test_an_override_needs_a_ceo_and_a_reason(
    people: Cast, desk_of: DeskOf, john: Desk, pi_orch: Desk
) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    words = ("claim", task.pk, "--override", "[CEO_APPROVED]")
    assert pi_orch.mc(*words).code == 2
    assert pi_orch.mc(*words, "--reason", "urgent").code == 1
    grant = people.ada.post("/grants", {"task_id": task.pk, "action": "claim", "reason": "urgent"}).body[
        "grant_id"
    ]
    assert pi_orch.mc(*words, "--reason", "urgent", "--grant-id", grant).code == 0
    assert desk_of(people.ada, "ada").mc(*words, "--reason", "mine now").code == 0


def test_ops_end_a_stuck_lease_with_a_reason(john: Desk, ole: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    assert ole.mc("claim-release", task.pk, "--force").code == 2
    assert john.mc("claim-release", task.pk, "--force", "--reason", "x").code == 1
    assert ole.mc("claim-release", task.pk, "--force", "--reason", "the host is gone").code == 0
    assert ole.mc("claim-status", task.pk).out == "available\n"


def test_clearance_is_circuit_breaker_seven(john: Desk, pi_orch: Desk) -> None:
    task = make_task()
    assert (pi_orch.mc("clearance", task.pk).code, pi_orch.mc("clearance", task.pk).out) == (
        0,
        "VERDICT: CLEAR\n",
    )
    john.mc("claim", task.pk)
    assert john.mc("clearance", task.pk).code == 0
    assert john.mc("clearance", task.pk, ALAI_ACTOR="").code == 0
    assert john.mc("clearance", task.pk, ALAI_SESSION="another").code == 1
    blocked = pi_orch.mc("clearance", task.pk)
    assert blocked.code == 1
    assert re.fullmatch(f"VERDICT: BLOCKED Task {task.pk} held by john:abc123 until {UNTIL}\n", blocked.out)
    assert pi_orch.mc("clearance", task.pk, "--json").json["lease_holder"] == "john:abc123"
    expire(task)
    assert pi_orch.mc("clearance", task.pk).code == 0
    assert pi_orch.mc("clearance", 999_999).code == 1


def test_a_closed_or_missing_task_is_refused(john: Desk) -> None:
    task = make_task(status="done")
    assert john.mc("claim", task.pk).err == f"Task {task.pk} is done; reopen it first.\n"
    missing = john.mc("claim", 999_999)
    assert (missing.code, missing.err) == (1, "There is no task 999999.\n")


def expire(task: Task) -> None:
    """As if its time had passed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE missioncontrol_task SET lease_until = clock_timestamp() - interval '1 second' WHERE id = %s",
            [task.pk],
        )
