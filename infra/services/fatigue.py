"""What keeps alerts few enough to be read, as the alert policies say. Handbook: "Alert Fatigue Prevention"."""

from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from infra.hours import end_of
from infra.models import AlertPolicy, Severity

SHORTEST = timedelta(minutes=2)  # no push for less, whatever a rule or a policy says
DEDUPLICATED = timedelta(minutes=15)  # while no policy says how long


def shortest() -> timedelta:
    """How long trouble lasts at least before anybody hears of it."""
    most: int = AlertPolicy.objects.aggregate(most=Max("minimum_duration_seconds"))["most"] or 0
    return max(SHORTEST, timedelta(seconds=most))


def dedup_window() -> timedelta:
    """Trouble that comes back within it is the same incident, and is told no second time."""
    most: int | None = AlertPolicy.objects.aggregate(most=Max("dedup_minutes"))["most"]
    return DEDUPLICATED if most is None else timedelta(minutes=most)


def held_until(severity: str, at: datetime) -> datetime | None:
    """When the hours end in which alerts wait that are not critical; None when this one is told at `at`.

    The worst severity never waits, nor does one that the registry does not know.
    """
    zone = timezone.get_default_timezone()
    hours = AlertPolicy.objects.values_list("suppress_from", "suppress_until")
    ends = [end_of(start, end, at, zone) for start, end in hours if start is not None and end is not None]
    over = max((end for end in ends if end is not None), default=None)
    if over is None or not Severity.objects.filter(slug=severity, rank__gt=1).exists():
        return None
    return over
