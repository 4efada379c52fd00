"""Gates before done: a higher app adds one, and everything that is missing is named at once."""

from collections.abc import Iterator, Sequence

import pytest

from missioncontrol import gates
from missioncontrol.gates import Verb
from missioncontrol.models import Evidence, Task
from tests.cast import Cast, make_task

pytestmark = pytest.mark.django_db


def a_picture(verb: Verb, task: Task, evidence: Sequence[Evidence]) -> list[str]:
    return [] if any(piece.kind == "image" for piece in evidence) else ["a picture of the page"]


@pytest.fixture(autouse=True)
def _picture_gate() -> Iterator[None]:
    gates.register(gates.Gate("picture", a_picture, verbs=("done",)))
    yield
    gates.unregister("picture")


def test_all_that_is_missing_is_named_with_its_gate(cast: Cast) -> None:
    reply = cast.john.post(f"/tasks/{make_task().pk}/done")
    assert (reply.status, reply.body["code"]) == (422, "evidence_required")
    assert [item["gate"] for item in reply.body["missing"]] == ["evidence", "picture"]


def test_a_gate_stands_only_before_its_verbs(cast: Cast) -> None:
    task = make_task()
    assert cast.john.post(f"/tasks/{task.pk}/ready", {"evidence": ["words"]}).status == 200
    assert cast.john.patch(f"/tasks/{task.pk}", {"status": "done"}).body["missing"][0]["gate"] == "picture"


def test_what_was_missing_opens_it(cast: Cast) -> None:
    task = make_task()
    file = {"path": "/a.png", "sha256": "0" * 64, "size": 1, "mtime": "2026-01-01T00:00:00Z", "host": "anvil"}
    piece = cast.john.post(f"/tasks/{task.pk}/evidence", file).body["id"]
    assert cast.john.post(f"/tasks/{task.pk}/done", {"evidence": [piece]}).body["status"] == "done"
