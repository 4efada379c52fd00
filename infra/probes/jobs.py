"""How a job stands by its pings, in Healthchecks' words: new, up, late (within its grace) or down."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from infra.probes.base import Observation, Verdict, World
from infra.probes.beats import UNREAD, span

Status = Literal["new", "up", "late", "down"]
SETTLE = timedelta(minutes=5)  # after we were away ourselves: pings that come late are given that long
VERDICTS = {"new": Verdict.UNKNOWN, "up": Verdict.UP, "late": Verdict.UP, "down": Verdict.DOWN}


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job's schedule and pings. `awake`: since when we have been listening."""

    period: timedelta | None
    cron: str
    zone: str
    grace: timedelta
    last_at: datetime | None = None
    failed: bool = False
    exit_status: int | None = None
    started_at: datetime | None = None
    awake: datetime | None = None

    def due_at(self) -> datetime | None:
        """When the next run should have ended; None for a job that never ran."""
        if self.last_at is None:
            return None
        if self.period is not None:
            return self.last_at + self.period
        return next(CronSim(self.cron, self.last_at.astimezone(ZoneInfo(self.zone))), None)


@dataclass(frozen=True, slots=True)
class JobStanding:
    status: Status
    since: datetime | None
    due_at: datetime | None
    detail: str


def standing(job: JobRecord, now: datetime) -> JobStanding:
    """The rules. A run that started and has not ended within the grace is down, whatever came before it."""
    due = job.due_at()
    overrun = job.started_at + job.grace if job.started_at else None
    if overrun and now >= overrun:
        length = span((now - overrun + job.grace).total_seconds())
        return JobStanding("down", overrun, due, f"Started {length} ago and has not ended.")
    if job.last_at is None:
        return JobStanding(
            "new", None, None, "It has never pinged." if not job.started_at else "Its first run is on."
        )
    if job.failed:
        status = f" with exit status {job.exit_status}" if job.exit_status else ""
        return JobStanding("down", job.last_at, due, f"Its last run failed{status}.")
    if due is None or now < due:
        return JobStanding("up", job.last_at, due, f"Ran {span((now - job.last_at).total_seconds())} ago")
    late = span((now - due).total_seconds())
    deadline = due + job.grace
    if job.awake:
        deadline = max(deadline, job.awake + min(job.grace, SETTLE))
    if now < deadline:
        return JobStanding(
            "late", job.last_at, due, f"Late by {late}; {span(job.grace.total_seconds())} are allowed."
        )
    return JobStanding(
        "down", deadline, due, f"Late by {late}: it should have pinged at {due:%Y-%m-%d %H:%M %Z}."
    )


def bad_schedule(cron: str, zone: str) -> str:
    """What is wrong with a cron expression or its time zone; empty when they are good."""
    try:
        start = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        return f"{zone} is no time zone: use a name such as Europe/Oslo."
    try:
        next(CronSim(cron, start))
    except (CronSimError, StopIteration):
        return f"{cron!r} is no cron expression with a date to come: write five fields, e.g. 0 2 * * 0."
    return ""


@dataclass(frozen=True, slots=True)
class JobProbe:
    """Whether a job pings as its schedule wants; late within its grace is still up."""

    source: ClassVar[str] = "jobs"
    job: str

    async def run(self, world: World) -> Observation:
        if self.source not in world.records:
            return UNREAD
        found: JobStanding | None = world.records[self.source].get(self.job)
        if found is None:
            return Observation(Verdict.UNKNOWN, f"There is no job {self.job}.")
        return Observation(
            VERDICTS[found.status], found.detail, facts={"status": found.status}, since=found.since
        )
