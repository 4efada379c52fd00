"""The network fails at any byte: what the client says and what the ledger holds agree."""

from collections.abc import Iterator

import pytest

from alai.cli.fences import Fences
from alai.cli.main import main
from missioncontrol import leases
from missioncontrol.models import Comment, Evidence, Task, TaskEvent
from tests.cast import Cast, make_task
from tests.cli.conftest import DeskOf
from tests.cli.cutting import Cutter, cutter
from tests.cli.desk import Desk


@pytest.fixture
def wire(address: str) -> Iterator[Cutter]:
    with cutter(address) as proxy:
        yield proxy


@pytest.fixture
def far(people: Cast, desk_of: DeskOf, wire: Cutter) -> Desk:
    """John's desk at the other end of the wire."""
    return desk_of(people.john, "john", "abc123", wire.address)


@pytest.fixture
def inside(far: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The same, for calls within this process: a thousand interpreters would take minutes to start."""
    for name, value in far.variables().items():
        monkeypatch.setenv(name, value)
    return far


def boundaries(wire: Cutter) -> Iterator[tuple[int, int | None]]:
    """Every place where the exchange that just passed could have been cut."""
    yield from ((there, None) for there in range(len(wire.request)))
    yield from ((len(wire.request), back) for back in range(len(wire.answer)))


def test_a_claim_that_is_cut_at_any_byte_is_settled_by_asking_again(
    inside: Desk, wire: Cutter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mc", "claim", str(make_task().pk)]) == 0
    places = list(boundaries(wire))
    assert len(places) > 500
    fences = Fences(wire.address, "abc123")
    tasks = Task.objects.bulk_create(Task(title="Cut") for _ in places)
    for task, (there, back) in zip(tasks, places, strict=True):
        wire.cut(there, back)
        code = main(["mc", "claim", str(task.pk)])
        said = capsys.readouterr()
        standing = leases.status(task.pk)
        kept = fences.kept(task.pk)
        assert standing is not None and kept is not None
        assert (code, wire.connections, said.err) == (0, 2, ""), (there, back)
        assert f"Task {task.pk} held by john:abc123 until" in said.out
        assert standing.live and standing.holder == kept["holder"] == "john:abc123"
        assert standing.fencing_token == kept["fencing_token"] == 1


def test_a_refused_claim_that_is_cut_stays_refused(inside: Desk, wire: Cutter, pi_orch: Desk) -> None:
    task = make_task()
    pi_orch.mc("claim", task.pk)
    assert main(["mc", "claim", str(task.pk)]) == 1
    for there, back in list(boundaries(wire))[::30]:
        wire.cut(there, back)
        assert main(["mc", "claim", str(task.pk)]) == 1
    standing = leases.status(task.pk)
    assert standing is not None and standing.holder == "pi-orch:xyz456"
    assert Fences(wire.address, "abc123").kept(task.pk) is None


def test_the_command_itself_settles_a_cut_claim(far: Desk, wire: Cutter) -> None:
    far.mc("claim", make_task().pk)
    for there, back in list(boundaries(wire))[::230]:
        task = make_task()
        wire.cut(there, back)
        assert far.mc("claim", task.pk).code == 0
        assert far.mc("claim-extend", task.pk).code == 0


def test_when_every_try_is_cut_the_outcome_is_called_unknown_and_the_next_run_settles_it(
    far: Desk, wire: Cutter
) -> None:
    task = make_task()
    far.mc("claim", make_task().pk)
    for there, back in ((10, None), (len(wire.request), 0), (len(wire.request), len(wire.answer) - 1)):
        wire.cut(there, back, cuts=9)
        lost = far.mc("claim", task.pk)
        assert (lost.code, lost.out, lost.err.count("\n")) == (4, "", 1)
        assert "unknown" in lost.err
        wire.cut(None, None, cuts=0)
        assert far.mc("claim", task.pk).code == 0
        standing = leases.status(task.pk)
        assert standing is not None and standing.fencing_token == 1


def test_what_is_created_is_created_once(inside: Desk, wire: Cutter) -> None:
    assert main(["mc", "add", "Measured"]) == 0
    for number, (there, back) in enumerate(list(boundaries(wire))[::110]):
        wire.cut(there, back)
        assert main(["mc", "add", f"Once {number}"]) == 0
        task = Task.objects.get(title=f"Once {number}")
        wire.cut(there, back)
        assert main(["mc", "comment", str(task.pk), "Said once"]) == 0
        assert Comment.objects.filter(task=task).count() == 1


def test_done_is_done_once(inside: Desk, wire: Cutter) -> None:
    def claimed() -> str:
        wire.cut(None, None, cuts=0)
        task = str(make_task().pk)
        assert main(["mc", "claim", task]) == 0
        return task

    assert main(["mc", "done", claimed(), "--evidence", "seen"]) == 0
    for there, back in list(boundaries(wire))[::110]:
        task = claimed()
        wire.cut(there, back)
        assert main(["mc", "done", task, "--evidence", "seen"]) == 0
        assert Task.objects.get(pk=task).status == "done"
        assert TaskEvent.objects.filter(task_id=int(task), kind="done").count() == 1
        assert Evidence.objects.filter(task_id=int(task)).count() == 1


def test_a_cut_cancel_is_settled_by_looking(inside: Desk, wire: Cutter) -> None:
    task = str(make_task().pk)
    assert main(["mc", "claim", task]) == 0
    wire.cut(10**9, 0)
    assert main(["mc", "update", task, "--status", "cancelled"]) == 0
    assert Task.objects.get(pk=task).status == "cancelled"


def test_next_grants_one_task_however_often_it_is_asked(inside: Desk, wire: Cutter) -> None:
    make_task(team="lost")
    assert main(["mc", "next", "--team", "lost"]) == 0
    for there, back in list(boundaries(wire))[::100]:
        tasks = [make_task(team="lost"), make_task(team="lost")]
        wire.cut(there, back)
        assert main(["mc", "next", "--team", "lost"]) == 0
        assert [task.lease_actor for task in Task.objects.filter(pk__in=[one.pk for one in tasks])].count(
            "john"
        ) == 1
        Task.objects.filter(team="lost").update(team="found")


def test_a_cut_release_leaves_the_task_free(inside: Desk, wire: Cutter) -> None:
    task = make_task()
    assert main(["mc", "claim", str(task.pk)]) == 0
    wire.cut(10**9, 0)
    assert main(["mc", "claim-release", str(task.pk)]) == 0
    standing = leases.status(task.pk)
    assert standing is not None and not standing.live
    assert Fences(wire.address, "abc123").kept(task.pk) is None


def test_a_cut_sweep_that_released_is_called_unknown(far: Desk, wire: Cutter) -> None:
    wire.cut(10**9, 0)
    lost = far.mc("claim-sweep", "--auto-release")
    assert (lost.code, wire.connections) == (4, 1)
    assert "unknown" in lost.err
