"""Random sequences of the lease verbs against the model: verdicts, fences, statuses, and one event an accepted verb."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from alai.kernel.errors import ApiError
from alai.kernel.models import Actor, AuditEntry
from alai.kernel.principals import Principal
from missioncontrol import leases, services
from missioncontrol.leases import Presented
from missioncontrol.models import Dependency, Priority, Status, Task, TaskEvent
from missioncontrol.services.claims import CEO_APPROVED, NextFilters, Override
from tests.missioncontrol.leases.model import CLOSED, Holder, ModelTask
from tests.missioncontrol.leases.people import ADA, JOHN, OLE, PI_ORCH, TTL, let_expire
from tests.missioncontrol.leases.together import outcome

AGENTS = {"john": JOHN, "pi-orch": PI_ORCH}
PRIORITIES = (1, 3, 2)
WAITS_FOR = {1: [0]}  # the most urgent task waits for the first

LIMITS = {"pi-orch": 1}  # how many tasks it may hold at once

HOLDERS = [("john", "s1"), ("john", "s2"), ("pi-orch", "s1")]
TASKS = [0, 0, 0, 0, 1, 2]  # mostly the same one: that is where verbs meet
WHO = [None, None, None, *HOLDERS]  # None: whoever had the task last
TEAMS = ("web", "ops")  # `next` asks for all tasks, and for both of these, in turn
SESSION_VERBS = ["claim", "claim", "extend", "extend", "release", "next"]
TIME_VERBS = ["pass", "pass", "pass", "report", "sweep"]
OVERRIDES = ["override claim", "override release", "force release"]
FENCES = ["none", "current", "older"]
TARGETS = ["open", "in_progress", "paused", "cancelled", "ready", "done", "another title"]
REASONS = ["", "the site is down"]
any_of = st.sampled_from


def verdict_of(service: Any, **arguments: Any) -> str:
    """`ok`, `free`, or the code of the refusal."""
    try:
        result = service(**arguments)
    except ApiError as error:
        return error.code
    return str(result.verdict) if isinstance(result, leases.Standing) else "ok"


def audit_entries() -> int:
    """How many there are, apart from those of evidence, which has no other history."""
    return AuditEntry.objects.exclude(target_type="missioncontrol_evidence").count()


class LeaseMachine(RuleBasedStateMachine):
    """Three tasks, two agents, one of them in two sessions, an admin and the CEO."""

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.titles = self.asked = 0

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)

    @initialize()
    def create(self) -> None:
        rows = [
            Task.objects.create(title=f"task {n}", priority=Priority(p), team=TEAMS[n % 2])
            for n, p in enumerate(PRIORITIES)
        ]
        for name, most in LIMITS.items():
            Actor.objects.create(name=name, wip_limit=most)
        self.ids = [row.pk for row in rows]
        self.models = [ModelTask(priority) for priority in PRIORITIES]
        self.last: list[Holder] = [HOLDERS[0]] * len(PRIORITIES)
        for waiting, blockers in WAITS_FOR.items():
            for blocker in blockers:
                Dependency.objects.create(task=rows[waiting], depends_on=rows[blocker])
        newest = TaskEvent.objects.order_by("-id").first()
        self.seen = newest.pk if newest else 0
        self.audited = audit_entries()

    def expect(self, events: list[tuple[int, str]], *, audited: int = 0) -> None:
        """These events, and no others, are new; `audited` entries beside them."""
        rows = TaskEvent.objects.filter(pk__gt=self.seen).order_by("pk").values_list("pk", "task_id", "kind")
        assert sorted((task_id, kind) for _, task_id, kind in rows) == sorted(events)
        self.seen = max([self.seen, *(pk for pk, _, _ in rows)])
        assert audit_entries() == self.audited + audited
        self.audited += audited

    def compare(self, n: int, verdict: str, expected: tuple[str, list[str]], *, audited: int = 0) -> None:
        holder = self.models[n].holder
        self.last[n] = holder if holder and holder[0] in AGENTS else self.last[n]
        assert verdict == expected[0]
        self.expect([(self.ids[n], kind) for kind in expected[1]], audited=audited)

    @rule(verb=any_of(SESSION_VERBS), n=any_of(TASKS), who=any_of(WHO))
    def a_session_acts(self, verb: str, n: int, who: Holder | None) -> None:
        who = who or self.last[n]
        if verb == "next":
            self._next(who)
        else:
            {"claim": self._claim, "extend": self._extend, "release": self._release}[verb](n, who)

    @rule(verb=any_of(TIME_VERBS), n=any_of(TASKS))
    def time_acts(self, verb: str, n: int) -> None:
        if verb == "pass":
            self._pass_time(n)
        elif verb == "report":
            self._report()
        else:
            self._sweep()

    @rule(n=any_of(TASKS), who=any_of(WHO), fence=any_of(FENCES), to=any_of(TARGETS))
    def an_agent_writes(self, n: int, who: Holder | None, fence: str, to: str) -> None:
        who = who or self.last[n]
        if to == "another title":
            self._plan(n, who)
        elif to in ("ready", "done"):
            self._agent_finishes(n, who, fence, to)
        else:
            self._agent_moves(n, who, fence, to)

    @rule(n=any_of(TASKS))
    def a_closed_task_is_reopened(self, n: int) -> None:
        if self.models[n].status in CLOSED:
            self._person_moves(n, "open", "")

    @rule(n=any_of(TASKS), to=any_of(TARGETS), reason=any_of(REASONS))
    def a_person_writes(self, n: int, to: str, reason: str) -> None:
        if to in ("ready", "done"):
            self._person_finishes(n, to, reason)
        elif to != "another title":
            self._person_moves(n, to, reason)

    @rule(verb=any_of(OVERRIDES), n=any_of(TASKS))
    def somebody_overrides(self, verb: str, n: int) -> None:
        if verb == "override claim":
            self._override_claim(n)
        else:
            self._force_release(n, verb == "override release")

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        for task_id, model in zip(getattr(self, "ids", []), getattr(self, "models", []), strict=True):
            standing = leases.status(task_id)
            assert standing is not None
            found = (standing.status, standing.fencing_token, standing.live, standing.holder)
            holder = ":".join(model.holder) if model.holder else ":"
            assert found == (model.status, model.fence, model.live, holder)

    def _claim(self, n: int, who: Holder) -> None:
        expected = self.models[n].claim(who, full=self.full(who))
        verdict = verdict_of(
            services.claim_task, by=AGENTS[who[0]], task_id=self.ids[n], session=who[1], ttl=TTL
        )
        self.compare(n, verdict, expected)

    def _override_claim(self, n: int) -> None:
        expected = self.models[n].claim(("ada", "s9"), override=True)
        override = Override(CEO_APPROVED, "customer waits")
        verdict = verdict_of(
            services.claim_task, by=ADA, task_id=self.ids[n], session="s9", ttl=TTL, override=override
        )
        self.compare(n, verdict, expected, audited=1 if verdict == "ok" else 0)

    def _extend(self, n: int, who: Holder) -> None:
        expected = self.models[n].extend(who)
        verdict = verdict_of(
            services.extend_claim,
            by=AGENTS[who[0]],
            task_id=self.ids[n],
            session=who[1],
            ttl=timedelta(hours=1),
        )
        self.compare(n, verdict, expected)

    def _release(self, n: int, who: Holder) -> None:
        expected = self.models[n].release(who)
        verdict = verdict_of(services.release_claim, by=AGENTS[who[0]], task_id=self.ids[n], session=who[1])
        self.compare(n, verdict, expected)

    def _force_release(self, n: int, by_ceo: bool) -> None:
        expected = self.models[n].release(("ole", "-"), override=True)
        by: Principal = ADA if by_ceo else OLE
        how: dict[str, Any] = (
            {"override": Override(CEO_APPROVED, "stuck")} if by_ceo else {"force_reason": "stuck"}
        )
        verdict = verdict_of(services.release_claim, by=by, task_id=self.ids[n], session="-", **how)
        self.compare(n, verdict, expected, audited=1)

    def _pass_time(self, n: int) -> None:
        """Past the end of the task's lease; of another one's, if nobody holds this one."""
        live = self.leased(live=True)
        if not live:
            return
        n = n if n in live else live[0]
        self.models[n].expire()
        let_expire(self.ids[n])
        self.audited = audit_entries()  # the audit notes such a change from outside

    def _report(self) -> None:
        expired, released = services.sweep_claims(by=OLE, auto_release=False)
        late = {self.ids[n] for n, model in enumerate(self.models) if model.holder and not model.live}
        assert {standing.id for standing in expired} == late and released == 0
        self.expect([])

    def _sweep(self) -> None:
        former = {self.ids[n]: ":".join(model.holder) for n, model in enumerate(self.models) if model.holder}
        ended = [(self.ids[n], kind) for n, model in enumerate(self.models) for kind in model.sweep()]
        swept, released = services.sweep_claims(by=OLE, auto_release=True)
        assert {standing.id: standing.holder for standing in swept} == {i: former[i] for i, _ in ended}
        assert released == len(ended)
        self.expect(ended)

    def _next(self, who: Holder) -> None:
        ready = [n for n, model in enumerate(self.models) if model.claimable(self.blockers(n))]
        ready.sort(key=lambda n: (-self.models[n].priority, n))
        self.asked += 1
        filters = NextFilters(teams=TEAMS if self.asked % 2 else ())
        call = partial(services.claim_next, by=AGENTS[who[0]], session=who[1], ttl=TTL, filters=filters)
        standing = outcome(call)
        if self.full(who) or not ready:
            assert standing == ("wip_limit" if self.full(who) else None)
            self.expect([])
            return
        best = ready[0]
        expected = self.models[best].claim(who)
        assert isinstance(standing, leases.Standing) and standing.id == self.ids[best]
        assert (standing.holder, standing.fencing_token) == (":".join(who), self.models[best].fence)
        self.compare(best, standing.verdict, expected)

    def _agent_moves(self, n: int, who: Holder, fence: str, status: str) -> None:
        shown = self.shown_fence(n, fence)
        expected = self.models[n].move(self.models[n].rule((who[0], ""), shown), status)
        verdict = verdict_of(
            services.update_task,
            by=AGENTS[who[0]], task_id=self.ids[n], changes={"status": Status(status)}, fence=shown,
        )  # fmt: skip
        self.compare(n, verdict, expected)

    def _agent_finishes(self, n: int, who: Holder, fence: str, verb: Any) -> None:
        shown = self.shown_fence(n, fence)
        expected = self.models[n].finish(self.models[n].rule(who, shown), verb)
        presented = Presented(actor=who[0], session=who[1], fence=shown)
        verdict = verdict_of(
            services.finish_task,
            by=AGENTS[who[0]], task_id=self.ids[n], verb=verb, items=["deployed"], presented=presented,
        )  # fmt: skip
        self.compare(n, verdict, expected)

    def _person_moves(self, n: int, status: str, reason: str) -> None:
        ruling = self.models[n].rule(("ole", ""), None, person=True, reason=reason)
        expected = self.models[n].move(ruling, status)
        verdict = verdict_of(
            services.update_task,
            by=OLE,
            task_id=self.ids[n],
            changes={"status": Status(status)},
            reason=reason,
        )
        self.compare(n, verdict, expected)

    def _person_finishes(self, n: int, verb: Any, reason: str) -> None:
        ruling = self.models[n].rule(("ole", ""), None, person=True, reason=reason)
        expected = self.models[n].finish(ruling, verb)
        presented = Presented(actor="ole", person=True, reason=reason)
        verdict = verdict_of(
            services.finish_task,
            by=OLE,
            task_id=self.ids[n],
            verb=verb,
            items=["deployed"],
            presented=presented,
        )
        self.compare(n, verdict, expected)

    def _plan(self, n: int, who: Holder) -> None:
        """The lease protects status and owner; a plan may change under it."""
        self.titles += 1
        verdict = verdict_of(
            services.update_task,
            by=AGENTS[who[0]],
            task_id=self.ids[n],
            changes={"title": f"Title {self.titles}"},
        )
        self.compare(n, verdict, ("ok", ["edited"]))

    def full(self, who: Holder) -> bool:
        """Whether the actor holds as many tasks as it may, in whatever sessions."""
        held = [model for model in self.models if model.live and model.holder and model.holder[0] == who[0]]
        return len(held) >= LIMITS.get(who[0], len(self.models) + 1)

    def leased(self, *, live: bool | None) -> list[int]:
        """The tasks with a lease that still stands, that has run out, or (None) either."""
        return [n for n, model in enumerate(self.models) if model.holder and live in (None, model.live)]

    def blockers(self, n: int) -> list[ModelTask]:
        return [self.models[blocker] for blocker in WAITS_FOR.get(n, [])]

    def shown_fence(self, n: int, which: str) -> int | None:
        current = self.models[n].fence
        return {"none": None, "current": current, "older": max(current - 1, 0)}[which]


@pytest.mark.django_db
def test_any_sequence_of_lease_verbs_does_what_the_model_says() -> None:
    limits = settings(
        max_examples=50, stateful_step_count=40, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    run_state_machine_as_test(LeaseMachine, settings=limits)


@pytest.mark.django_db
def test_long_walks_at_random_do_too() -> None:
    """Hypothesis shrinks a failure well, but likes to repeat itself; dice reach every corner of the rules."""
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    print(f"the dice were seeded with {seed}")
    for _ in range(12):
        machine = LeaseMachine()
        machine.create()
        for _ in range(150):
            throw(machine, dice.choice)
            machine.rows_are_as_the_model_says()
        machine.teardown()


def throw(machine: LeaseMachine, pick: Callable[[Sequence[Any]], Any]) -> None:
    """One verb, with anything for its arguments."""
    n = pick(TASKS)
    verbs: list[Callable[[], None]] = [
        lambda: machine.a_session_acts(pick(SESSION_VERBS), n, pick(WHO)),
        lambda: machine.a_session_acts(pick(SESSION_VERBS), n, pick(WHO)),
        lambda: machine.time_acts(pick(TIME_VERBS), n),
        lambda: machine.an_agent_writes(n, pick(WHO), pick(FENCES), pick(TARGETS)),
        lambda: machine.a_person_writes(n, pick(TARGETS), pick(REASONS)),
        lambda: machine.a_closed_task_is_reopened(n),
        lambda: machine.somebody_overrides(pick(OVERRIDES), n),
    ]
    pick(verbs)()
