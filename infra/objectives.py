"""Reads of objectives: what was measured, what is left of the budgets, and whether one may deploy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from alai.kernel.errors import NotFound
from infra import slo
from infra.models import (
    BurnTier,
    Check,
    DeployOverride,
    MaintenanceWindow,
    Objective,
    ObjectiveHour,
    Result,
    Service,
    Site,
)
from infra.slo import Measure, Policy

LOOKS_KEPT = timedelta(days=14)
DAY = timedelta(days=1)
_sites = MaintenanceWindow.sites.through._meta.db_table
_hosts = MaintenanceWindow.hosts.through._meta.db_table

# Seconds of each stretch (objective, number, start, end), maintenance cut out of every look's time.
MEASURED = f"""
SELECT w.objective, w.number, coalesce(l.good, 0)::float8 AS good, coalesce(l.bad, 0)::float8 AS bad,
       (SELECT coalesce(sum(extract(epoch FROM upper(p) - lower(p))), 0) FROM unnest(q.quiet) p)::float8 AS excluded,
       coalesce(l.bad_looks, 0)::int AS bad_looks
FROM unnest(%(objective)s::bigint[], %(number)s::int[], %(start)s::timestamptz[], %(end)s::timestamptz[])
     AS w(objective, number, start, stop)
JOIN {Objective._meta.db_table} o ON o.id = w.objective
JOIN {Check._meta.db_table} c ON c.id = o.check_record_id
LEFT JOIN {Service._meta.db_table} s ON s.id = c.service_id
CROSS JOIN LATERAL (
    SELECT coalesce(range_agg(tstzrange(greatest(m.starts_at, w.start), least(m.ends_at, w.stop))), '{{}}') AS quiet
    FROM {MaintenanceWindow._meta.db_table} m
    WHERE m.starts_at < w.stop AND m.ends_at > w.start
      AND (EXISTS (SELECT 1 FROM {_sites} t WHERE t.maintenancewindow_id = m.id AND t.site_id = c.site_id)
           OR EXISTS (SELECT 1 FROM {_hosts} t WHERE t.maintenancewindow_id = m.id
                      AND t.host_id IN (c.host_id, s.host_id)))
) q
CROSS JOIN LATERAL (
    SELECT sum(held) FILTER (WHERE good) AS good, sum(held) FILTER (WHERE bad) AS bad,
           count(*) FILTER (WHERE bad AND at >= w.start AND NOT q.quiet @> at) AS bad_looks
    FROM (
        SELECT at,
               CASE WHEN o.sli = 'latency' THEN verdict IN ('up', 'degraded') AND latency_ms <= o.threshold_ms
                    ELSE verdict IN ('up', 'degraded') END AS good,
               CASE WHEN o.sli = 'latency' THEN verdict IN ('up', 'degraded') AND latency_ms > o.threshold_ms
                    ELSE verdict IN ('down', 'blocked') END AS bad,
               CASE WHEN until <= since THEN 0
                    WHEN isempty(q.quiet) THEN extract(epoch FROM until - since)
                    ELSE (SELECT coalesce(sum(extract(epoch FROM upper(p) - lower(p))), 0)
                          FROM unnest(tstzmultirange(tstzrange(since, until)) - q.quiet) p) END AS held
        FROM (
            SELECT r.verdict, r.latency_ms, r.at, greatest(r.at, w.start) AS since,
                   least(coalesce(lead(r.at) OVER (ORDER BY r.at, r.id), w.stop), w.stop,
                         r.at + make_interval(secs => c.interval_seconds * 3)) AS until
            FROM {Result._meta.db_table} r
            WHERE r.check_record_id = c.id AND r.at < w.stop
              AND r.at >= w.start - make_interval(secs => c.interval_seconds * 3)
        ) looks
    ) judged
) l
"""

SUMMED = f"""
SELECT w.objective, w.number, sum(h.good), sum(h.bad), sum(h.excluded), sum(h.bad_looks)::int
FROM unnest(%(objective)s::bigint[], %(number)s::int[], %(start)s::timestamptz[], %(end)s::timestamptz[])
     AS w(objective, number, start, stop)
JOIN {ObjectiveHour._meta.db_table} h ON h.objective_id = w.objective AND h.hour >= w.start AND h.hour < w.stop
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time of which an objective's measure is asked."""

    objective: int
    number: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """An objective as it stands. `windows` holds the burn windows' measures by their length in seconds."""

    objective: Objective
    measure: Measure
    seconds: float  # of its window
    windows: dict[int, Measure]
    burning: tuple[BurnTier, ...]
    override: DeployOverride | None

    @property
    def budget(self) -> slo.Budget | None:
        target = self.objective.target
        return None if target is None else slo.budget(self.measure, target=target, seconds=self.seconds)

    @property
    def left(self) -> float | None:
        """Percent of the budget; None without a target, or when nothing was ever seen."""
        budget = self.budget
        return None if budget is None or self.measure.ratio is None else budget.left

    @property
    def policy(self) -> Policy | None:
        return None if self.left is None else slo.policy(self.left)

    @property
    def may_deploy(self) -> bool:
        return self.policy != Policy.FREEZE or self.override is not None

    def burn(self, seconds: int) -> float | None:
        target = self.objective.target
        return None if target is None else slo.burn(self.windows[seconds], target)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a deployment may go out, and a sentence that says why."""

    allowed: bool
    reason: str
    readings: Sequence[Reading]


def objectives() -> QuerySet[Objective]:
    return Objective.objects.select_related(
        "check_record__site", "check_record__rule", "rule__severity", "rule__policy"
    ).order_by("slug")


def objective_named(slug: str) -> Objective:
    found = objectives().filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no objective {slug[:100]}.", code="objective_not_found")
    return found


def tiers() -> list[BurnTier]:
    """The fastest first."""
    return list(BurnTier.objects.select_related("severity", "policy").order_by("-factor", "slug"))


def readings(found: Iterable[Objective] | None = None, now: datetime | None = None) -> list[Reading]:
    """Measure objectives (all of them) in four queries, whatever their number."""
    moment = now or timezone.now()
    wanted = list(objectives() if found is None else found)
    known = tiers()
    lengths = sorted({one for tier in known for one in (tier.long_seconds, tier.short_seconds)} | {86_400})
    windows = {
        one.pk: {0: timedelta(days=one.window_days), **{sec: timedelta(seconds=sec) for sec in lengths}}
        for one in wanted
    }
    cut = {
        pk: {number: slo.parts(moment, length, moment - LOOKS_KEPT) for number, length in of.items()}
        for pk, of in windows.items()
    }
    measures = _measures(cut, moment)
    overrides = live_overrides(moment)
    return [
        _reading(one, measures[one.pk], cut[one.pk][0], known, overrides.get(one.pk), moment)
        for one in wanted
    ]


def live_overrides(now: datetime) -> dict[int, DeployOverride]:
    """By objective, the one that lasts longest."""
    rows = DeployOverride.objects.filter(expires_at__gt=now).order_by("expires_at")
    return {one.objective_id: one for one in rows}


def deploy_gate(*, site: Site, critical: bool = False, now: datetime | None = None) -> Gate:
    """May one deploy to the site? The handbook freezes non-critical deployments when under 10 % are left."""
    found = readings(objectives().filter(check_record__site=site), now)
    frozen = [one for one in found if not one.may_deploy]
    if not frozen:
        lifted = next((one.override for one in found if one.policy == Policy.FREEZE and one.override), None)
        said = f"{lifted.granted_by} lifted the freeze: {lifted.reason}" if lifted else _allowed(found)
        return Gate(True, said, found)
    worst = min(frozen, key=lambda one: one.left or 0.0)
    said = f"{worst.objective.name}: {worst.left:.0f} % of the error budget left. {slo.SAID[Policy.FREEZE]}"
    return Gate(critical, f"Critical, so let through. {said}" if critical else said, found)


def maintenance_digest(objective: Objective, since: datetime) -> str:
    """Changes when a maintenance window of the objective's check since then is added, moved or removed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT coalesce(md5(string_agg(concat(m.id, m.starts_at, m.ends_at), ',' ORDER BY m.id)), '')
            FROM {MaintenanceWindow._meta.db_table} m, {Check._meta.db_table} c
            LEFT JOIN {Service._meta.db_table} s ON s.id = c.service_id
            WHERE c.id = %s AND m.ends_at > %s AND (
                EXISTS (SELECT 1 FROM {_sites} t WHERE t.maintenancewindow_id = m.id AND t.site_id = c.site_id)
                OR EXISTS (SELECT 1 FROM {_hosts} t WHERE t.maintenancewindow_id = m.id
                           AND t.host_id IN (c.host_id, s.host_id)))
            """,
            [objective.check_record_id, since],
        )
        digest: str = cursor.fetchone()[0]
    return digest


def added_up(statement: str, stretches: Sequence[Stretch]) -> list[tuple[int, int, Measure]]:
    """Objective, number and measure of each stretch, by `MEASURED` from looks or by `SUMMED` from hours."""
    if not stretches:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, columns(stretches))
        return [(pk, number, Measure(*figures)) for pk, number, *figures in cursor.fetchall()]


def columns(stretches: Sequence[Stretch]) -> dict[str, list[Any]]:
    """Stretches as the statements take them."""
    return {
        "objective": [one.objective for one in stretches],
        "number": [one.number for one in stretches],
        "start": [one.start for one in stretches],
        "end": [one.end for one in stretches],
    }


def _measures(cut: dict[int, dict[int, slo.Parts]], now: datetime) -> dict[int, dict[int, Measure]]:
    looks = [
        Stretch(pk, number, start, end)
        for pk, of in cut.items()
        for number, one in of.items()
        for start, end in one.stretches
    ]
    hours = [
        Stretch(pk, number, one.first, one.last)
        for pk, of in cut.items()
        for number, one in of.items()
        if one.first < one.last
    ]
    found = {pk: dict.fromkeys(of, Measure()) for pk, of in cut.items()}
    for statement, stretches in ((MEASURED, looks), (SUMMED, hours)):
        for pk, number, measure in added_up(statement, stretches):
            found[pk][number] += measure
    return found


def _reading(
    objective: Objective,
    measures: dict[int, Measure],
    window: slo.Parts,
    known: Sequence[BurnTier],
    override: DeployOverride | None,
    now: datetime,
) -> Reading:
    target = objective.target
    burning = tuple(
        tier
        for tier in known
        if target is not None
        and slo.burns(
            measures[tier.long_seconds], measures[tier.short_seconds], target=target, factor=tier.factor
        )
    )
    of_tiers = {seconds: one for seconds, one in measures.items() if seconds}
    seconds = (now - window.start).total_seconds()
    return Reading(objective, measures[0], seconds, of_tiers, burning, override)


def _allowed(found: Sequence[Reading]) -> str:
    known = [one for one in found if one.left is not None]
    if not known:
        return "No objective says otherwise."
    worst = min(known, key=lambda one: one.left or 0.0)
    assert worst.policy is not None
    return f"{worst.objective.name}: {worst.left:.0f} % of the error budget left. {slo.SAID[worst.policy]}"
