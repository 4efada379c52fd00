"""Pings of jobs: one statement takes each, whatever it says; and each job has a check of its own."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from psycopg import Cursor

from alai.kernel import audit
from alai.kernel.principals import Principal
from infra.models import Check, Job, JobState, Ping
from infra.services.incidents import SYSTEM
from missioncontrol.services.common import acting_as

LOOK_EVERY = 15  # seconds
KEPT_A_JOB = 1000  # pings; whoever knows a name may send many

TRIM = f"""
DELETE FROM {Ping._meta.db_table} p USING (
    SELECT j.id, (SELECT k.at FROM {Ping._meta.db_table} k WHERE k.job_id = j.id
                  ORDER BY k.at DESC OFFSET %(kept)s LIMIT 1) AS oldest
    FROM {Job._meta.db_table} j) o
WHERE p.job_id = o.id AND p.at <= o.oldest
"""

# The state is judged as at Healthchecks: a failure ends whatever ran; a success ends the run of its own rid, and one
# without a rid ends any. The duration counts from the start with the same rid, so that runs may overlap.
PING = f"""
WITH job AS (
    SELECT j.id, s.last_start_at, s.last_start_rid
    FROM {Job._meta.db_table} j LEFT JOIN {JobState._meta.db_table} s ON s.job_id = j.id
         LEFT JOIN infra_host h ON h.id = j.host_id
    WHERE CASE WHEN %(code)s::uuid IS NOT NULL THEN j.code = %(code)s::uuid
          ELSE j.slug = %(slug)s::text
               AND (NOT j.guarded OR (%(trusted)s::bool
                    AND (%(hosts)s::text[] = '{{}}' OR h.slug = ANY (%(hosts)s::text[]))))
          END),
ping AS (
    INSERT INTO {Ping._meta.db_table} (job_id, at, kind, exit_status, rid, duration, method, source, agent, body)
    SELECT job.id, statement_timestamp(), %(kind)s::text, %(exit_status)s::smallint, %(rid)s::uuid,
           CASE WHEN %(kind)s::text IN ('success', 'fail') THEN extract(epoch FROM statement_timestamp() - coalesce(
               (SELECT p.at FROM {Ping._meta.db_table} p
                WHERE p.job_id = job.id AND p.rid = %(rid)s::uuid AND p.kind = 'start' ORDER BY p.at DESC LIMIT 1),
               CASE WHEN %(rid)s::uuid IS NULL AND job.last_start_rid IS NULL THEN job.last_start_at END)) END,
           %(method)s::text, %(source)s::text, %(agent)s::text, %(body)s::text
    FROM job RETURNING job_id, at, duration)
INSERT INTO {JobState._meta.db_table} AS s
    (job_id, pings, last_at, failed, exit_status, last_start_at, last_start_rid, last_duration)
SELECT job_id, 1, CASE WHEN %(kind)s::text IN ('success', 'fail') THEN at END, %(kind)s::text = 'fail',
       %(exit_status)s::smallint, CASE WHEN %(kind)s::text = 'start' THEN at END,
       CASE WHEN %(kind)s::text = 'start' THEN %(rid)s::uuid END, duration
FROM ping
ON CONFLICT (job_id) DO UPDATE SET
    pings = s.pings + 1,
    last_at = coalesce(excluded.last_at, s.last_at),
    failed = CASE WHEN excluded.last_at IS NULL THEN s.failed ELSE excluded.failed END,
    exit_status = CASE WHEN excluded.last_at IS NULL THEN s.exit_status ELSE excluded.exit_status END,
    last_duration = CASE WHEN excluded.last_at IS NULL THEN s.last_duration ELSE excluded.last_duration END,
    last_start_at = CASE
        WHEN excluded.last_start_at IS NOT NULL THEN excluded.last_start_at
        WHEN excluded.failed THEN NULL
        WHEN excluded.last_at IS NOT NULL AND (%(rid)s::uuid IS NULL OR %(rid)s::uuid = s.last_start_rid) THEN NULL
        ELSE s.last_start_at END,
    last_start_rid = CASE WHEN excluded.last_start_at IS NOT NULL THEN excluded.last_start_rid ELSE s.last_start_rid END
RETURNING s.job_id
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A ping as it came in; texts are masked and cut already."""

    kind: str
    exit_status: int | None = None
    rid: UUID | None = None
    method: str = "GET"
    source: str = ""
    agent: str = ""
    body: str = ""


def ping(*, code: UUID | None, slug: str, by: Principal | None, call: Call) -> bool:
    """Take a ping of the job with that secret address, or that name; False when there is no such job for the caller.

    By its name a guarded job is pinged with a token alone that may write here, and on the job's host.
    """
    trusted = by is not None and by.has("infra:write")
    fields = {
        "code": code, "slug": slug, "trusted": trusted, "hosts": list(by.hosts) if by else [], "kind": call.kind,
        "exit_status": call.exit_status, "rid": call.rid, "method": call.method, "source": call.source,
        "agent": call.agent, "body": call.body,
    }  # fmt: skip
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        return cursor.execute(PING, fields, prepare=settings.DATABASE_PREPARE).fetchone() is not None


def tend_jobs() -> int:
    """Give each job its check and take away those whose job is gone; answers how many were made or removed.

    A check that a file brought, or that somebody made by hand, counts as the job's.
    """
    checks = {check.settings.get("job"): check for check in Check.objects.filter(kind="job")}
    jobs = {job.slug: job for job in Job.objects.all()}
    with acting_as(SYSTEM), audit.writing(why="each job has a check"):
        missing = [job for slug, job in jobs.items() if slug not in checks]
        for job in missing:
            Check.objects.get_or_create(
                slug=f"job:{job.slug}"[:100],
                defaults={"kind": "job", "settings": {"job": job.slug}, "host_id": job.host_id,
                          "rule_id": job.rule_id, "interval_seconds": LOOK_EVERY},
            )  # fmt: skip
        own = {slug: check for slug, check in checks.items() if not check.is_from_file}
        gone = [check.pk for slug, check in own.items() if slug not in jobs]
        Check.objects.filter(pk__in=gone).delete()
        for slug in own.keys() & jobs.keys():
            _follow(own[slug], jobs[slug])
    return len(missing) + len(gone)


def trim_pings(*, kept: int = KEPT_A_JOB) -> int:
    """Keep the newest pings of each job; answers how many went."""
    with connection.cursor() as cursor:
        cursor.execute(TRIM, {"kept": kept})
        gone: int = cursor.rowcount
    return gone


def _follow(check: Check, job: Job) -> None:
    """Who hears, and which host explains a failure, is the job's to say."""
    if (check.rule_id, check.host_id) != (job.rule_id, job.host_id):
        check.rule_id, check.host_id = job.rule_id, job.host_id
        check.save(update_fields=["rule", "host"])
