"""The claim protocol over HTTP, rule by rule."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from alai.kernel.models import AuditEntry
from missioncontrol.models import Grant, TaskEvent
from missioncontrol.tasks import sweep_expired_leases
from tests.cast import Caller, Cast, Reply, make_task

pytestmark = pytest.mark.django_db


def claim(caller: Caller, task_id: int, session: str = "abc123", **fields: Any) -> Reply:
    return caller.post(f"/tasks/{task_id}/claim", {"session": session, **fields})


def run_out(task_id: int) -> None:
    """Let the task's lease expire: only the database clock decides, so move the lease."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE missioncontrol_task SET lease_until = clock_timestamp() - interval '1 second' WHERE id = %s",
            [task_id],
        )


def status_of(cast: Cast, task_id: int) -> str:
    return str(cast.ole.get(f"/tasks/{task_id}").body["status"])


def test_a_claim_grants_a_lease_with_a_rising_fence(cast: Cast) -> None:
    task = make_task()
    reply = claim(cast.john, task.pk, actor="john")
    assert reply.status == 200
    assert reply.body["granted"] is True
    assert (reply.body["task_id"], reply.body["holder"], reply.body["fencing_token"]) == (
        task.pk,
        "john:abc123",
        1,
    )
    shown = cast.john.get(f"/tasks/{task.pk}").body
    assert shown["status"] == "in_progress"
    assert shown["lease"] == {
        "holder": "john:abc123", "actor": "john", "session": "abc123", "until": reply.body["lease_until"],
        "fencing_token": 1,
    }  # fmt: skip


def test_the_loser_learns_the_holder_and_when_to_retry(cast: Cast) -> None:
    task = make_task()
    won = claim(cast.john, task.pk)
    lost = claim(cast.pi_orch, task.pk, "xyz456")
    assert (lost.status, lost.body["code"], lost.body["holder"]) == (409, "lease_held", "john:abc123")
    until = won.body["lease_until"][:19] + "Z"
    assert lost.body["lease_until"] == until
    assert lost.body["detail"] == f"Task {task.pk} held by john:abc123 until {until}"
    assert 1 <= int(lost.headers["Retry-After"]) <= 30


def test_another_session_of_the_same_agent_is_another_holder(cast: Cast) -> None:
    task = make_task()
    claim(cast.john, task.pk, "s1")
    assert claim(cast.john, task.pk, "s2").status == 409
    assert claim(cast.john, task.pk, "s1/sub").status == 409


def test_the_same_holder_keeps_its_fence_until_expiry_or_release(cast: Cast) -> None:
    task = make_task()
    assert claim(cast.john, task.pk).body["fencing_token"] == 1
    assert claim(cast.john, task.pk, ttl_minutes=20).body["fencing_token"] == 1
    run_out(task.pk)
    assert claim(cast.john, task.pk).body["fencing_token"] == 2
    cast.john.post(f"/tasks/{task.pk}/claim-release", {"session": "abc123"})
    assert claim(cast.john, task.pk).body["fencing_token"] == 3


@pytest.mark.parametrize("ttl", [0, 1441, -5, 10**20, "x"])
def test_a_ttl_outside_a_day_is_422(cast: Cast, ttl: object) -> None:
    assert claim(cast.john, make_task().pk, ttl_minutes=ttl).status == 422


@pytest.mark.parametrize("session", ["", "a:b", "a/b:c", "a/b/c", "/a", "a/", "x" * 121, "a b"])
def test_a_malformed_session_is_422(cast: Cast, session: str) -> None:
    assert claim(cast.john, make_task().pk, session).status == 422


def test_a_token_claims_only_for_its_own_actor(cast: Cast) -> None:
    task = make_task()
    reply = claim(cast.john, task.pk, actor="pi-orch")
    assert (reply.status, reply.body["code"]) == (403, "actor_mismatch")
    granted = claim(cast.ole, task.pk, actor="pi-orch")
    assert granted.body["holder"] == "pi-orch:abc123"
    event = TaskEvent.objects.get(task=task)
    assert (event.actor, event.on_behalf_of) == ("ole", "pi-orch")


@pytest.mark.parametrize("status", ["done", "cancelled"])
def test_a_closed_task_cannot_be_claimed(cast: Cast, status: str) -> None:
    assert claim(cast.john, make_task(status=status).pk).body["code"] == "task_closed"


def test_only_open_becomes_in_progress(cast: Cast) -> None:
    task = make_task(status="blocked")
    claim(cast.john, task.pk)
    assert status_of(cast, task.pk) == "blocked"
    cast.john.post(f"/tasks/{task.pk}/claim-release", {"session": "abc123"})
    assert status_of(cast, task.pk) == "blocked"


def test_extend_needs_the_own_live_lease(cast: Cast) -> None:
    task = make_task()
    path, body = f"/tasks/{task.pk}/claim-extend", {"session": "abc123", "ttl_minutes": 60}
    assert cast.john.post(path, body).body["code"] == "lease_not_held"
    first = claim(cast.john, task.pk)
    extended = cast.john.post(path, body)
    assert extended.status == 200
    assert extended.body["lease_until"] > first.body["lease_until"]
    assert extended.body["fencing_token"] == 1
    assert cast.pi_orch.post(path, body).body["code"] == "lease_not_held"
    run_out(task.pk)
    assert cast.john.post(path, body).body["code"] == "lease_not_held"


def test_release_frees_the_task_and_tells_strangers_off(cast: Cast) -> None:
    task = make_task()
    path = f"/tasks/{task.pk}/claim-release"
    free = cast.john.post(path, {"session": "abc123"})
    assert (free.status, free.body["released"]) == (200, False)
    claim(cast.john, task.pk)
    assert cast.pi_orch.post(path, {"session": "abc123"}).status == 409
    assert cast.john.post(path, {"session": "abc123"}).body == {"task_id": task.pk, "released": True}
    assert status_of(cast, task.pk) == "open"


def test_claim_status_tells_available_held_and_expired(cast: Cast) -> None:
    task = make_task()
    path = f"/tasks/{task.pk}/claim-status"
    assert cast.john.get(path).body["state"] == "available"
    claim(cast.john, task.pk)
    held = cast.john.get(path).body
    assert (held["state"], held["holder"], held["fencing_token"]) == ("held", "john:abc123", 1)
    run_out(task.pk)
    assert cast.john.get(path).body["state"] == "expired"
    assert cast.john.get(f"/tasks/{task.pk}").body["lease"] is None


def test_sweep_reports_unless_told_and_beat_releases(cast: Cast) -> None:
    task = make_task()
    claim(cast.john, task.pk)
    run_out(task.pk)
    report = cast.john.post("/claims/sweep")
    assert (report.body["expired"][0]["holder"], report.body["released"]) == ("john:abc123", 0)
    assert status_of(cast, task.pk) == "in_progress"
    assert sweep_expired_leases() == "1 expired leases ended"
    assert status_of(cast, task.pk) == "open"
    assert TaskEvent.objects.filter(task=task, kind="lease_expired").count() == 1
    assert cast.john.post("/claims/sweep", {"auto_release": True}).body == {"expired": [], "released": 0}


class TestFence:
    def test_a_leased_task_changes_only_under_its_fence(self, cast: Cast) -> None:
        task = make_task()
        path = f"/tasks/{task.pk}"
        claim(cast.john, task.pk)
        for change in ({"status": "paused"}, {"owner": "john"}):
            for caller, fence in (
                (cast.john, {}),
                (cast.pi_orch, {}),
                (cast.pi_orch, {"x_fencing_token": "1"}),
            ):
                reply = caller.patch(path, change, **fence)
                assert (reply.status, reply.body["code"]) == (409, "lease_held")
                assert reply.body["holder"] == "john:abc123"
        assert cast.john.patch(path, {"status": "paused", "owner": "john"}, x_fencing_token="1").status == 200

    def test_evidence_ready_and_done_need_the_fence_too(self, cast: Cast) -> None:
        task = make_task()
        claim(cast.john, task.pk)
        file = {"path": "/a", "sha256": "0" * 64, "size": 1, "mtime": "2026-01-01T00:00:00Z", "host": "anvil"}
        for path, body in (("evidence", file), ("ready", {"evidence": ["x"]}), ("done", {"evidence": ["x"]})):
            assert cast.john.post(f"/tasks/{task.pk}/{path}", body).body["code"] == "lease_held", path
            assert (
                cast.john.post(f"/tasks/{task.pk}/{path}", body, x_fencing_token="7").body["code"]
                == "stale_fence"
            )
        assert cast.john.post(f"/tasks/{task.pk}/evidence", file, x_fencing_token="1").status == 201
        wrong = cast.john.post(
            f"/tasks/{task.pk}/done", {"evidence": ["x"], "session": "other"}, x_fencing_token="1"
        )
        assert wrong.body["code"] == "lease_held"
        done = cast.john.post(
            f"/tasks/{task.pk}/done",
            {"evidence": ["x"], "actor": "john", "session": "abc123"},
            x_fencing_token="1",
        )
        assert (done.status, done.body["lease"]) == (200, None)

    def test_a_fence_that_ended_is_stale_even_on_a_free_task(self, cast: Cast) -> None:
        task = make_task()
        path = f"/tasks/{task.pk}"
        assert cast.john.patch(path, {"title": "x"}, x_fencing_token="0").body["code"] == "stale_fence"
        claim(cast.john, task.pk)
        run_out(task.pk)
        assert cast.john.patch(path, {"status": "paused"}, x_fencing_token="1").body["code"] == "stale_fence"
        cast.john.post(f"{path}/claim-release", {"session": "abc123"})
        assert cast.john.patch(path, {"title": "x"}, x_fencing_token="1").body["code"] == "stale_fence"
        assert cast.john.patch(path, {"status": "paused"}).status == 200

    def test_a_zombie_writes_nothing_after_another_took_over(self, cast: Cast) -> None:
        task = make_task()
        claim(cast.john, task.pk)
        run_out(task.pk)
        assert claim(cast.pi_orch, task.pk).body["fencing_token"] == 2
        zombie = cast.john.post(f"/tasks/{task.pk}/done", {"evidence": ["x"]}, x_fencing_token="1")
        assert zombie.body["code"] == "stale_fence"

    def test_the_lease_is_judged_before_the_evidence(self, cast: Cast) -> None:
        task = make_task()
        claim(cast.pi_orch, task.pk)
        assert cast.john.post(f"/tasks/{task.pk}/done").body["code"] == "lease_held"

    @pytest.mark.parametrize("fence", ["x", "-1", "1.5", str(2**63)])
    def test_a_fence_that_is_no_number_is_422(self, cast: Cast, fence: str) -> None:
        assert (
            cast.john.patch(f"/tasks/{make_task().pk}", {"title": "x"}, x_fencing_token=fence).status == 422
        )


class TestPeople:
    def test_people_plan_around_a_lease(self, cast: Cast) -> None:
        task = make_task()
        claim(cast.john, task.pk)
        change: dict[str, Any] = {"title": "T", "description": "D", "priority": "low", "due_at": "2027-01-01"}
        change |= {"team": "x", "tags": ["y"], "depends_on": []}
        assert cast.ole.patch(f"/tasks/{task.pk}", change).status == 200
        assert cast.ole.post(f"/tasks/{task.pk}/comments", {"body": "hi"}).status == 201
        assert cast.john.get(f"/tasks/{task.pk}/claim-status").body["state"] == "held"

    def test_a_person_takes_over_with_a_reason_which_ends_the_lease(self, cast: Cast) -> None:
        task = make_task()
        path = f"/tasks/{task.pk}"
        claim(cast.john, task.pk)
        assert cast.ole.patch(path, {"status": "cancelled"}).body["code"] == "reason_required"
        taken = cast.ole.patch(path, {"owner": "ole", "reason": "stuck"})
        assert (taken.status, taken.body["lease"]) == (200, None)
        state = cast.ole.get(f"{path}/claim-status").body
        assert (state["state"], state["fencing_token"]) == ("available", 2)
        event = TaskEvent.objects.get(task=task, kind="reassigned")
        assert (event.why, event.data["taken_over"], event.data["lease_ended"]) == (
            "stuck",
            True,
            "john:abc123",
        )
        assert cast.john.patch(path, {"status": "paused"}, x_fencing_token="1").body["code"] == "stale_fence"

    def test_ops_force_a_release_with_a_reason(self, cast: Cast) -> None:
        task = make_task()
        path = f"/tasks/{task.pk}/claim-release"
        claim(cast.john, task.pk)
        assert cast.pi_orch.post(path, {"force": True, "reason": "stuck"}).body["code"] == "scope_missing"
        assert cast.ole.post(path, {"force": True}).status == 422
        assert cast.ole.post(path, {"force": True, "reason": "stuck"}).body["released"] is True
        assert AuditEntry.objects.get(action="force-release").why == "stuck"
        assert claim(cast.pi_orch, task.pk).body["fencing_token"] == 3


class TestOverride:
    APPROVAL = {"approval": "[CEO_APPROVED]", "reason": "the client waits"}

    def test_the_words_alone_are_no_authority(self, cast: Cast) -> None:
        task = make_task()
        claim(cast.john, task.pk)
        for caller in (cast.pi_orch, cast.ole):
            assert claim(caller, task.pk, "z", override=self.APPROVAL).body["code"] == "override_not_allowed"
        assert claim(cast.ada, task.pk, "z", override={**self.APPROVAL, "approval": "please"}).status == 403
        refused = AuditEntry.objects.filter(action="override-claim-refused").values_list(
            "actor", "target_id", "why"
        )
        assert list(refused.order_by("id")) == [
            (name, str(task.pk), "the client waits") for name in ("pi-orch", "ole", "ada")
        ]

    def test_a_ceo_overrides_which_is_audited_and_raises_the_fence(self, cast: Cast) -> None:
        task = make_task()
        claim(cast.john, task.pk)
        reply = claim(cast.ada, task.pk, "z", override=self.APPROVAL)
        assert (reply.status, reply.body["holder"], reply.body["fencing_token"]) == (200, "ada:z", 2)
        entry = AuditEntry.objects.get(action="override-claim")
        assert (entry.actor, entry.target_id, entry.why) == ("ada", str(task.pk), "the client waits")

    def test_a_grant_is_recorded_by_a_ceo_and_used_once(self, cast: Cast) -> None:
        task = make_task()
        body = {"task_id": task.pk, "action": "claim", "reason": "john is away"}
        assert cast.ole.post("/grants", body).status == 403
        grant = cast.ada.post("/grants", body)
        assert grant.status == 201
        assert grant.body.keys() == {"grant_id", "expires_at"}
        claim(cast.john, task.pk)
        override = {**self.APPROVAL, "grant_id": grant.body["grant_id"]}
        assert claim(cast.pi_orch, make_task().pk, "z", override=override).status == 403
        assert claim(cast.pi_orch, task.pk, "z", override=override).body["holder"] == "pi-orch:z"
        assert claim(cast.john, task.pk, "y", override=override).status == 403
        assert Grant.objects.get().used_by == "pi-orch"

    def test_a_refused_override_does_not_use_the_grant_up(self, cast: Cast) -> None:
        task = make_task(status="done")
        grant = cast.ada.post("/grants", {"task_id": task.pk, "action": "claim", "reason": "r"})
        override = {**self.APPROVAL, "grant_id": grant.body["grant_id"]}
        assert claim(cast.pi_orch, task.pk, "z", override=override).body["code"] == "task_closed"
        assert Grant.objects.get().used_at is None

    def test_a_release_can_be_overridden_too(self, cast: Cast) -> None:
        task = make_task()
        claim(cast.john, task.pk)
        path = f"/tasks/{task.pk}/claim-release"
        assert cast.pi_orch.post(path, {"session": "q", "override": self.APPROVAL}).status == 403
        assert cast.ada.post(path, {"session": "q", "override": self.APPROVAL}).body["released"] is True


class TestNext:
    def test_next_takes_the_best_and_shows_the_task(self, cast: Cast) -> None:
        make_task(title="low", priority=0)
        late = make_task(title="late", priority=2, due_at="2027-02-01T00:00Z")
        soon = make_task(title="soon", priority=2, due_at="2027-01-01T00:00Z")
        make_task(title="whenever", priority=2)
        reply = cast.john.post("/claims/next", {"session": "s"})
        assert (reply.body["task_id"], reply.body["task"]["title"]) == (soon.pk, "soon")
        assert reply.body["task"]["lease"]["holder"] == reply.body["holder"] == "john:s"
        assert cast.john.post("/claims/next", {"session": "s"}).body["task_id"] == late.pk

    def test_next_passes_over_what_is_held_waiting_or_not_open(self, cast: Cast) -> None:
        for status in ("paused", "blocked", "ready", "done", "cancelled"):
            make_task(status=status)
        waiting, first = make_task(), make_task(status="cancelled")
        waiting.dependency_rows.create(depends_on=first)
        held = make_task()
        claim(cast.pi_orch, held.pk)
        assert cast.john.post("/claims/next", {"session": "s"}).status == 204
        run_out(held.pk)
        assert cast.john.post("/claims/next", {"session": "s"}).body["task_id"] == held.pk

    def test_filters_narrow_the_choice(self, cast: Cast) -> None:
        make_task(team="drop", priority=3)
        wanted = make_task(team="bilko", tags=["seo", "mail"], owner="john", source="board", priority=2)
        filters = {
            "team": ["bilko", "x"],
            "tags": ["seo"],
            "owner": "john",
            "source": "board",
            "priority": "high",
        }
        reply = cast.john.post("/claims/next", {"session": "s", "filters": filters})
        assert reply.body["task_id"] == wanted.pk

    def test_with_a_key_the_same_grant_returns_while_its_lease_lives(self, cast: Cast) -> None:
        first, second = make_task(), make_task()

        def ask() -> Reply:
            return cast.john.post("/claims/next", {"session": "s"}, idempotency_key="k1")

        once, again = ask(), ask()
        assert (again.body, again.headers["Idempotency-Replayed"]) == (once.body, "true")
        run_out(first.pk)
        assert ask().body["fencing_token"] == 2
        cast.john.post(f"/tasks/{first.pk}/done", {"evidence": ["x"]}, x_fencing_token="2")
        assert ask().body["task_id"] == second.pk


class TestUnenforced:
    @pytest.fixture(autouse=True)
    def _rolled_back(self, settings: Any) -> Callable[[], None] | None:
        settings.MC_LEASE_ENFORCE = False
        return None

    def test_claims_are_granted_recorded_and_shown(self, cast: Cast) -> None:
        task = make_task()
        claim(cast.john, task.pk)
        reply = claim(cast.pi_orch, task.pk, "z")
        assert (reply.status, reply.body["enforced"], reply.body["holder"]) == (200, False, "pi-orch:z")
        assert TaskEvent.objects.filter(task=task).last().data["unenforced"] is True  # type: ignore[union-attr]
        assert cast.john.patch(f"/tasks/{task.pk}", {"status": "paused"}).status == 200
        assert cast.nobody.get("/health/ready").body["checks"]["lease_enforcement"]["status"] == "degraded"
