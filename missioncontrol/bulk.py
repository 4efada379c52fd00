"""Many tasks in one request, each by itself."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, TypeAdapter

from alai.kernel.api import check_storable
from alai.kernel.errors import ApiError, Invalid, problem_body
from alai.kernel.pagination import MAX_BIGINT
from alai.kernel.principals import Principal
from alai.kernel.shapes import Id
from missioncontrol import services
from missioncontrol.models import Status, Task
from missioncontrol.schemas import BulkOut, BulkResult, TaskIn, TaskOut, TaskPatch, stored


class CreateItem(TaskIn):
    op: Literal["create"]


class UpdateItem(TaskPatch):
    op: Literal["update"]
    id: Id
    fencing_token: Annotated[int, Field(ge=0, le=MAX_BIGINT)] | None = None

    def changes(self) -> dict[str, Any]:
        names = self.model_fields_set - {"op", "id", "fencing_token", "reason"}
        return stored({name: getattr(self, name) for name in names})


ITEM: TypeAdapter[CreateItem | UpdateItem] = TypeAdapter(
    Annotated[CreateItem | UpdateItem, Field(discriminator="op")]
)


def run_bulk(by: Principal, items: list[Any]) -> BulkOut:
    """One result an item, in their order; 201 created, 200 updated or deduplicated, else its problem."""
    results = [_run(by, item) for item in items]
    ids = [task_id for _, task_id, _ in results if task_id]
    tasks = {task.pk: TaskOut.of(task) for task in Task.objects.for_display().filter(pk__in=ids)}
    return BulkOut(
        results=[
            BulkResult(status=status, problem=problem, task=tasks.get(task_id) if task_id else None)
            for status, task_id, problem in results
        ]
    )


def _run(by: Principal, item: Any) -> tuple[int, int | None, dict[str, Any] | None]:
    try:
        return _apply(by, _parse(item))
    except ApiError as error:
        return error.status, None, problem_body(error)


def _parse(item: Any) -> CreateItem | UpdateItem:
    check_storable(item)
    try:
        return ITEM.validate_python(item)
    except pydantic.ValidationError as error:
        errors = [{"loc": list(one["loc"]), "msg": one["msg"]} for one in error.errors(include_url=False)]
        raise Invalid("This item is not valid.", errors=errors) from None


def _apply(by: Principal, item: CreateItem | UpdateItem) -> tuple[int, int | None, None]:
    if isinstance(item, CreateItem):
        fields = stored(item.model_dump(exclude={"op"}))
        task, created = services.create_task(by=by, **{**fields, "status": Status(item.status)})
        return (201 if created else 200), task.pk, None
    services.update_task(
        by=by, task_id=item.id, changes=item.changes(), fence=item.fencing_token, reason=item.reason.strip()
    )
    return 200, item.id, None
