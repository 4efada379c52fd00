"""Costs over HTTP: recording what was spent on a task, and the sums."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Self

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import AfterValidator, Field, StringConstraints

from alai.kernel import pagination
from alai.kernel.api import PROBLEMS, Scope, caller, idempotent
from alai.kernel.errors import Invalid
from alai.kernel.pagination import DEFAULT_LIMIT, MAX_LIMIT
from alai.kernel.shapes import EARLIEST, LATEST, NUMBER, Body, Moment
from missioncontrol import costs, services
from missioncontrol.models import CostEntry
from missioncontrol.services.common import visible_task

router = Router(tags=["costs"])
READ = Scope("tasks:read", "tasks:write")
WRITE = Scope("tasks:write")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=500)]


def _known_year(day: dt.date) -> dt.date:
    if not EARLIEST.date() <= day < LATEST.date():
        raise ValueError("the year must lie between 1970 and 9000")
    return day


def _something(amount: Decimal) -> Decimal:
    if not amount:
        raise ValueError("an amount of nothing is no cost")
    return amount


Amount = Annotated[
    Decimal, NUMBER, Field(max_digits=12, decimal_places=4, allow_inf_nan=False), AfterValidator(_something)
]
Day = Annotated[dt.date, AfterValidator(_known_year)]


class CostIn(Body):
    amount_usd: Amount = Field(description="A negative amount corrects.")
    kind: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)] = Field(
        "manual", description="e.g. tokens, compute, manual"
    )
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    at: Moment | None = Field(None, description="When it was spent; now unless you say so.")


class CostOut(Schema):
    id: int
    task_id: int
    at: dt.datetime
    amount_usd: float
    kind: str
    note: str
    actor: str

    @classmethod
    def of(cls, entry: CostEntry) -> Self:
        return cls.model_validate(entry, from_attributes=True)


class RecordedOut(CostOut):
    cost_usd: float = Field(description="What the task has cost in all.")


class CostList(Schema):
    items: list[CostOut]
    next_cursor: str | None


class SumOut(Schema):
    key: str | None = Field(description="A month (2026-05), team, owner or task; null for no team or owner.")
    title: str | None = Field(description="The task's, when grouped by task.")
    amount_usd: float
    entries: int


class SumsOut(Schema):
    by: costs.Grouping
    time_zone: str = Field(description="In which months and days begin.")
    total_usd: float
    items: list[SumOut]
    more: bool = Field(description="There are more groups than `limit`; the total counts them too.")


@router.post(
    "/tasks/{int:task_id}/costs",
    auth=WRITE,
    response={201: RecordedOut, **PROBLEMS},
    operation_id="record_cost",
    openapi_extra=idempotent(),
)
def record_cost(request: HttpRequest, task_id: int, body: CostIn) -> Status[RecordedOut]:
    """Add to what a task has cost. It needs no lease; the task's `cost_usd` is the sum."""
    entry = services.record_cost(by=caller(request), task_id=task_id, **body.model_dump())
    total = visible_task(caller(request), task_id).cost_usd or 0
    return Status(201, RecordedOut(**CostOut.of(entry).model_dump(), cost_usd=float(total)))


@router.get(
    "/tasks/{int:task_id}/costs", auth=READ, response={200: CostList, **PROBLEMS}, operation_id="costs"
)
def list_costs(
    request: HttpRequest, task_id: int, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> CostList:
    """What was spent on a task, the last recorded first."""
    entries = visible_task(caller(request), task_id).costs.all()
    page = pagination.by_id(entries, limit=limit, cursor=cursor)
    return CostList(items=[CostOut.of(entry) for entry in page.items], next_cursor=page.next_cursor)


@router.get("/stats/costs", auth=READ, response={200: SumsOut, **PROBLEMS}, operation_id="cost_stats")
def cost_stats(
    request: HttpRequest,
    by: costs.Grouping = "month",
    first: Annotated[Day | None, Query(alias="from")] = None,
    last: Annotated[Day | None, Query(alias="to")] = None,
    limit: Limit = DEFAULT_LIMIT,
) -> SumsOut:
    """Costs by month, team, owner or task, from one day to another, both included.

    A team's or an owner's cost is that of the tasks that are theirs now. Months come in order, the rest dearest first.
    """
    if first and last and last < first:
        raise Invalid(
            "`to` lies before `from`.", errors=[{"loc": ["query", "to"], "msg": "lies before `from`"}]
        )
    found = costs.grouped(caller(request), by, first=first, last=last, limit=limit)
    items = [
        SumOut(
            key=cost.key or None,
            title=cost.title or None,
            amount_usd=float(cost.amount_usd),
            entries=cost.entries,
        )
        for cost in found.items
    ]
    return SumsOut(
        by=by,
        time_zone=settings.TIME_ZONE,
        total_usd=float(found.total_usd),
        items=items,
        more=found.more,
    )
