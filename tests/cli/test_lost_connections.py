"""The network fails at any byte: what the client says and what the ledger holds agree."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from alai.cli.fences import Fences
from alai.cli.main import main
from alai.kernel.principals import Principal
from missioncontrol import leases, services
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


SOME = 7  # a claim is cut at every byte; what costs more, at every seventh


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


def test_a_task_that_is_added_over_a_line_cut_anywhere_is_there_once(
    inside: Desk, wire: Cutter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mc", "add", "Once 0000"]) == 0
    places = list(boundaries(wire))[::SOME]
    assert len(places) > 100
    for number, (there, back) in enumerate(places, start=1):
        wire.cut(there, back)
        assert main(["mc", "add", f"Once {number:04}"]) == 0, (there, back)
        assert wire.connections >= 2
    added = Task.objects.order_by("id").values_list("title", flat=True)
    assert list(added) == [f"Once {number:04}" for number in range(len(places) + 1)]
    assert TaskEvent.objects.filter(kind="created").count() == len(added)
    assert capsys.readouterr().err == ""


def test_a_comment_is_said_once(inside: Desk, wire: Cutter) -> None:
    task = str(make_task().pk)
    assert main(["mc", "comment", task, "Measured"]) == 0
    for number, (there, back) in enumerate(list(boundaries(wire))[::110]):
        wire.cut(there, back)
        assert main(["mc", "comment", task, f"Said once {number}"]) == 0
        assert Comment.objects.filter(body=f"Said once {number}").count() == 1


def test_an_outcome_that_stays_unknown_is_settled_by_the_key_it_names(far: Desk, wire: Cutter) -> None:
    """The key is the run's own: the same words again without it would be another task."""
    for there, back in ((10, None), (10**9, 0), (10**9, 500)):
        wire.cut(there, back, cuts=2)
        lost = far.mc("add", f"Unknown {there} {back}")
        assert (lost.code, lost.out, lost.err.count("\n")) == (4, "", 1)
        key = re.search(r"run the same command again with --idempotency-key (\w+)\.", lost.err)
        assert key is not None, lost.err
        settled = far.mc("add", f"Unknown {there} {back}", "--idempotency-key", key[1], "--json")
        assert settled.code == 0
        assert Task.objects.get(title=f"Unknown {there} {back}").pk == settled.json["id"]
        other = far.mc("add", "Other words", "--idempotency-key", key[1])
        assert (other.code, "used with another body" in other.err) == (1, True)


def test_done_over_a_line_cut_anywhere_is_done_once(
    inside: Desk, wire: Cutter, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its evidence, under its fence, however often it is asked for."""
    fences = Fences(wire.address, "abc123")
    john = Principal("john", scopes=frozenset({"tasks:write"}))

    def claimed() -> int:
        task = make_task().pk
        grant = services.claim_task(by=john, task_id=task, session="abc123", ttl=timedelta(minutes=10))
        fences.keep(task, grant.fencing_token, grant.holder)
        return task

    fences.prepare()
    assert main(["mc", "done", str(claimed()), "--evidence", "seen"]) == 0
    places = list(boundaries(wire))[::SOME]
    assert len(places) > 100
    tasks = []
    for there, back in places:
        tasks.append(claimed())
        wire.cut(there, back)
        assert main(["mc", "done", str(tasks[-1]), "--evidence", "seen"]) == 0, (there, back)
        assert wire.connections >= 2
    assert set(Task.objects.filter(pk__in=tasks).values_list("status", "lease_actor")) == {("done", "")}
    for happened in (
        TaskEvent.objects.filter(task_id__in=tasks, kind="done"),
        Evidence.objects.filter(task_id__in=tasks),
    ):
        assert sorted(happened.values_list("task_id", flat=True)) == tasks
    assert inside.fences() == []
    assert capsys.readouterr().err == ""


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
