"""The fence is kept at claim time, shown with each write, and never fetched for the occasion."""

from pathlib import Path

from tests.cast import make_task
from tests.cli.desk import Desk
from tests.cli.test_claims import expire


def test_a_claim_keeps_its_fence_readable_by_its_owner_alone(john: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    (fence,) = john.fences()
    assert fence.name == f"{task.pk}.fence"
    assert fence.stat().st_mode & 0o777 == 0o600
    assert fence.parent.stat().st_mode & 0o777 == 0o700
    john.mc("claim-release", task.pk)
    assert john.fences() == []


def test_the_holder_writes_with_the_fence_and_done_forgets_it(john: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    assert john.mc("update", task.pk, "--status", "blocked").code == 0
    assert john.mc("done", task.pk, "--evidence", "seen").code == 0
    assert john.fences() == []


def test_a_session_that_lost_its_lease_cannot_write_even_when_the_task_is_free(john: Desk, ole: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    ole.mc("claim-release", task.pk, "--force", "--reason", "stuck")
    for words in (("done", task.pk, "--evidence", "x"), ("update", task.pk, "--status", "paused")):
        late = john.mc(*words)
        assert late.code == 1
        assert "is not current" in late.err
    assert len(john.fences()) == 1
    assert john.mc("claim", task.pk).code == 0
    assert john.mc("done", task.pk, "--evidence", "x").code == 0


def test_an_expired_lease_is_a_stale_fence(john: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    expire(task)
    assert "is not current" in john.mc("update", task.pk, "--status", "paused").err


def test_the_same_session_of_another_task_or_session_has_no_fence(john: Desk) -> None:
    task, other = make_task(), make_task()
    john.mc("claim", task.pk)
    assert john.mc("update", other.pk, "--status", "paused").code == 0
    refused = john.mc("done", task.pk, "--evidence", "x", ALAI_SESSION="another")
    assert refused.code == 1
    assert "held by john:abc123" in refused.err


def test_a_fence_that_is_gone_is_not_fetched_anew(john: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    john.fences()[0].unlink()
    assert john.mc("done", task.pk, "--evidence", "x").code == 1


def test_sessions_with_odd_names_stay_apart(john: Desk) -> None:
    task = make_task()
    names = ["..", "a/..", "é" * 100, "x" * 120, "%2e%2e"]
    for name in names:
        assert john.mc("claim", task.pk, ALAI_SESSION=name).code == 0, name
        assert john.mc("claim-release", task.pk, ALAI_SESSION=name).code == 0
    assert john.fences() == []


def test_without_a_place_to_keep_the_fence_nothing_is_claimed(john: Desk, tmp_path: Path) -> None:
    task = make_task()
    (tmp_path / "file").write_text("in the way")
    refused = john.mc("claim", task.pk, XDG_STATE_HOME=str(tmp_path / "file"))
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert john.mc("claim-status", task.pk).out == "available\n"


def test_a_damaged_fence_is_one_sentence(john: Desk) -> None:
    task = make_task()
    john.mc("claim", task.pk)
    john.fences()[0].write_text("{")
    damaged = john.mc("done", task.pk, "--evidence", "x")
    assert (damaged.code, damaged.err.count("\n")) == (1, 1)
    assert john.mc("claim", task.pk).code == 0
