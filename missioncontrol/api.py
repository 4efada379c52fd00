"""The ledger over HTTP: each endpoint is typed in, one call, typed out."""

from datetime import timedelta
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest
from ninja import Header, Query, Router, Status
from pydantic import Field

from alai.kernel import pagination
from alai.kernel.api import PROBLEMS, Scope, caller, idempotent, parse_json
from alai.kernel.errors import Invalid
from alai.kernel.pagination import DEFAULT_LIMIT, MAX_BIGINT, MAX_LIMIT
from alai.kernel.shapes import Id
from missioncontrol import leases, selectors, services
from missioncontrol.bulk import BulkIn, BulkOut, run_bulk
from missioncontrol.gates import Verb
from missioncontrol.leases import Presented
from missioncontrol.models import Status as TaskStatus
from missioncontrol.models import Task
from missioncontrol.schemas import (
    PRIORITIES,
    ClaimIn,
    ClaimOut,
    ClaimStatusOut,
    CommentIn,
    CommentList,
    CommentOut,
    EventList,
    EventOut,
    EvidenceOut,
    ExpiredOut,
    ExtendIn,
    FinishIn,
    GrantIn,
    GrantOut,
    NextFiltersIn,
    NextIn,
    NextOut,
    OverrideIn,
    PriorityName,
    RegisteredFileIn,
    ReleaseIn,
    ReleaseOut,
    StatsOut,
    StatusName,
    SweepIn,
    SweepOut,
    TaskCreatedOut,
    TaskIn,
    TaskList,
    TaskOut,
    TaskPatch,
    stored,
)
from missioncontrol.services.claims import NextFilters, Override
from missioncontrol.services.common import refuse, visible_task
from missioncontrol.services.evidence import RegisteredFile

router = Router(tags=["tasks"])
SWEEP_REPORT = SweepIn()
READ = Scope("tasks:read", "tasks:write")
WRITE = Scope("tasks:write")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=500)]
Fence = Annotated[int | None, Header(alias="X-Fencing-Token", ge=0, le=MAX_BIGINT)]
Names = Annotated[list[Annotated[str, Field(max_length=100)]], Query(max_length=50)]


def shown(task_id: int) -> TaskOut:
    return TaskOut.of(Task.objects.for_display().get(pk=task_id))


@router.get("/tasks", auth=READ, response={200: TaskList, **PROBLEMS}, operation_id="list_tasks")
def list_tasks(
    request: HttpRequest,
    status: Annotated[list[StatusName], Query(max_length=10)] = [],  # noqa: B006 - ninja copies it
    team: Names = [],  # noqa: B006
    owner: Names = [],  # noqa: B006
    priority: Annotated[list[PriorityName], Query(max_length=10)] = [],  # noqa: B006
    tag: Names = [],  # noqa: B006
    source: Names = [],  # noqa: B006
    mentioned: Names = [],  # noqa: B006
    claimed: bool | None = None,
    overdue: bool | None = None,
    parent_id: Id | None = None,
    q: Annotated[str, Query(max_length=500)] = "",
    updated_since: Annotated[str, Query(max_length=500)] = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> TaskList:
    """Tasks, newest first. Repeat a filter to mean any of; several tags mean all of them.

    `mentioned` takes an actor's name: tasks on which a comment mentions it.
    `q` searches titles and descriptions and returns at most 200, best first, without a cursor.
    `updated_since` takes an ISO time, later the `position` of the last answer; nothing committed is missed.
    """
    filters = selectors.TaskFilters(
        statuses=list(status),
        teams=team,
        owners=owner,
        sources=source,
        mentioned=mentioned,
        tags=tag,
        priorities=[PRIORITIES[name] for name in priority],
        claimed=claimed,
        overdue=overdue,
        parent_id=parent_id,
        words=q.strip(),
        updated_since=updated_since,
    )
    page = selectors.list_tasks(caller(request), filters, limit=limit, cursor=cursor)
    items = [TaskOut.of(task) for task in page.items]
    return TaskList(items=items, next_cursor=page.next_cursor, position=page.position)


@router.post(
    "/tasks",
    auth=WRITE,
    response={200: TaskCreatedOut, 201: TaskCreatedOut, **PROBLEMS},
    operation_id="create_task",
    openapi_extra=idempotent(),
)
def create_task(request: HttpRequest, body: TaskIn) -> Status[TaskCreatedOut]:
    """Create a task; or answer 200 with the open one of the same `dedup_key`."""
    fields = stored(body.model_dump())
    fields["status"] = TaskStatus(fields["status"])
    task, created = services.create_task(by=caller(request), **fields)
    out = TaskCreatedOut(**shown(task.pk).model_dump(), deduplicated=not created)
    return Status(201 if created else 200, out)


@router.post(
    "/tasks/bulk",
    auth=WRITE,
    response={200: BulkOut, **PROBLEMS},
    exclude_unset=True,
    operation_id="bulk_tasks",
    openapi_extra=idempotent(
        {
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": BulkIn.model_json_schema()}},
            }
        }
    ),
)
def bulk_tasks(request: HttpRequest) -> BulkOut:
    """Create and update up to 1,000 tasks; each item succeeds or fails by itself."""
    body = parse_json(request, BulkIn, storable=False)
    return run_bulk(caller(request), body.items)


@router.get("/tasks/{int:task_id}", auth=READ, response={200: TaskOut, **PROBLEMS}, operation_id="get_task")
def get_task(request: HttpRequest, task_id: int) -> TaskOut:
    return shown(visible_task(caller(request), task_id).pk)


@router.patch(
    "/tasks/{int:task_id}", auth=WRITE, response={200: TaskOut, **PROBLEMS}, operation_id="update_task"
)
def update_task(request: HttpRequest, task_id: int, body: TaskPatch, fence: Fence = None) -> TaskOut:
    """Change the fields that are present. Status and owner of a leased task need its lease and fencing token."""
    services.update_task(
        by=caller(request), task_id=task_id, changes=body.changes(), fence=fence, reason=body.reason.strip()
    )
    return shown(task_id)


@router.post(
    "/tasks/{int:task_id}/evidence",
    auth=WRITE,
    response={201: EvidenceOut, **PROBLEMS},
    operation_id="add_evidence",
    openapi_extra=idempotent(
        {
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": RegisteredFileIn.model_json_schema()},
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "file": {"type": "string", "format": "binary"},
                                "kind": {"type": "string", "maxLength": 50},
                            },
                            "required": ["file"],
                        }
                    },
                },
            }
        }
    ),
)
def add_evidence(request: HttpRequest, task_id: int, fence: Fence = None) -> Status[EvidenceOut]:
    """Attach a file (multipart, field `file`), or register one that stays on its host with its hash (JSON)."""
    by = caller(request)
    presented = Presented(actor=by.actor, fence=fence, person=by.is_person)
    visible_task(by, task_id)
    if request.content_type == "multipart/form-data":
        kind = request.POST.get("kind", "")
        files = [upload for name in request.FILES for upload in request.FILES.getlist(name)]
        upload = request.FILES.get("file")
        if upload is None or len(files) != 1 or len(kind) > 50 or request.POST.keys() - {"kind"}:
            raise Invalid(
                "Send one file in the multipart field `file`, and nothing else but `kind` of at most 50 characters."
            )
        evidence = services.attach_file(by=by, task_id=task_id, upload=upload, presented=presented, kind=kind)
    else:
        body = parse_json(request, RegisteredFileIn)
        file = RegisteredFile(**body.model_dump())
        evidence = services.register_evidence(by=by, task_id=task_id, file=file, presented=presented)
    return Status(201, EvidenceOut.of(evidence))


@router.post(
    "/tasks/{int:task_id}/ready", auth=WRITE, response={200: TaskOut, **PROBLEMS}, operation_id="ready_task"
)
def ready_task(request: HttpRequest, task_id: int, body: FinishIn, fence: Fence = None) -> TaskOut:
    """Finished and waiting for acceptance. The lease ends."""
    return _finish(request, task_id, "ready", body, fence)


@router.post(
    "/tasks/{int:task_id}/done", auth=WRITE, response={200: TaskOut, **PROBLEMS}, operation_id="done_task"
)
def done_task(request: HttpRequest, task_id: int, body: FinishIn, fence: Fence = None) -> TaskOut:
    """Done, with evidence. The lease ends."""
    return _finish(request, task_id, "done", body, fence)


def _finish(request: HttpRequest, task_id: int, verb: Verb, body: FinishIn, fence: int | None) -> TaskOut:
    by = caller(request)
    name = by.name_for(body.actor)
    presented = Presented(
        actor=name, session=body.session or "", fence=fence, person=by.is_person, reason=body.reason.strip()
    )
    services.finish_task(by=by, task_id=task_id, verb=verb, items=body.evidence, presented=presented)
    return shown(task_id)


@router.post(
    "/tasks/{int:task_id}/comments",
    auth=WRITE,
    response={201: CommentOut, **PROBLEMS},
    operation_id="add_comment",
    openapi_extra=idempotent(),
)
def add_comment(request: HttpRequest, task_id: int, body: CommentIn) -> Status[CommentOut]:
    """Say something about a task. An actor named as `@name` outside code is told, once."""
    comment = services.add_comment(by=caller(request), task_id=task_id, body=body.body)
    return Status(201, CommentOut.of(comment))


@router.get(
    "/tasks/{int:task_id}/comments",
    auth=READ,
    response={200: CommentList, **PROBLEMS},
    operation_id="comments",
)
def list_comments(
    request: HttpRequest, task_id: int, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> CommentList:
    """What was said, oldest first."""
    task = visible_task(caller(request), task_id)
    comments = task.comments.prefetch_related("mentions__actor")
    page = pagination.by_id(comments, limit=limit, cursor=cursor, newest_first=False)
    return CommentList(items=[CommentOut.of(comment) for comment in page.items], next_cursor=page.next_cursor)


@router.get(
    "/tasks/{int:task_id}/events", auth=READ, response={200: EventList, **PROBLEMS}, operation_id="events"
)
def list_events(
    request: HttpRequest, task_id: int, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> EventList:
    """The append-only history, oldest first."""
    task = visible_task(caller(request), task_id)
    page = selectors.list_events(task, limit=limit, cursor=cursor)
    return EventList(items=[EventOut.of(event) for event in page.items], next_cursor=page.next_cursor)


@router.get("/stats", auth=READ, response={200: StatsOut, **PROBLEMS}, operation_id="stats")
def stats(request: HttpRequest) -> StatsOut:
    """The ledger in numbers."""
    return StatsOut(**selectors.statistics(caller(request)))


@router.post(
    "/tasks/{int:task_id}/claim",
    auth=WRITE,
    response={200: ClaimOut, **PROBLEMS},
    operation_id="claim_task",
    openapi_extra=idempotent(),
)
def claim_task(request: HttpRequest, task_id: int, body: ClaimIn) -> ClaimOut:
    """Take the task's lease. The same holder again: the lease is refreshed, the fencing token stays."""
    standing = services.claim_task(
        by=caller(request),
        task_id=task_id,
        actor=body.actor,
        session=body.session,
        ttl=timedelta(minutes=body.ttl_minutes),
        override=_override(body.override),
    )
    return ClaimOut.of(standing, enforced=settings.MC_LEASE_ENFORCE)


@router.post(
    "/tasks/{int:task_id}/claim-extend",
    auth=WRITE,
    response={200: ClaimOut, **PROBLEMS},
    operation_id="extend_claim",
)
def extend_claim(request: HttpRequest, task_id: int, body: ExtendIn, fence: Fence = None) -> ClaimOut:
    """Prolong your own live lease: the heartbeat of long work. A fencing token that is sent must be the lease's."""
    ttl = timedelta(minutes=body.ttl_minutes)
    standing = services.extend_claim(
        by=caller(request), task_id=task_id, actor=body.actor, session=body.session, ttl=ttl, fence=fence
    )
    return ClaimOut.of(standing, enforced=settings.MC_LEASE_ENFORCE)


@router.post(
    "/tasks/{int:task_id}/claim-release",
    auth=WRITE,
    response={200: ReleaseOut, **PROBLEMS},
    operation_id="release_claim",
)
def release_claim(request: HttpRequest, task_id: int, body: ReleaseIn, fence: Fence = None) -> ReleaseOut:
    """End your lease; a fencing token that is sent must be the lease's.

    Ops end a stuck one with `force` and a reason; a CEO's approval is an `override`.
    """
    standing = services.release_claim(
        by=caller(request),
        task_id=task_id,
        actor=body.actor,
        session=body.session or "-",
        fence=fence,
        override=_override(body.override),
        force_reason=body.reason.strip() if body.force else "",
    )
    return ReleaseOut(task_id=task_id, released=standing.changed)


@router.get(
    "/tasks/{int:task_id}/claim-status",
    auth=READ,
    response={200: ClaimStatusOut, **PROBLEMS},
    operation_id="claim_status",
)
def claim_status(request: HttpRequest, task_id: int) -> ClaimStatusOut:
    """Who holds the task, by the database clock."""
    visible_task(caller(request), task_id)
    return ClaimStatusOut.of(refuse(leases.status(task_id), task_id))


@router.post("/claims/sweep", auth=WRITE, response={200: SweepOut, **PROBLEMS}, operation_id="sweep_claims")
def sweep_claims(request: HttpRequest, body: SweepIn = SWEEP_REPORT) -> SweepOut:
    """Report the expired leases; `auto_release` ends them."""
    swept, released = services.sweep_claims(by=caller(request), auto_release=body.auto_release)
    return SweepOut(expired=[ExpiredOut.of(standing) for standing in swept], released=released)


@router.post(
    "/claims/next",
    auth=WRITE,
    response={200: NextOut, 204: None, **PROBLEMS},
    operation_id="claim_next",
    openapi_extra=idempotent(),
)
def claim_next(request: HttpRequest, body: NextIn) -> NextOut | Status[None]:
    """The best task that nobody holds, that waits for nothing and requires nothing the caller cannot do, claimed.

    204 when there is none; 409 `wip_limit` when the actor holds as many tasks as it may.
    """
    standing = services.claim_next(
        by=caller(request),
        actor=body.actor,
        session=body.session,
        ttl=timedelta(minutes=body.ttl_minutes),
        filters=_filters(body.filters or NextFiltersIn()),
    )
    if standing is None:
        return Status(204, None)
    claim = ClaimOut.of(standing, enforced=settings.MC_LEASE_ENFORCE)
    return NextOut(**claim.model_dump(), task=shown(standing.id))


@router.post(
    "/grants",
    auth=Scope("ceo"),
    response={201: GrantOut, **PROBLEMS},
    operation_id="record_grant",
    openapi_extra=idempotent(),
)
def record_grant(request: HttpRequest, body: GrantIn) -> Status[GrantOut]:
    """A CEO's permission for one override of a task's lease."""
    grant = services.record_grant(
        by=caller(request), task_id=body.task_id, action=body.action, reason=body.reason
    )
    return Status(201, GrantOut.of(grant))


def _override(body: OverrideIn | None) -> Override | None:
    return Override(body.approval, body.reason, body.grant_id) if body else None


def _filters(body: NextFiltersIn) -> NextFilters:
    def several(names: str | list[str] | None) -> tuple[str, ...]:
        return (names,) if isinstance(names, str) else tuple(names or ())

    return NextFilters(
        teams=several(body.team),
        owners=several(body.owner),
        tags=(*several(body.tag), *several(body.tags)),
        sources=several(body.source),
        parent_id=body.parent_id,
        priority_at_least=PRIORITIES[body.priority] if body.priority else None,
        capabilities=None if body.capabilities is None else tuple(body.capabilities),
    )
