"""How long something was really down: from its confirmed changes, to the microsecond."""

from collections.abc import Collection
from datetime import datetime

from django.db import connection
from django.db.models import Q

from infra.models import Check, Edge, Incident

# A change stands until the next one of its check; times in which several checks were down count once.
DOWN = f"""
SELECT coalesce(sum(extract(epoch FROM upper(p) - lower(p))), 0)::float8
FROM (SELECT range_agg(tstzrange(greatest(at, %(start)s), least(until, %(end)s))) AS spans
      FROM (SELECT at, after, coalesce(lead(at) OVER (PARTITION BY check_record_id ORDER BY at, id), %(end)s) AS until
            FROM {Edge._meta.db_table} WHERE check_record_id = ANY (%(checks)s) AND at < %(end)s) changes
      WHERE after IN ('down', 'blocked') AND until > %(start)s) found, unnest(spans) p
"""


def down_seconds(checks: Collection[int], start: datetime, end: datetime) -> float:
    """Seconds between the two in which at least one of the checks was down or blocked; what nobody saw is not."""
    with connection.cursor() as cursor:
        cursor.execute(DOWN, {"checks": list(checks), "start": start, "end": end})
        row: tuple[float] = cursor.fetchone()
    return row[0]


def checks_of(incident: Incident) -> set[int]:
    """The checks that tell how long it was down: its own, and those of what it explains or was declared about."""
    found = {incident.check_record_id, *incident.parts.values_list("check_record", flat=True)}
    if incident.objective is not None:
        found.add(incident.objective.check_record_id)
    about = Q(site__in=incident.sites.all()) | Q(service__in=incident.services.all())
    found.update(Check.objects.filter(about).values_list("pk", flat=True))
    return {pk for pk in found if pk is not None}
