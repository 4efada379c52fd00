"""Reads of jobs: how each stands by its pings."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from infra import records
from infra.models import Job, JobState
from infra.probes.jobs import JobRecord, JobStanding, standing


def jobs() -> QuerySet[Job]:
    """Jobs with their states, and the database's clock beside them; one query."""
    return Job.objects.select_related("state", "host", "rule").annotate(clock=Now()).order_by("slug")


def standing_of(job: Job, *, awake: datetime | None = None) -> JobStanding:
    """How the job stands now."""
    now: datetime = getattr(job, "clock", None) or timezone.now()
    return standing(record_of(job, awake), now)


def record_of(job: Job, awake: datetime | None = None) -> JobRecord:
    state: JobState | None = getattr(job, "state", None)
    return JobRecord(
        period=timedelta(seconds=job.period_seconds) if job.period_seconds else None,
        cron=job.cron,
        zone=job.time_zone or settings.TIME_ZONE,
        grace=timedelta(seconds=job.grace_seconds),
        last_at=state.last_at if state else None,
        failed=state.failed if state else False,
        exit_status=state.exit_status if state else None,
        started_at=state.last_start_at if state else None,
        awake=awake,
    )


def job_records() -> Mapping[str, JobStanding]:
    """How each job stands, for probes."""
    awake = records.awake_since(records.clock())
    return {job.slug: standing_of(job, awake=awake) for job in jobs()}
