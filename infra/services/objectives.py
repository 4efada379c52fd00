"""Objectives: their hours are summed up, burning budgets become incidents, and people lift a freeze with a reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from alai.kernel import audit
from alai.kernel.errors import Conflict, Invalid
from alai.kernel.principals import Principal
from infra import objectives as reads
from infra import slo
from infra.models import (
    DeployOverride,
    EscalationPolicy,
    Incident,
    Objective,
    ObjectiveHour,
    ObjectiveState,
    Severity,
)
from infra.objectives import LOOKS_KEPT, MEASURED, Reading, Stretch
from infra.services.climbing import SYSTEM, Kind, begin, close, enter, reopen
from infra.services.fatigue import dedup_window, shortest
from infra.services.limits import require_checks
from missioncontrol.services.common import acting_as

HOURS_AT_ONCE = 5_000  # of all objectives, in one statement
LONGEST_OVERRIDE = timedelta(days=3)
BUDGET = "budget"  # the tier of an incident that says that little is left

SUM_UP = f"""
INSERT INTO {ObjectiveHour._meta.db_table} (objective_id, hour, good, bad, excluded, bad_looks)
SELECT m.objective, t.start, m.good, m.bad, m.excluded, m.bad_looks
FROM ({MEASURED}) m
JOIN unnest(%(objective)s::bigint[], %(number)s::int[], %(start)s::timestamptz[])
     AS t(objective, number, start) USING (objective, number)
ON CONFLICT (objective_id, hour) DO UPDATE SET
    good = excluded.good, bad = excluded.bad, excluded = excluded.excluded, bad_looks = excluded.bad_looks
"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason for an incident of an objective."""

    tier: str
    title: str
    severity: Severity
    policy: EscalationPolicy | None


def sum_up_objectives(*, now: datetime | None = None) -> int:
    """Sum up every hour that is over and not summed yet; answers how many. An objective whose check, threshold or
    maintenance changed is summed anew as far back as single looks are kept."""
    moment = now or timezone.now()
    until, earliest = slo.summed_until(moment), slo.floor(moment - LOOKS_KEPT) + slo.HOUR
    written = 0
    wanted: list[Stretch] = []
    with transaction.atomic():
        for objective in Objective.objects.select_related("check_record", "state"):
            begin_at = _begin(objective, until, earliest)
            hours = int((until - begin_at) / slo.HOUR)
            wanted += [
                Stretch(objective.pk, at, begin_at + at * slo.HOUR, begin_at + (at + 1) * slo.HOUR)
                for at in range(hours)
            ]
        for batch in _batches(wanted):
            with connection.cursor() as cursor:
                cursor.execute(SUM_UP, reads.columns(batch))
                written += cursor.rowcount
    return written


def judge_objectives(*, now: datetime | None = None) -> int:
    """Open an incident for each tier that fires, close those that fire no more; answers how many changed."""
    moment = now or timezone.now()
    changed = 0
    for reading in reads.readings(now=moment):
        with acting_as(SYSTEM), audit.writing(why="error budget"):
            changed += _judge(reading, moment)
    return changed


def override_freeze(*, by: Principal, objective: str, reason: str, hours: float) -> DeployOverride:
    """Let deployments through for some hours (three days at most) though the budget is spent; audited."""
    if not reason.strip():
        raise Invalid("Say why deployments may go out although the budget is spent.")
    length = timedelta(hours=hours) if 0 < hours <= 72 else timedelta()
    if not timedelta() < length <= LONGEST_OVERRIDE:
        raise Invalid("An override lasts more than 0 and at most 72 hours.")
    with acting_as(by, why=reason), audit.writing():
        found = reads.objective_named(objective)
        require_checks(by, [found.check_record])
        return DeployOverride.objects.create(
            objective=found, reason=reason.strip(), granted_by=by.actor, expires_at=timezone.now() + length
        )


def end_override(*, by: Principal, objective: str) -> int:
    """The freeze holds again from now; answers how many overrides that ended. Conflict when there was none."""
    with acting_as(by), audit.writing():
        now, found = timezone.now(), reads.objective_named(objective)
        require_checks(by, [found.check_record])
        ended = DeployOverride.objects.filter(objective=found, expires_at__gt=now).update(expires_at=now)
        if not ended:
            raise Conflict(f"Nobody has lifted the freeze of {objective[:100]}.", code="no_override")
    return ended


# --- Hours ------------------------------------------------------------------------------------------


def _begin(objective: Objective, until: datetime, earliest: datetime) -> datetime:
    """From where its hours are to be summed up; its state says afterwards that it was done."""
    check = objective.check_record
    basis = f"{check.pk} {objective.sli} {objective.threshold_ms} {check.interval_seconds}"
    maintenance = reads.maintenance_digest(objective, earliest)
    state: ObjectiveState | None = getattr(objective, "state", None)
    begin_at = max(state.summed_until, earliest) if state else earliest
    if state and state.basis != basis:
        ObjectiveHour.objects.filter(objective=objective).delete()
        begin_at = earliest
    elif state and state.maintenance != maintenance:
        begin_at = earliest
    if state is None or begin_at < until or (state.basis, state.maintenance) != (basis, maintenance):
        ObjectiveState.objects.update_or_create(
            objective=objective,
            defaults={"basis": basis, "maintenance": maintenance, "summed_until": max(until, begin_at)},
        )
    return begin_at


def _batches(wanted: list[Stretch]) -> Iterator[list[Stretch]]:
    for at in range(0, len(wanted), HOURS_AT_ONCE):
        yield wanted[at : at + HOURS_AT_ONCE]


# --- Incidents --------------------------------------------------------------------------------------


def _judge(reading: Reading, now: datetime) -> int:
    troubles = {one.tier: one for one in _troubles(reading)}
    ours = Incident.objects.select_for_update().filter(objective=reading.objective)
    current = {one.tier: one for one in ours.exclude(state=Incident.State.RESOLVED)}
    for tier, incident in current.items():
        if tier not in troubles:
            enter(incident, Kind.RECOVERED, "", _said(reading))
            close(incident, "system", "", now)
    fresh = [one for tier, one in troubles.items() if tier not in current]
    for trouble in fresh:
        _open(reading, trouble, now)
    return len(fresh) + len(set(current) - set(troubles))


def _troubles(reading: Reading) -> Iterator[Trouble]:
    """The fastest burn first: what is slower becomes part of its incident."""
    name = reading.objective.name
    for tier in reading.burning:
        yield Trouble(
            tier.slug,
            f"{name}: the error budget burns {tier.factor:g}x as fast as it may",
            tier.severity,
            tier.policy,
        )
    rule = reading.objective.rule
    left = reading.left
    low = rule is not None and rule.threshold is not None and left is not None and left < rule.threshold
    if rule is not None and low and reading.measure.bad_looks >= slo.ENOUGH:
        yield Trouble(
            BUDGET,
            f"{name}: less than {rule.threshold:g} % of the error budget is left",
            rule.severity,
            rule.policy,
        )


def _open(reading: Reading, trouble: Trouble, now: datetime) -> None:
    before = Incident.objects.select_for_update().filter(
        objective=reading.objective,
        tier=trouble.tier,
        state=Incident.State.RESOLVED,
        resolved_by="system",
        resolved_at__gt=now - dedup_window(),
    )
    recent = before.order_by("-id").first()
    if recent is not None:
        recent.part_of = _explained_by(reading.objective, trouble.severity)
        reopen(recent, _said(reading), now)
        return
    incident = Incident(
        objective=reading.objective,
        tier=trouble.tier,
        title=trouble.title[:200],
        detail=_said(reading)[:300],
        opened_at=now,
        steps=list(trouble.policy.steps) if trouble.policy else [],
        told_from=now + shortest(),
        part_of=_explained_by(reading.objective, trouble.severity),
    )
    begin(incident, severity=trouble.severity)


def _explained_by(objective: Objective, severity: Severity) -> Incident | None:
    """The check's own open incident, or a faster burn of the same budget: nobody is told of one trouble twice."""
    unresolved = Incident.objects.filter(part_of=None).exclude(state=Incident.State.RESOLVED)
    outage = unresolved.filter(check_record=objective.check_record).first()
    if outage is not None and _rank(outage.severity) <= severity.rank:
        return outage
    burning: Iterable[Incident] = unresolved.filter(objective=objective).order_by("id")
    return next((one for one in burning if _rank(one.severity) <= severity.rank), None)


def _rank(slug: str) -> int:
    """1 is the worst; what has no severity explains nothing."""
    return Severity.objects.filter(slug=slug).values_list("rank", flat=True).first() or 1_000


def _said(reading: Reading) -> str:
    """The figures in a sentence."""
    rates = [
        f"{slo.said(seconds)} {rate:.1f}x" for seconds in (3600, 86_400)
        if seconds in reading.windows and (rate := reading.burn(seconds)) is not None
    ]  # fmt: skip
    left = f"{reading.left:.1f} % of the budget left" if reading.left is not None else "nothing measured"
    return f"{left}; burned in {', '.join(rates)}" if rates else left
