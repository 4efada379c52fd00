"""Objectives over HTTP: how they stand, and whether one may deploy."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Path, Query, Router, Schema, Status
from pydantic import Field

from alai.kernel.api import PROBLEMS, Scope, caller, idempotent
from alai.kernel.shapes import Body, Line
from infra import objectives, selectors, services, slo
from infra.models import DeployOverride
from infra.objectives import Reading

router = Router(tags=["infra"])
READ = Scope("infra:read", "infra:write")
LIFT = Scope("admin")
Name = Annotated[str, Path(max_length=100)]
PolicyName = Literal["move_fast", "slow_down", "freeze"]


class OverrideOut(Schema):
    reason: str
    granted_by: str
    granted_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, override: DeployOverride) -> "OverrideOut":
        return cls(
            reason=override.reason,
            granted_by=override.granted_by,
            granted_at=override.granted_at,
            expires_at=override.expires_at,
        )


class SloOut(Schema):
    """Times in seconds, shares in percent."""

    name: str
    title: str
    site: str | None
    check: str
    sli: str
    target: float | None = Field(description="Null: nobody has decided; there is no budget then.")
    threshold_ms: float | None
    window_days: int
    sli_percent: float | None = Field(description="Of the time that was seen; null when nothing was.")
    good_seconds: float
    bad_seconds: float
    maintenance_seconds: float
    budget_seconds: float | None
    budget_left: float | None = Field(description="Percent; below 0 when overspent.")
    policy: PolicyName | None
    policy_text: str
    may_deploy: bool
    override: OverrideOut | None
    burn: dict[str, float | None] = Field(description="By window: 1 spends the budget in just its window.")
    burning: list[str] = Field(description="Burn tiers that fire now, the fastest first.")

    @classmethod
    def of(cls, reading: Reading) -> "SloOut":
        objective, measure, budget = reading.objective, reading.measure, reading.budget
        check, ratio, policy = objective.check_record, measure.ratio, reading.policy
        return cls(
            name=objective.slug,
            title=objective.name,
            site=check.site.slug if check.site else None,
            check=check.slug,
            sli=objective.sli,
            target=objective.target,
            threshold_ms=objective.threshold_ms,
            window_days=objective.window_days,
            sli_percent=None if ratio is None else 100 * ratio,
            good_seconds=measure.good,
            bad_seconds=measure.bad,
            maintenance_seconds=measure.excluded,
            budget_seconds=None if budget is None else budget.allowed,
            budget_left=reading.left,
            policy=None if policy is None else policy.value,
            policy_text="" if policy is None else slo.SAID[policy],
            may_deploy=reading.may_deploy,
            override=OverrideOut.of(reading.override) if reading.override else None,
            burn={slo.said(seconds): reading.burn(seconds) for seconds in sorted(reading.windows)},
            burning=[tier.slug for tier in reading.burning],
        )


class SloList(Schema):
    items: list[SloOut]
    next_cursor: None = None


class GateOut(Schema):
    allowed: bool
    reason: str
    objectives: list[SloOut]


class OverrideIn(Body):
    reason: Line
    hours: Annotated[float, Field(gt=0, le=72)]


@router.get("/infra/slos", auth=READ, response={200: SloList, **PROBLEMS}, operation_id="list_slos")
def list_slos(request: HttpRequest) -> SloList:
    """Every objective: what was measured, what is left of its budget, how fast it burns, and whether to deploy."""
    return SloList(items=[SloOut.of(one) for one in objectives.readings()])


@router.get("/infra/slos/gate", auth=READ, response={200: GateOut, **PROBLEMS}, operation_id="deploy_gate")
def gate(
    request: HttpRequest, site: Annotated[str, Query(max_length=253)], critical: bool = False
) -> GateOut:
    """May one deploy to the site now? Below 10 % of a budget only what is critical, or what somebody let through."""
    found = objectives.deploy_gate(site=selectors.site_named(site), critical=critical)
    return GateOut(
        allowed=found.allowed, reason=found.reason, objectives=[SloOut.of(one) for one in found.readings]
    )


@router.post(
    "/infra/slos/{objective}/override",
    auth=LIFT,
    response={201: SloOut, **PROBLEMS},
    operation_id="override_freeze",
    openapi_extra=idempotent(),
)
def override(request: HttpRequest, objective: Name, body: OverrideIn) -> Status[SloOut]:
    """Lift the freeze for some hours, with a reason; audited."""
    made = services.override_freeze(
        by=caller(request), objective=objective, reason=body.reason, hours=body.hours
    )
    (reading,) = objectives.readings(objectives.objectives().filter(pk=made.objective_id))
    return Status(201, SloOut.of(reading))
