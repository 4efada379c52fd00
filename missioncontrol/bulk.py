"""Many tasks in one request, each by itself."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, Field, TypeAdapter

from alai.kernel import failures
from alai.kernel.api import check_storable
from alai.kernel.errors import Invalid, problem_body
from alai.kernel.pagination import MAX_BIGINT
from alai.kernel.principals import Principal
from alai.kernel.shapes import Body, Id, Whole, readable
from missioncontrol import services
from missioncontrol.models import Status, Task
from missioncontrol.schemas import TaskCreatedOut, TaskIn, TaskOut, TaskPatch, stored

logger = logging.getLogger(__name__)


class BulkIn(Body):
    """Each item is `{"op": "create", ...task fields}` or `{"op": "update", "id", "fencing_token"?, ...fields}`."""

    items: Annotated[list[Any], Field(min_length=1, max_length=1000)]


class BulkResult(BaseModel):
    """What is not there is left out: a task or a problem is."""

    status: int
    task: TaskCreatedOut | None = None
    problem: dict[str, Any] | None = None


class BulkOut(BaseModel):
    results: list[BulkResult]


class CreateItem(TaskIn):
    op: Literal["create"]


class UpdateItem(TaskPatch):
    op: Literal["update"]
    id: Id
    fencing_token: Annotated[Whole, Field(ge=0, le=MAX_BIGINT)] | None = None

    def changes(self) -> dict[str, Any]:
        names = self.model_fields_set - {"op", "id", "fencing_token", "reason"}
        return stored({name: getattr(self, name) for name in names})


ITEM: TypeAdapter[CreateItem | UpdateItem] = TypeAdapter(
    Annotated[CreateItem | UpdateItem, Field(discriminator="op")]
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an item ended: with a task, or with a problem."""

    status: int
    task_id: int = 0
    problem: dict[str, Any] | None = None
    deduplicated: bool = False

    def told(self, tasks: Mapping[int, TaskOut]) -> BulkResult:
        """Only what there is."""
        if self.problem is not None:
            return BulkResult(status=self.status, problem=self.problem)
        task = TaskCreatedOut(**tasks[self.task_id].model_dump(), deduplicated=self.deduplicated)
        return BulkResult(status=self.status, task=task)


def run_bulk(by: Principal, items: list[Any]) -> BulkOut:
    """One result an item, in their order; 201 created, 200 updated or deduplicated, else its problem."""
    outcomes = [_run(by, item) for item in items]
    ids = [outcome.task_id for outcome in outcomes]
    tasks = {task.pk: TaskOut.of(task) for task in Task.objects.for_display().filter(pk__in=ids)}
    return BulkOut(results=[outcome.told(tasks) for outcome in outcomes])


def _run(by: Principal, item: Any) -> Outcome:
    """A failure of one item, foreseen or not, keeps no other from being tried and told."""
    try:
        return _apply(by, _parse(item))
    except Exception as error:
        foreseen = failures.explain(error)
        if foreseen is None:
            logger.exception("An item of a bulk request failed")
        problem = failures.internal_error() if foreseen is None else problem_body(foreseen)
        return Outcome(problem["status"], problem=problem)


def _parse(item: Any) -> CreateItem | UpdateItem:
    check_storable(item)
    try:
        return ITEM.validate_python(item)
    except pydantic.ValidationError as error:
        raise Invalid("This item is not valid.", errors=readable(error.errors(include_url=False))) from None


def _apply(by: Principal, item: CreateItem | UpdateItem) -> Outcome:
    if isinstance(item, CreateItem):
        fields = stored(item.model_dump(exclude={"op"}))
        task, created = services.create_task(by=by, **{**fields, "status": Status(item.status)})
        return Outcome(201 if created else 200, task.pk, deduplicated=not created)
    services.update_task(
        by=by, task_id=item.id, changes=item.changes(), fence=item.fencing_token, reason=item.reason.strip()
    )
    return Outcome(200, item.id)
