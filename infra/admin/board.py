"""The status board: what is in trouble, the handbook's panels, how every site stands and how its 90 days were."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import F, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from alai.kernel import words
from infra import selectors
from infra.admin import machines
from infra.admin.bars import bars
from infra.admin.panels import HOUR, panels
from infra.history import TONES, history, unseen
from infra.models import HourSummary, Incident, Site
from infra.probes import Verdict
from infra.selectors import BADNESS, UNSEEN, Standing, Watched

SHOWN = 50  # sites, unless all are asked for
OTHERS = 100
SPARK = 24  # hours
WIDTH, HEIGHT = 96, 22


class Place(NamedTuple):
    """A site that is watched, with its checks and the worst verdict of them."""

    site_id: int
    name: str
    checks: list[Watched]
    worst: Watched | None

    @property
    def verdict(self) -> Verdict:
        return self.worst.verdict if self.worst else Verdict.UNKNOWN

    @property
    def main(self) -> Watched | None:
        """The check whose history tells the site's."""
        return next((check for check in self.checks if check.kind == "http"), next(iter(self.checks), None))


@dataclass(frozen=True, slots=True)
class Row:
    """One site on the board. `spark` is its latency of the last day, as a polyline's points."""

    site: str
    url: str
    standing: Standing
    tone: str
    days: SafeString
    percent: str
    spark: str


def context(request: HttpRequest) -> dict[str, Any]:
    """Everything that `infra/board.html` shows, in a handful of queries whatever the number of sites."""
    now = timezone.now()
    everything = selectors.enabled_checks(now)
    places = _in_order(everything)
    shown = places if "all" in request.GET else places[:SHOWN]
    unresolved = Incident.objects.exclude(state=Incident.State.RESOLVED).filter(part_of=None)
    incidents = list(unresolved.select_related("check_record")[:50])
    others = [check for check in everything if check.site_id is None and check.kind not in machines.SHOWN]
    standings = selectors.standings([check.pk for check in others[:OTHERS]], now)
    return {
        "now": now,
        "rows": _rows(shown, now),
        "hidden": len(places) - len(shown),
        "incidents": incidents,
        "sentence": sentence([(place.name, place.verdict) for place in places], incidents),
        "panels": panels(everything, now),
        "watching": settings.WATCH,
        "others": [(check, standings.get(check.pk, UNSEEN)) for check in others[:OTHERS]],
        "more_others": max(0, len(others) - OTHERS),
        **machines.panel(),
        "may_act": request.user.has_perm("infra.change_incident"),
    }


def sentence(sites: Sequence[tuple[str, Verdict]], incidents: Sequence[Incident]) -> str:
    """The answer in words."""
    bad = [name for name, verdict in sites if verdict in (Verdict.DOWN, Verdict.BLOCKED)]
    unknown = sum(verdict == Verdict.UNKNOWN for _, verdict in sites)
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


def _in_order(checks: Sequence[Watched]) -> list[Place]:
    """The sites that are watched: those in trouble first, then by name."""
    by_site: dict[int, list[Watched]] = {}
    for check in checks:
        if check.site_id is not None:
            by_site.setdefault(check.site_id, []).append(check)
    found = []
    for pk, name, watched in Site.objects.order_by("slug").values_list("pk", "slug", "watched"):
        own = by_site.get(pk, [])
        if watched or own:
            worst = min(own, key=lambda check: BADNESS.index(check.verdict), default=None)
            found.append(Place(pk, name, own, worst))
    trouble = BADNESS.index(Verdict.UNKNOWN)
    return sorted(found, key=lambda place: min(trouble, BADNESS.index(place.verdict)))


def _rows(places: Sequence[Place], now: dt.datetime) -> list[Row]:
    """What is shown of these sites, three queries."""
    mains = [place.main.pk for place in places if place.main]
    pasts, sparks = history(mains, now), _sparks(mains, now)
    standings = selectors.standings([place.worst.pk for place in places if place.worst], now)
    nothing = unseen(now)
    rows = []
    for place in places:
        standing = standings.get(place.worst.pk, UNSEEN) if place.worst else UNSEEN
        past = pasts[place.main.pk] if place.main else nothing
        rows.append(
            Row(
                place.name,
                reverse("admin:infra_site_status", args=[place.site_id]),
                standing,
                TONES[standing.verdict],
                bars(past.runs),
                past.percent,
                sparks.get(place.main.pk, "") if place.main else "",
            )
        )
    return rows


def _sparks(check_ids: Sequence[int], now: dt.datetime) -> dict[int, str]:
    """The median latency of each hour of the last day, each check on its own scale."""
    start = now.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=SPARK - 1)
    rows = HourSummary.objects.filter(
        check_record__in=check_ids, hour__gte=start, latency_median__isnull=False
    )
    found: dict[int, list[tuple[float, float]]] = {}
    since = F("hour") - Value(start)
    for pk, after, median in rows.order_by("hour").values_list("check_record", since, "latency_median"):
        found.setdefault(pk, []).append((after / HOUR, median or 0.0))
    return {pk: _points(values) for pk, values in found.items() if len(values) > 1}


def _points(values: Sequence[tuple[float, float]]) -> str:
    top = max(value for _, value in values) or 1.0
    step = WIDTH / (SPARK - 1)
    return " ".join(f"{at * step:.1f},{HEIGHT - value * (HEIGHT - 2) / top:.1f}" for at, value in values)
