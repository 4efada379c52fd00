"""Summing looks up by hour and day, weighted by time: each look stands until the next, for three intervals at most."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from infra.models import Check, DaySummary, HourSummary, Result

HOUR = timedelta(hours=1)

ROLL_UP = f"""
INSERT INTO {HourSummary._meta.db_table}
    (check_record_id, hour, up, degraded, down, blocked, unknown, looks, latency_median, latency_p95)
SELECT c.id, %(start)s, s.up, s.degraded, s.down, s.blocked,
       greatest(0, extract(epoch FROM %(end)s::timestamptz - %(start)s::timestamptz)
                   - s.up - s.degraded - s.down - s.blocked),
       s.looks, s.median, s.p95
FROM {Check._meta.db_table} c JOIN LATERAL (
    SELECT coalesce(sum(held) FILTER (WHERE verdict = 'up'), 0) AS up,
           coalesce(sum(held) FILTER (WHERE verdict = 'degraded'), 0) AS degraded,
           coalesce(sum(held) FILTER (WHERE verdict = 'down'), 0) AS down,
           coalesce(sum(held) FILTER (WHERE verdict = 'blocked'), 0) AS blocked,
           count(*) FILTER (WHERE at >= %(start)s) AS looks,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE at >= %(start)s) AS median,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE at >= %(start)s) AS p95
    FROM (
        SELECT verdict, latency_ms, at, greatest(0, extract(epoch FROM least(
                   coalesce(lead(at) OVER (ORDER BY at), %(end)s), %(end)s,
                   at + make_interval(secs => c.interval_seconds * 3)) - greatest(at, %(start)s))) AS held
        FROM {Result._meta.db_table} r
        WHERE r.check_record_id = c.id AND at < %(end)s
          AND at >= %(start)s::timestamptz - make_interval(secs => c.interval_seconds * 3)) looks
) s ON true
WHERE s.looks > 0 OR s.up + s.degraded + s.down + s.blocked > 0
ON CONFLICT (check_record_id, hour) DO UPDATE SET
    up = excluded.up, degraded = excluded.degraded, down = excluded.down, blocked = excluded.blocked,
    unknown = excluded.unknown, looks = excluded.looks,
    latency_median = excluded.latency_median, latency_p95 = excluded.latency_p95
"""


# The days that changed since the last one that is known, and that one again.
DAYS = f"""
INSERT INTO {DaySummary._meta.db_table} (check_record_id, day, up, degraded, down, blocked, unknown)
SELECT check_record_id, (hour AT TIME ZONE %(zone)s)::date,
       sum(up), sum(degraded), sum(down), sum(blocked), sum(unknown)
FROM {HourSummary._meta.db_table}
WHERE hour >= (coalesce((SELECT max(day) FROM {DaySummary._meta.db_table}), '1970-01-03')::timestamp
               - interval '1 day') AT TIME ZONE %(zone)s
GROUP BY 1, 2
ON CONFLICT (check_record_id, day) DO UPDATE SET
    up = excluded.up, degraded = excluded.degraded, down = excluded.down, blocked = excluded.blocked,
    unknown = excluded.unknown
"""


def roll_up(*, now: datetime | None = None) -> int:
    """Sum up this hour so far, the one before, and the days; answers how many hours. Again: the same sums."""
    moment = now or timezone.now()
    this = moment.replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        written = 0
        for start in (this - HOUR, this):
            cursor.execute(ROLL_UP, {"start": start, "end": min(start + HOUR, moment)})
            written += cursor.rowcount
        cursor.execute(DAYS, {"zone": settings.TIME_ZONE})
    return written
