"""The status board: what is in trouble, the handbook's panels, how every site stands and how its 90 days were."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from alai.kernel import words
from infra import selectors
from infra.admin import machines
from infra.admin.panels import panels
from infra.history import TONES, History, Run, history, percent, runs, whole
from infra.models import Check, HourSummary, Incident, Site
from infra.probes import Verdict
from infra.selectors import BADNESS, Standing

SHOWN = 50  # sites, unless all are asked for
OTHERS = 100
SPARK = 24  # hours
WIDTH, HEIGHT = 96, 22


@dataclass(frozen=True, slots=True)
class Row:
    """One site on the board. `spark` is its latency of the last day, as a polyline's points."""

    site: str
    url: str
    standing: Standing
    tone: str
    days: list[Run]
    percent: str
    spark: str


def context(request: HttpRequest) -> dict[str, Any]:
    """Everything that `infra/board.html` shows, in a handful of queries whatever the number of sites."""
    now = timezone.now()
    everything = selectors.enabled_checks()
    pairs = _in_order(everything, now)
    shown = pairs if "all" in request.GET else pairs[:SHOWN]
    mains = [main.pk for _, _, checks, _ in shown if (main := _main(checks))]
    days, sparks = history(mains, now), _sparks(mains, now)
    unresolved = Incident.objects.exclude(state=Incident.State.RESOLVED).filter(part_of=None)
    incidents = list(unresolved.select_related("check_record")[:50])
    others = [check for check in everything if check.site_id is None and check.kind not in machines.SHOWN]
    return {
        "now": now,
        "rows": [_row(*one, days, sparks, now) for one in shown],
        "hidden": len(pairs) - len(shown),
        "incidents": incidents,
        "sentence": sentence([(name, standing) for _, name, _, standing in pairs], incidents),
        "panels": panels(everything, now),
        "watching": settings.WATCH,
        "others": [(check, selectors.standing_of(check, now)) for check in others[:OTHERS]],
        "more_others": max(0, len(others) - OTHERS),
        **machines.panel(),
        "may_act": request.user.has_perm("infra.change_incident"),
    }


def sentence(sites: Sequence[tuple[str, Standing]], incidents: Sequence[Incident]) -> str:
    """The answer in words."""
    bad = [name for name, standing in sites if standing.verdict in (Verdict.DOWN, Verdict.BLOCKED)]
    unknown = sum(standing.verdict == Verdict.UNKNOWN for _, standing in sites)
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        return f"{', '.join(bad[:3])}{more} {'is' if len(bad) == 1 else 'are'} down."
    if incidents:
        return (
            f"{words.number(len(incidents)).capitalize()} incident{'' if len(incidents) == 1 else 's'} open."
        )
    if sites and unknown == len(sites):
        return "Nobody knows: nothing is looked at."
    if unknown:
        return f"{len(sites) - unknown} of {len(sites)} sites are up; of {unknown} nobody knows."
    return f"All {len(sites)} sites are up." if sites else "No site is watched."


def _in_order(checks: Sequence[Check], now: dt.datetime) -> list[tuple[int, str, list[Check], Standing]]:
    """The sites that are watched: those in trouble first, then by name."""
    by_site: dict[int, list[Check]] = {}
    for check in checks:
        if check.site_id is not None:
            by_site.setdefault(check.site_id, []).append(check)
    found = []
    for pk, name, watched in Site.objects.order_by("slug").values_list("pk", "slug", "watched"):
        own = by_site.get(pk, [])
        if watched or own:
            standing = selectors.worst(selectors.standing_of(check, now) for check in own)
            found.append((pk, name, own, standing))
    trouble = BADNESS.index(Verdict.UNKNOWN)
    return sorted(found, key=lambda one: min(trouble, BADNESS.index(one[3].verdict)))


def _main(checks: Sequence[Check]) -> Check | None:
    return next((check for check in checks if check.kind == "http"), checks[0] if checks else None)


def _row(
    site_id: int,
    name: str,
    checks: Sequence[Check],
    standing: Standing,
    days: History,
    sparks: dict[int, str],
    now: dt.datetime,
) -> Row:
    main = _main(checks)
    seen = days.get(main.pk, {}) if main else {}
    return Row(
        name,
        reverse("admin:infra_site_status", args=[site_id]),
        standing,
        TONES[standing.verdict],
        runs(seen, now),
        percent(whole(seen)),
        sparks.get(main.pk, "") if main else "",
    )


def _sparks(check_ids: Sequence[int], now: dt.datetime) -> dict[int, str]:
    """The median latency of each hour of the last day, each check on its own scale."""
    start = now.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=SPARK - 1)
    rows = HourSummary.objects.filter(
        check_record__in=check_ids, hour__gte=start, latency_median__isnull=False
    )
    found: dict[int, list[tuple[float, float]]] = {}
    for pk, hour, median in rows.order_by("hour").values_list("check_record", "hour", "latency_median"):
        found.setdefault(pk, []).append(((hour - start).total_seconds() / 3600, median or 0.0))
    return {pk: _points(values) for pk, values in found.items() if len(values) > 1}


def _points(values: Sequence[tuple[float, float]]) -> str:
    top = max(value for _, value in values) or 1.0
    step = WIDTH / (SPARK - 1)
    return " ".join(f"{at * step:.1f},{HEIGHT - value * (HEIGHT - 2) / top:.1f}" for at, value in values)
