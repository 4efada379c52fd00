"""Evidence policies: rows that say what a task needs before it is ready or done."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from alai.kernel.models import AuditEntry
from missioncontrol import policies
from missioncontrol.models import Evidence, GatePolicy, Priority, Task
from tests.cast import Cast, Reply, make_task

ONE_PIECE = policies.ONE_PIECE


def policy(**fields: Any) -> GatePolicy:
    return GatePolicy.objects.create(**{"why": "Customers see it", **fields})


def piece(task: Task, kind: str = "", *, verified: bool = True) -> Evidence:
    form = Evidence.Kind.FILE if verified else Evidence.Kind.REGISTERED
    return Evidence.objects.create(
        task=task, form=form, kind=kind, name=f"a.{kind}", verified=verified, created_by="john"
    )


def missing(reply: Reply) -> list[str]:
    """What a refusal says is missing; all three places say the same."""
    assert (reply.status, reply.body["code"]) == (422, "evidence_required"), reply.body
    assert {item["gate"] for item in reply.body["missing"]} == {"evidence"}
    sentences = [item["missing"] for item in reply.body["missing"]]
    assert [error["msg"] for error in reply.body["errors"]] == sentences
    assert all(sentence in reply.body["detail"] for sentence in sentences)
    return sentences


@pytest.mark.django_db
class TestTheGate:
    @pytest.mark.parametrize("verb", ["ready", "done"])
    def test_without_a_policy_words_are_enough_and_nothing_is_not(self, cast: Cast, verb: str) -> None:
        task = make_task()
        assert missing(cast.john.post(f"/tasks/{task.pk}/{verb}")) == [ONE_PIECE]
        assert cast.john.post(f"/tasks/{task.pk}/{verb}", {"evidence": ["I saw it run"]}).status == 200

    def test_a_stricter_one_does_not_take_words(self, cast: Cast) -> None:
        policy(verified_only=True)
        task = make_task()
        body = {"evidence": ["I saw it run"]}
        assert missing(cast.john.post(f"/tasks/{task.pk}/done", body)) == [
            "one verified piece of evidence, of which there is none: upload a file (Customers see it)"
        ]
        assert not task.evidence.exists()  # a refusal leaves nothing
        piece(task, verified=False)
        assert len(missing(cast.john.post(f"/tasks/{task.pk}/done"))) == 1
        piece(task)
        assert cast.john.post(f"/tasks/{task.pk}/done", body).body["status"] == "done"

    def test_a_stored_file_meets_it(self, cast: Cast, settings: Any, tmp_path: Any) -> None:
        settings.MEDIA_ROOT = tmp_path
        policy(verified_only=True, kinds=["screenshot"])
        task = make_task()
        headers = {"Authorization": f"Bearer {cast.john.token}"}
        upload = {"file": SimpleUploadedFile("page.png", b"png"), "kind": "Screenshot"}
        assert Client().post(f"/api/v1/tasks/{task.pk}/evidence", upload, headers=headers).status_code == 201
        assert cast.john.post(f"/tasks/{task.pk}/done").status == 200

    def test_every_missing_thing_is_named_at_once(self, cast: Cast) -> None:
        policy(minimum=3, kinds=["screenshot", "image"])
        policy(verified_only=True, kinds=["test-report"], why="A CEO asked for it")
        task = make_task()
        piece(task, "screenshot", verified=False)
        assert missing(cast.john.post(f"/tasks/{task.pk}/done")) == [
            "three pieces of evidence, of which there is one (Customers see it)",
            "an image (Customers see it)",
            "one verified piece of evidence, of which there is none: upload a file (A CEO asked for it)",
            "a verified test-report (A CEO asked for it)",
        ]

    def test_all_matching_ones_must_be_content(self, cast: Cast) -> None:
        policy(kinds=["screenshot"])
        policy(team="web", kinds=["test-report"])
        task, other = make_task(team="web"), make_task(team="sales")
        for one in (task, other):
            piece(one, "screenshot")
        assert missing(cast.john.post(f"/tasks/{task.pk}/done")) == ["a test-report (Customers see it)"]
        assert cast.john.post(f"/tasks/{other.pk}/done").status == 200
        piece(task, "test-report")
        assert cast.john.post(f"/tasks/{task.pk}/done").status == 200

    @pytest.mark.parametrize(("rank", "refused"), [("low", 0), ("medium", 0), ("high", 1), ("critical", 1)])
    def test_it_begins_at_its_priority(self, cast: Cast, rank: str, refused: int) -> None:
        policy(priority_at_least=Priority.HIGH, verified_only=True)
        task = make_task(priority=Priority[rank.upper()])
        reply = cast.john.post(f"/tasks/{task.pk}/done", {"evidence": ["seen"]})
        assert reply.status == (422 if refused else 200)

    @pytest.mark.parametrize(
        ("fields", "ready", "done"),
        [
            ({"before_ready": False}, 200, 422),
            ({"before_done": False}, 422, 200),
            ({}, 422, 422),
            ({"enabled": False}, 200, 200),
        ],
    )
    def test_it_stands_before_its_verbs_while_it_is_on(
        self, cast: Cast, fields: dict[str, bool], ready: int, done: int
    ) -> None:
        policy(verified_only=True, **fields)
        for verb, status in (("ready", ready), ("done", done)):
            task = make_task()
            assert cast.john.post(f"/tasks/{task.pk}/{verb}", {"evidence": ["seen"]}).status == status

    def test_a_changed_status_and_a_bulk_item_pass_it_too(self, cast: Cast) -> None:
        policy(kinds=["screenshot"])
        task = make_task()
        piece(task, "log")
        missing(cast.john.patch(f"/tasks/{task.pk}", {"status": "done"}))
        item = {"op": "update", "id": task.pk, "status": "ready"}
        (result,) = cast.john.post("/tasks/bulk", {"items": [item]}).body["results"]
        assert (result["status"], result["problem"]["code"]) == (422, "evidence_required")

    def test_accepting_what_was_ready_judges_it_once_more(self, cast: Cast) -> None:
        task = make_task()
        cast.john.post(f"/tasks/{task.pk}/ready", {"evidence": ["seen"]})
        policy(verified_only=True)
        missing(cast.ole.post(f"/tasks/{task.pk}/done"))
        task.refresh_from_db()
        assert task.status == "ready"

    def test_writing_one_is_audited(self) -> None:
        row = policy(team="web")
        GatePolicy.objects.filter(pk=row.pk).update(minimum=2)
        entries = AuditEntry.objects.filter(target_type="missioncontrol_gatepolicy").order_by("id")
        assert [entry.action for entry in entries] == ["insert", "update"]
        assert (entries[1].before, entries[1].after) == ({"minimum": 1}, {"minimum": 2})


KINDS = ["screenshot", "test-report", "log"]
PIECES = st.lists(
    st.builds(Evidence, kind=st.sampled_from([*KINDS, "", "Screenshot"]), verified=st.booleans()), max_size=6
)
POLICIES = st.builds(
    GatePolicy,
    minimum=st.integers(1, 4),
    verified_only=st.booleans(),
    kinds=st.lists(st.sampled_from(KINDS), unique=True),
    why=st.just("because"),
)


@given(POLICIES, PIECES)
def test_a_policy_is_content_exactly_when_enough_pieces_and_all_kinds_count(
    rule: GatePolicy, evidence: list[Evidence]
) -> None:
    counted = [one for one in evidence if one.verified or not rule.verified_only]
    kinds = {one.kind.lower() for one in counted}
    content = len(counted) >= rule.minimum and kinds.issuperset(rule.kinds)
    assert (not policies.lacking(rule, evidence)) == content


@given(POLICIES, PIECES, PIECES)
def test_more_evidence_never_makes_a_policy_want_more(
    rule: GatePolicy, some: list[Evidence], more: list[Evidence]
) -> None:
    assert len(policies.lacking(rule, some + more)) <= len(policies.lacking(rule, some))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (GatePolicy(), "Before ready and done, tasks of every team need one piece of evidence."),
        (
            GatePolicy(team="web", priority_at_least=Priority.HIGH, before_ready=False, minimum=2, verified_only=True),
            "Before done, tasks of team web of high priority or more need two verified pieces of evidence.",
        ),
        (
            GatePolicy(priority_at_least=Priority.CRITICAL, before_done=False, kinds=["image", "test-report"]),
            "Before ready, tasks of every team of critical priority need one piece of evidence, among them an image "
            "and a test-report.",
        ),
        (
            GatePolicy(enabled=False, kinds=["log"], verified_only=True),
            "Before ready and done, tasks of every team need one verified piece of evidence, among them a verified "
            "log. It is switched off.",
        ),
    ],
)  # fmt: skip
def test_a_policy_is_told_in_a_sentence(rule: GatePolicy, sentence: str) -> None:
    assert policies.sentence(rule) == sentence


@pytest.mark.django_db
def test_it_covers_the_open_tasks_of_its_team_and_priority() -> None:
    make_task(team="web", priority=Priority.HIGH)
    make_task(team="web", priority=Priority.CRITICAL, status="ready")
    make_task(team="web", priority=Priority.MEDIUM)
    make_task(team="web", priority=Priority.HIGH, status="done")
    make_task(team="sales", priority=Priority.HIGH)
    assert policies.covered(policy(team="web", priority_at_least=Priority.HIGH)).count() == 2
    assert policies.covered(policy(priority_at_least=Priority.HIGH)).count() == 3
    assert policies.covered(policy()).count() == 4
