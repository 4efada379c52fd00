"""Creating, planning, finishing and discussing tasks."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection, transaction

from alai.kernel import audit
from alai.kernel.errors import Conflict, Invalid
from alai.kernel.principals import Principal
from missioncontrol import gates, leases
from missioncontrol.gates import Verb
from missioncontrol.leases import Presented
from missioncontrol.models import CLOSED, Comment, Dependency, Evidence, Priority, Status, Task
from missioncontrol.querysets import ClockTimestamp
from missioncontrol.services.common import TASK_TABLE, acting_as, iso, record_event, refuse, visible_task
from missioncontrol.services.costs import note_total
from missioncontrol.services.evidence import EvidenceItem, collect
from missioncontrol.services.mentions import answer, mention

LEASED_FIELDS = frozenset({"status", "owner"})
ONE_OPEN = "task_one_open_per_dedup_key"
EDGES_LOCK = 0x4D43_4445  # one change of the dependency graph at a time, or two could close a cycle


def create_task(
    *,
    by: Principal,
    title: str,
    description: str = "",
    status: Status = Status.OPEN,
    priority: Priority = Priority.MEDIUM,
    owner: str = "",
    team: str = "",
    parent_id: int | None = None,
    tags: Sequence[str] = (),
    requires: Sequence[str] = (),
    source: str = "",
    depends_on: Sequence[int] = (),
    due_at: datetime | None = None,
    cost_usd: Decimal | None = None,
    dedup_key: str | None = None,
) -> tuple[Task, bool]:
    """The new task and True; or, while a task with the same `dedup_key` is not closed, that one and False."""
    by.require_team(team)
    if status in CLOSED or status == Status.READY:
        raise _invalid("status", f"a task cannot start as {status}: create it, then finish it with evidence")
    task = Task(
        title=title,
        description=description,
        status=status,
        priority=priority,
        owner=owner,
        team=team,
        parent_id=parent_id,
        tags=list(dict.fromkeys(tags)),
        requires=list(dict.fromkeys(requires)),
        source=source,
        due_at=due_at,
        cost_usd=cost_usd,
        dedup_key=dedup_key or None,
    )
    with acting_as(by), audit.writing(history=TASK_TABLE):
        _check_exist(by, "parent_id", [parent_id] if parent_id else [])
        _check_exist(by, "depends_on", depends_on)
        existing = _insert_unless_open(task)
        if existing:
            by.require_team(existing.team)
            return existing, False
        Dependency.objects.bulk_create(
            Dependency(task=task, depends_on_id=other) for other in set(depends_on)
        )
        record_event(task, "created", title=title, status=status, team=team)
        note_total(task, Decimal(0), cost_usd)
    return task, True


def update_task(
    *, by: Principal, task_id: int, changes: Mapping[str, Any], fence: int | None = None, reason: str = ""
) -> Task:
    """Change fields of a task. Status and owner of a leased task need its lease, or a person's reason."""
    task = visible_task(by, task_id)
    if "team" in changes:
        by.require_team(changes["team"])
    presented = Presented(
        actor=by.actor,
        fence=fence,
        person=by.is_person,
        protected=bool(LEASED_FIELDS & changes.keys()),
        reason=reason,
    )
    with acting_as(by, why=reason), audit.writing(history=TASK_TABLE):
        refuse(leases.judge(task_id, presented), task_id)
        task.refresh_from_db()
        _edit(by, task, {name: value for name, value in changes.items() if name not in LEASED_FIELDS})
        if LEASED_FIELDS & changes.keys():
            _move(by, task, presented, status=changes.get("status"), owner=changes.get("owner"))
    return task


def finish_task(
    *, by: Principal, task_id: int, verb: Verb, items: Sequence[EvidenceItem], presented: Presented
) -> Task:
    """Make a task ready or done when every gate is content; its lease ends. Finishing it twice changes nothing."""
    task = visible_task(by, task_id)
    with acting_as(by, why=presented.reason), audit.writing(history=TASK_TABLE):
        refuse(leases.judge(task_id, presented), task_id)
        task.refresh_from_db()
        collected = collect(task, items, by=by)
        if task.status == verb:
            return task
        if task.is_closed:
            raise Conflict(f"Task {task_id} is {task.status}; reopen it first.", code="task_closed")
        _pass_gates(verb, task, collected)
        refuse(leases.change(task_id, presented, kind=verb, status=verb), task_id)
    return task


def add_comment(*, by: Principal, task_id: int, body: str) -> Comment:
    """Say something about a task. Whom it mentions is told, and the author's own mentions there are answered."""
    task = visible_task(by, task_id)
    with acting_as(by), audit.writing():
        comment = Comment.objects.create(task=task, author=by.actor, body=body)
        answer(by, task)
        named = mention(by, task, comment)
        record_event(task, "commented", comment_id=comment.pk, **({"mentioned": named} if named else {}))
    return comment


def _move(
    by: Principal, task: Task, presented: Presented, *, status: Status | None, owner: str | None
) -> None:
    """Change status and owner in the one statement that also rules on the lease."""
    target = status or Status(task.status)
    owner = None if owner == task.owner else owner
    if target == task.status and owner is None:
        return
    if target != task.status and target in (Status.READY, Status.DONE):
        _pass_gates("done" if target == Status.DONE else "ready", task, list(task.evidence.all()))
    kind = "reassigned" if target == task.status else "reopened" if task.is_closed else str(target)
    with _key_is_free(by, task) if task.is_closed else nullcontext():
        refuse(leases.change(task.pk, presented, kind=kind, status=target, owner=owner), task.pk)


@contextmanager
def _key_is_free(by: Principal, task: Task) -> Iterator[None]:
    """Refuse to reopen a task whose dedup key an open one has taken. The unique constraint decides, not a look."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if ONE_OPEN not in str(error):
            raise
        open_ones = Task.objects.for_teams(list(by.teams)).exclude(status__in=CLOSED)
        twin = open_ones.filter(dedup_key=task.dedup_key).first()
        raise Conflict(
            f"Task {task.pk} cannot be reopened: {f'task {twin.pk}' if twin else 'another task'} "
            "with the same dedup_key is open.",
            code="dedup_key_taken",
            task_id=twin and twin.pk,
        ) from None


def _edit(by: Principal, task: Task, changes: dict[str, Any]) -> None:
    """Change planning fields under the row's lock; the event carries before and after."""
    depends_on = changes.pop("depends_on", None)
    if changes.get("parent_id") is not None:
        _check_exist(by, "parent_id", [changes["parent_id"]])
        _check_no_parent_cycle(task.pk, changes["parent_id"])
    for name in {"tags", "requires"} & changes.keys():
        changes[name] = list(dict.fromkeys(changes[name]))
    changed = {name: value for name, value in changes.items() if getattr(task, name) != value}
    differences = {
        name: [_plain(name, getattr(task, name)), _plain(name, value)] for name, value in changed.items()
    }
    if depends_on is not None:
        differences |= _replace_dependencies(by, task, set(depends_on))
    if not differences:
        return
    if "cost_usd" in changed:
        note_total(task, task.cost_usd, changed["cost_usd"])
    Task.objects.filter(pk=task.pk).update(**changed, updated_at=ClockTimestamp())
    record_event(task, "edited", changes=differences)


def _replace_dependencies(by: Principal, task: Task, wanted: set[int]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EDGES_LOCK])
    present = set(task.dependency_rows.values_list("depends_on_id", flat=True))
    if wanted == present:
        return {}
    fresh = wanted - present
    _check_exist(by, "depends_on", sorted(fresh))
    _check_no_dependency_cycle(task.pk, fresh)
    task.dependency_rows.exclude(depends_on_id__in=wanted).delete()
    Dependency.objects.bulk_create(Dependency(task=task, depends_on_id=other) for other in fresh)
    return {"depends_on": [sorted(present), sorted(wanted)]}


def _insert_unless_open(task: Task) -> Task | None:
    """Insert; or return the open task with the same dedup key. The unique constraint decides, not a look."""
    while True:
        try:
            with transaction.atomic():
                task.save(force_insert=True)
                task.refresh_from_db()
                return None
        except IntegrityError as error:
            if ONE_OPEN not in str(error):
                raise
        existing = Task.objects.filter(dedup_key=task.dedup_key).exclude(status__in=CLOSED).first()
        if existing is not None:  # None: it was closed a moment ago, so that the key is free again
            return existing
        task.pk = None


def _pass_gates(verb: Verb, task: Task, evidence: Sequence[Evidence]) -> None:
    missing = gates.missing(verb, task, evidence)
    if missing:
        raise Invalid(
            f"Task {task.pk} cannot be {verb} yet: " + "; ".join(item["missing"] for item in missing) + ".",
            code="evidence_required",
            errors=[{"loc": ["body", "evidence"], "msg": item["missing"]} for item in missing],
            missing=missing,
        )


def _check_exist(by: Principal, field: str, ids: Sequence[int]) -> None:
    """For a token limited to teams, the others' tasks do not exist."""
    wanted = set(ids)
    seen = Task.objects.for_teams(list(by.teams)).filter(pk__in=wanted)
    lost = wanted - set(seen.values_list("pk", flat=True))
    if lost:
        raise _invalid(field, f"there is no task {min(lost)}")


def _check_no_parent_cycle(task_id: int, parent_id: int) -> None:
    ancestors = """
        WITH RECURSIVE up AS (
            SELECT id, parent_id FROM missioncontrol_task WHERE id = %s
            UNION SELECT t.id, t.parent_id FROM missioncontrol_task t JOIN up ON t.id = up.parent_id)
        SELECT 1 FROM up WHERE id = %s"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EDGES_LOCK])
        cursor.execute(ancestors, [parent_id, task_id])
        if cursor.fetchone():
            raise _invalid("parent_id", f"task {parent_id} is task {task_id} itself or below it")


def _check_no_dependency_cycle(task_id: int, fresh: set[int]) -> None:
    reach = """
        WITH RECURSIVE waits AS (
            SELECT unnest(%s::bigint[]) AS id
            UNION SELECT d.depends_on_id FROM missioncontrol_dependency d JOIN waits ON d.task_id = waits.id)
        SELECT 1 FROM waits WHERE id = %s"""
    with connection.cursor() as cursor:
        cursor.execute(reach, [sorted(fresh), task_id])
        if cursor.fetchone():
            raise _invalid("depends_on", f"task {task_id} would wait for itself")


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", errors=[{"loc": ["body", field], "msg": message}])


def _plain(name: str, value: Any) -> Any:
    """A value as the API shows it."""
    if isinstance(value, datetime):
        return iso(value)
    if name == "priority":
        return Priority(value).label.lower()
    return str(value) if isinstance(value, Decimal) else value
