"""One act on many tasks: each through its service, each refused or done by itself."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from alai.kernel import words
from alai.kernel.errors import ApiError
from alai.kernel.principals import Principal
from missioncontrol import services
from missioncontrol.admin.forms import BulkCancelForm, BulkForm, BulkPriorityForm, BulkTeamForm
from missioncontrol.leases import Presented
from missioncontrol.models import Status

LIMIT = 1000  # tasks in one go
NAMED = 3  # refusals told in full

Act = Callable[[Principal, int, Mapping[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Bulk:
    title: str
    button: str
    past: str
    form: type[BulkForm]
    act: Act


@dataclass(slots=True)
class Outcome:
    done: int = 0
    refused: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """The first refusals in full, like ones counted."""
        told = Counter(self.refused).most_common(NAMED)
        lines = [sentence if count == 1 else f"{sentence} ({count:,} times)" for sentence, count in told]
        rest = len(self.refused) - sum(count for _, count in told)
        return [*lines, f"{words.plural(rest, 'more task')} refused."] if rest else lines


def run(bulk: Bulk, *, by: Principal, task_ids: Iterable[int], data: Mapping[str, Any]) -> Outcome:
    outcome = Outcome()
    for task_id in task_ids:
        try:
            bulk.act(by, task_id, data)
            outcome.done += 1
        except ApiError as error:
            outcome.refused.append(error.detail)
    return outcome


def _accept(by: Principal, task_id: int, data: Mapping[str, Any]) -> object:
    presented = Presented(actor=by.actor, person=True, reason=data["reason"])
    return services.finish_task(by=by, task_id=task_id, verb="done", items=[], presented=presented)


def _updates(**fixed: Any) -> Act:
    def act(by: Principal, task_id: int, data: Mapping[str, Any]) -> object:
        changes = fixed or {name: value for name, value in data.items() if name != "reason"}
        return services.update_task(by=by, task_id=task_id, changes=changes, reason=data["reason"])

    return act


BULK = {
    "accept": Bulk("Accept as done", "Accept", "accepted", BulkForm, _accept),
    "priority": Bulk("Change the priority", "Change", "changed", BulkPriorityForm, _updates()),
    "team": Bulk("Give to a team", "Change", "changed", BulkTeamForm, _updates()),
    "cancel": Bulk("Cancel", "Cancel them", "cancelled", BulkCancelForm, _updates(status=Status.CANCELLED)),
}
