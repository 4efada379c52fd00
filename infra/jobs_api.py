"""Jobs over HTTP, for people and dashboards. Their pings come in at `/ping/`, outside of the API."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema

from alai.kernel.api import PROBLEMS, Scope, caller
from alai.kernel.principals import Principal
from infra import selectors_jobs
from infra.models import Job, JobState

router = Router(tags=["infra"])


class JobOut(Schema):
    name: str
    title: str
    host: str | None
    status: Literal["new", "up", "late", "down"]
    started: bool
    detail: str
    since: datetime | None
    due_at: datetime | None
    last_at: datetime | None
    last_duration_seconds: float | None
    pings: int
    period_seconds: int | None
    cron: str
    time_zone: str
    grace_seconds: int
    ping_path: str | None = None

    @classmethod
    def of(cls, job: Job, *, secret: bool) -> "JobOut":
        found = selectors_jobs.standing_of(job)
        state: JobState | None = getattr(job, "state", None)
        return cls(
            name=job.slug, title=job.name, host=job.host.slug if job.host else None, status=found.status,
            started=bool(state and state.last_start_at), detail=found.detail, since=found.since, due_at=found.due_at,
            last_at=state.last_at if state else None, last_duration_seconds=state.last_duration if state else None,
            pings=state.pings if state else 0, period_seconds=job.period_seconds, cron=job.cron,
            time_zone=job.time_zone, grace_seconds=job.grace_seconds,
            ping_path=f"/ping/{job.code}" if secret else None,
        )  # fmt: skip


class JobList(Schema):
    items: list[JobOut]
    next_cursor: None = None


@router.get(
    "/infra/jobs",
    auth=Scope("infra:read", "infra:write"),
    response={200: JobList, **PROBLEMS},
    operation_id="list_jobs",
)
def list_jobs(request: HttpRequest) -> JobList:
    """Every job and how it stands. Its secret address is shown to those who may write here, and to its host."""
    by = caller(request)
    return JobList(items=[JobOut.of(job, secret=_may_ping(by, job)) for job in selectors_jobs.jobs()])


def _may_ping(by: Principal, job: Job) -> bool:
    return by.has("infra:write") and by.covers_host(job.host.slug if job.host else "")
