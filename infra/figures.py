"""What Prometheus scrapes of the watch."""

from django.db.models import Count
from django.utils import timezone

from infra import objectives, selectors, slo
from infra.models import CheckState, Incident

Labels = tuple[str, ...]


def checks() -> dict[Labels, float]:
    """How many checks of each kind stand how; one that nobody looks at any more is unknown."""
    now = timezone.now()
    found: dict[Labels, float] = {}
    for check in selectors.checks().filter(enabled=True):
        labels = (check.kind, selectors.standing_of(check, now).verdict.value)
        found[labels] = found.get(labels, 0.0) + 1
    return found


def incidents() -> dict[Labels, float]:
    unresolved = Incident.objects.exclude(state=Incident.State.RESOLVED).order_by()
    rows = unresolved.values_list("severity", "state").annotate(count=Count("id"))
    return {(severity or "none", state): float(count) for severity, state, count in rows}


def lateness() -> dict[Labels, float]:
    """By how many seconds the most overdue look of a kind is late; 0 when none is."""
    now = timezone.now()
    rows = CheckState.objects.filter(check_record__enabled=True).values_list("check_record__kind", "next_at")
    found: dict[Labels, float] = {}
    for kind, next_at in rows:
        late = max(0.0, (now - next_at).total_seconds())
        found[(kind,)] = max(late, found.get((kind,), 0.0))
    return found


def budgets() -> dict[Labels, float]:
    return {(one.objective.slug,): one.left / 100 for one in objectives.readings() if one.left is not None}


def burns() -> dict[Labels, float]:
    return {
        (one.objective.slug, slo.said(seconds)): rate
        for one in objectives.readings()
        for seconds in one.windows
        if (rate := one.burn(seconds)) is not None
    }
