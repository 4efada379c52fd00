"""The ledger's shapes on the wire."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from ninja import Schema
from pydantic import Field, StrictBool, StringConstraints, field_validator, model_validator

from alai.kernel.pagination import MAX_BIGINT
from alai.kernel.shapes import (
    NUMBER,
    ActorName,
    Body,
    Id,
    Line,
    Moment,
    Said,
    Session,
    Sha256,
    Text,
    Whole,
    Word,
)
from missioncontrol.leases import Standing
from missioncontrol.models import Comment, Evidence, Grant, Lease, Priority, Task, TaskEvent

StatusName = Literal["open", "in_progress", "paused", "blocked", "ready", "done", "cancelled"]
PriorityName = Literal["low", "medium", "high", "critical"]
Ttl = Annotated[Whole, Field(ge=1, le=1440, description="Minutes.")]
Cost = Annotated[Decimal, NUMBER, Field(ge=0, max_digits=12, decimal_places=4, allow_inf_nan=False)]
Tags = Annotated[list[Annotated[Word, Field(min_length=1)]], Field(max_length=50)]
Ability = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=100)
]
Abilities = Annotated[list[Ability], Field(max_length=50)]
Ids = Annotated[list[Id], Field(max_length=200)]


class TaskIn(Body):
    title: Line
    description: Text = ""
    status: Literal["open", "in_progress", "paused", "blocked"] = "open"
    priority: PriorityName = "medium"
    owner: Word | None = None
    team: Word | None = None
    parent_id: Id | None = None
    tags: Tags = []
    requires: Abilities = Field([], description="What a worker must be able to do, e.g. gpu.")
    source: Word | None = None
    depends_on: Ids = []
    due_at: Moment | None = None
    cost_usd: Cost | None = None
    dedup_key: Annotated[str, Field(max_length=200)] | None = Field(
        None,
        description="While a task with this key is not closed, that task is answered instead of a new one.",
    )


class TaskPatch(Body):
    """Only the fields that are present change."""

    title: Line | None = None
    description: Text | None = None
    status: StatusName | None = None
    priority: PriorityName | None = None
    owner: Word | None = None
    team: Word | None = None
    parent_id: Id | None = None
    tags: Tags | None = None
    requires: Abilities | None = None
    source: Word | None = None
    depends_on: Ids | None = None
    due_at: Moment | None = None
    cost_usd: Cost | None = None
    reason: Annotated[str, Field(max_length=2000)] = Field(
        "", description="Why a person takes over a task that somebody holds."
    )

    @field_validator(
        "title", "description", "status", "priority", "tags", "requires", "depends_on", mode="before"
    )
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("cannot be null; leave it out to keep it")
        return value

    def changes(self) -> dict[str, Any]:
        """The present fields as the service takes them."""
        return stored({name: getattr(self, name) for name in self.model_fields_set - {"reason"}})


class LeaseOut(Schema):
    holder: str
    actor: str
    session: str
    until: datetime
    fencing_token: int

    @classmethod
    def of(cls, lease: Lease) -> "LeaseOut":
        return cls(
            holder=lease.holder,
            actor=lease.actor,
            session=lease.session,
            until=lease.until,
            fencing_token=lease.fencing_token,
        )


class EvidenceOut(Schema):
    id: int
    name: str
    kind: str
    sha256: str | None
    size: int | None
    verified: bool

    @classmethod
    def of(cls, evidence: Evidence) -> "EvidenceOut":
        return cls(
            id=evidence.pk,
            name=evidence.name,
            kind=evidence.kind or evidence.form,
            sha256=evidence.sha256 or None,
            size=evidence.size,
            verified=evidence.verified,
        )


class TaskOut(Schema):
    id: int
    title: str
    description: str
    status: StatusName
    priority: PriorityName
    owner: str | None
    team: str | None
    parent_id: int | None
    tags: list[str]
    requires: list[str]
    source: str | None
    depends_on: list[int]
    blocked_by: list[int] = Field(description="Those of depends_on that are not done.")
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    evidence: list[EvidenceOut]
    cost_usd: float | None
    lease: LeaseOut | None = Field(description="The live lease; null when it is free or has expired.")
    legacy: dict[str, Any]

    @classmethod
    def of(cls, task: Task) -> "TaskOut":
        """From a task of `Task.objects.for_display()`."""
        dependencies = task.dependency_rows.all()
        lease = task.lease if getattr(task, "lease_live", False) else None
        return cls(
            id=task.pk,
            title=task.title,
            description=task.description,
            status=cast("StatusName", task.status),
            priority=priority_name(task.priority),
            owner=task.owner or None,
            team=task.team or None,
            parent_id=task.parent_id,
            tags=task.tags,
            requires=task.requires,
            source=task.source or None,
            depends_on=sorted(row.depends_on_id for row in dependencies),
            blocked_by=sorted(row.depends_on_id for row in dependencies if row.depends_on.status != "done"),
            due_at=task.due_at,
            created_at=task.created_at,
            updated_at=task.updated_at,
            completed_at=task.completed_at,
            evidence=[EvidenceOut.of(piece) for piece in task.evidence.all()],
            cost_usd=None if task.cost_usd is None else float(task.cost_usd),
            lease=LeaseOut.of(lease) if lease else None,
            legacy=task.legacy,
        )


class TaskCreatedOut(TaskOut):
    deduplicated: bool = False


class TaskList(Schema):
    items: list[TaskOut]
    next_cursor: str | None
    position: str | None = Field(None, description="With updated_since: where to go on later.")


class CommentIn(Body):
    body: Said


class CommentOut(Schema):
    id: int
    task_id: int
    author: str
    body: str
    mentioned: list[str]
    created_at: datetime

    @classmethod
    def of(cls, comment: Comment) -> "CommentOut":
        return cls(
            id=comment.pk,
            task_id=comment.task_id,
            author=comment.author,
            body=comment.body,
            mentioned=[mention.actor.name for mention in comment.mentions.all()],
            created_at=comment.created_at,
        )


class CommentList(Schema):
    items: list[CommentOut]
    next_cursor: str | None


class EventOut(Schema):
    id: int
    task_id: int
    kind: str
    actor: str
    on_behalf_of: str | None
    at: datetime
    data: dict[str, Any]
    why: str | None
    request_id: str | None

    @classmethod
    def of(cls, event: TaskEvent) -> "EventOut":
        return cls(
            id=event.pk,
            task_id=event.task_id,
            kind=event.kind,
            actor=event.actor,
            on_behalf_of=event.on_behalf_of or None,
            at=event.at,
            data=event.data,
            why=event.why or None,
            request_id=event.request_id or None,
        )


class EventList(Schema):
    items: list[EventOut]
    next_cursor: str | None


class RegisteredFileIn(Body):
    """A file on a host, hashed by the client: the server never reads a client's path."""

    path: Annotated[str, Field(min_length=1, max_length=4096)]
    sha256: Sha256
    size: Annotated[Whole, Field(ge=1, le=MAX_BIGINT, description="Bytes; an empty file proves nothing.")]
    mtime: Moment
    host: Annotated[Word, Field(min_length=1)]
    kind: Annotated[str, Field(max_length=50)] = ""


class FinishIn(Body):
    evidence: Annotated[list[Id | Line], Field(max_length=200)] = Field(
        default=[], description="Ids of registered evidence, or texts that become unverified references."
    )
    actor: ActorName | None = None
    session: Session | None = None
    reason: Annotated[str, Field(max_length=2000)] = ""


class OverrideIn(Body):
    approval: Annotated[str, Field(max_length=100)]
    reason: Line
    grant_id: Id | None = None


class ClaimIn(Body):
    actor: ActorName | None = None
    session: Session
    ttl_minutes: Ttl = 10
    override: OverrideIn | None = None


class ExtendIn(Body):
    actor: ActorName | None = None
    session: Session
    ttl_minutes: Ttl = 10


class ReleaseIn(Body):
    actor: ActorName | None = None
    session: Session | None = None
    override: OverrideIn | None = None
    force: StrictBool = False
    reason: Annotated[str, Field(max_length=2000)] = ""

    @model_validator(mode="after")
    def _complete(self) -> "ReleaseIn":
        if self.force and not self.reason.strip():
            raise ValueError("reason: a forced release needs one")
        if self.session is None and not self.force and self.override is None:
            raise ValueError("session: whose lease is it?")
        return self


class NextFiltersIn(Body):
    """Named as the list's filters are; several of one mean any of them, several tags all."""

    team: Word | list[Word] | None = None
    owner: Word | list[Word] | None = None
    tag: Word | Tags | None = None
    tags: Tags | None = Field(default=None, description="Another name of `tag`.")
    source: Word | list[Word] | None = None
    parent_id: Id | None = None
    priority: PriorityName | None = Field(default=None, description="This priority or higher.")
    capabilities: Abilities | None = Field(
        default=None, description="What the caller can do; without it, what is recorded of its actor."
    )


class NextIn(Body):
    actor: ActorName | None = None
    session: Session
    ttl_minutes: Ttl = 10
    filters: NextFiltersIn | None = None


class ClaimOut(Schema):
    task_id: int
    holder: str
    lease_until: datetime
    fencing_token: int
    granted: Literal[True] = True
    enforced: bool = True

    @classmethod
    def of(cls, standing: Standing, *, enforced: bool) -> "ClaimOut":
        assert standing.lease_until is not None
        return cls(
            task_id=standing.id,
            holder=standing.holder,
            lease_until=standing.lease_until,
            fencing_token=standing.fencing_token,
            enforced=enforced,
        )


class NextOut(ClaimOut):
    task: TaskOut


class ReleaseOut(Schema):
    task_id: int
    released: bool


class ClaimStatusOut(Schema):
    task_id: int
    state: Literal["available", "held", "expired"]
    holder: str | None
    lease_until: datetime | None
    fencing_token: int

    @classmethod
    def of(cls, standing: Standing) -> "ClaimStatusOut":
        leased = standing.lease_until is not None
        return cls(
            task_id=standing.id,
            state="available" if not leased else "held" if standing.live else "expired",
            holder=standing.holder if leased else None,
            lease_until=standing.lease_until,
            fencing_token=standing.fencing_token,
        )


class SweepIn(Body):
    auto_release: StrictBool = False


class ExpiredOut(Schema):
    task_id: int
    holder: str
    lease_until: datetime

    @classmethod
    def of(cls, standing: Standing) -> "ExpiredOut":
        assert standing.lease_until is not None
        return cls(task_id=standing.id, holder=standing.holder, lease_until=standing.lease_until)


class SweepOut(Schema):
    expired: list[ExpiredOut]
    released: int


class GrantIn(Body):
    task_id: Id
    action: Literal["claim", "release"]
    reason: Line


class GrantOut(Schema):
    grant_id: int
    expires_at: datetime

    @classmethod
    def of(cls, grant: Grant) -> "GrantOut":
        return cls(grant_id=grant.pk, expires_at=grant.expires_at)


class StatsOut(Schema):
    total: int
    by_status: dict[str, int]
    by_team: dict[str, int]
    claimed: int
    overdue: int
    created_24h: int
    done_24h: int
    oldest_open_at: datetime | None


def priority_name(priority: int) -> PriorityName:
    return PRIORITY_NAMES[priority]


PRIORITY_NAMES: dict[int, PriorityName] = {0: "low", 1: "medium", 2: "high", 3: "critical"}
PRIORITIES = {name: Priority(number) for number, name in PRIORITY_NAMES.items()}


def stored(fields: dict[str, Any]) -> dict[str, Any]:
    """Wire values as the models have them: priority as its rank, null words as empty ones."""
    if fields.get("priority") is not None:
        fields["priority"] = PRIORITIES[fields["priority"]]
    for name in ("owner", "team", "source"):
        if name in fields and fields[name] is None:
            fields[name] = ""
    return fields
