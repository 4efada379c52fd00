"""Who acts in the tests of the leases, and shorthand for what they do."""

from datetime import timedelta

from django.db import connection

from alai.kernel.principals import Principal
from missioncontrol.models import TaskEvent

TTL = timedelta(minutes=10)
JOHN = Principal(actor="john", scopes=frozenset({"tasks:write"}))
PI_ORCH = Principal(actor="pi-orch", scopes=frozenset({"tasks:write"}))
OLE = Principal(actor="ole", scopes=frozenset({"admin"}))
ADA = Principal(actor="ada", scopes=frozenset({"ceo", "admin"}))


def let_expire(task_id: int) -> None:
    """Move the lease's end into the past: the test's way of waiting."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE missioncontrol_task SET lease_until = clock_timestamp() - interval '1 second' WHERE id = %s",
            [task_id],
        )


def kinds(task_id: int) -> list[str]:
    """The kinds of the task's events, in order."""
    return list(TaskEvent.objects.filter(task_id=task_id).order_by("id").values_list("kind", flat=True))
