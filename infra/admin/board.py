"""The status board: what is in trouble, how every site stands, and how the last 90 days were."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from alai.kernel import words
from infra import selectors
from infra.admin import machines
from infra.models import Check, HourSummary, Incident, Site
from infra.probes import Verdict
from infra.selectors import SECONDS, Standing

DAYS = 90
TONES = {
    Verdict.UP: "success",
    Verdict.DEGRADED: "warning",
    Verdict.DOWN: "danger",
    Verdict.BLOCKED: "danger",
    Verdict.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a site: its tone, and what to say on hovering."""

    date: dt.date
    tone: str
    said: str


@dataclass(frozen=True, slots=True)
class Row:
    """One site on the board."""

    site: Site
    url: str
    standing: Standing
    tone: str
    days: list[Day]
    percent: str


def context(request: HttpRequest) -> dict[str, Any]:
    """Everything that `infra/board.html` shows, in a handful of queries whatever the number of sites."""
    now = timezone.now()
    pairs = [(site, checks) for site, checks in selectors.sites_with_checks() if site.watched or checks]
    history = _history([check.pk for _, checks in pairs for check in checks], now)
    rows = [_row(site, checks, history, now) for site, checks in pairs]
    incidents = list(
        Incident.objects.select_related("check_record")
        .exclude(state=Incident.State.RESOLVED)
        .filter(part_of=None)[:50]
    )
    return {
        "now": now,
        "rows": rows,
        "incidents": incidents,
        "sentence": sentence(rows, incidents),
        "watching": settings.WATCH,
        "others": list(
            selectors.checks().filter(site=None, enabled=True).exclude(kind__in=machines.SHOWN)[:200]
        ),
        **machines.panel(),
        "may_act": request.user.has_perm("infra.change_incident"),
    }


def sentence(rows: list[Row], incidents: list[Incident]) -> str:
    """The answer in words."""
    bad = [row for row in rows if row.standing.verdict in (Verdict.DOWN, Verdict.BLOCKED)]
    unknown = [row for row in rows if row.standing.verdict == Verdict.UNKNOWN]
    if bad:
        names = ", ".join(row.site.slug for row in bad[:3])
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        return f"{names}{more} {'is' if len(bad) == 1 else 'are'} down."
    if incidents:
        return (
            f"{words.number(len(incidents)).capitalize()} incident{'' if len(incidents) == 1 else 's'} open."
        )
    if rows and len(unknown) == len(rows):
        return "Nobody knows: nothing is looked at."
    if unknown:
        return f"{len(rows) - len(unknown)} of {len(rows)} sites are up; of {len(unknown)} nobody knows."
    return f"All {len(rows)} sites are up." if rows else "No site is watched."


def _row(
    site: Site, checks: list[Check], history: dict[int, dict[dt.date, dict[str, float]]], now: dt.datetime
) -> Row:
    standing = selectors.worst(selectors.standing_of(check, now) for check in checks)
    main = next((check for check in checks if check.kind == "http"), checks[0] if checks else None)
    seen = history.get(main.pk, {}) if main else {}
    today = timezone.localtime(now).date()
    days = [_day(today - dt.timedelta(days=back), seen) for back in range(DAYS - 1, -1, -1)]
    total = {name: sum(day[name] for day in seen.values()) for name in SECONDS}
    percent = selectors.uptime(total, dt.timedelta(days=DAYS)).percent
    shown = f"{percent:.2f} %" if percent is not None else "–"
    return Row(
        site,
        reverse("admin:infra_site_change", args=[site.pk]),
        standing,
        TONES[standing.verdict],
        days,
        shown,
    )


def _day(date: dt.date, seen: dict[dt.date, dict[str, float]]) -> Day:
    sums = seen.get(date)
    if sums is None or not any(sums[name] for name in SECONDS if name != "unknown"):
        return Day(date, "unknown", f"{date:%-d %b}: not seen")
    away = sums["down"] + sums["blocked"]
    if away:
        return Day(date, "danger", f"{date:%-d %b}: away for {words.duration(dt.timedelta(seconds=away))}")
    if sums["degraded"]:
        length = words.duration(dt.timedelta(seconds=sums["degraded"]))
        return Day(date, "warning", f"{date:%-d %b}: degraded for {length}")
    return Day(date, "success", f"{date:%-d %b}: up")


def _history(check_ids: list[int], now: dt.datetime) -> dict[int, dict[dt.date, dict[str, float]]]:
    """Seconds of each verdict by check and local day."""
    hours = HourSummary.objects.filter(
        check_record__in=check_ids, hour__gt=now - dt.timedelta(days=DAYS)
    ).order_by()
    rows: Any = hours.annotate(day=TruncDate("hour")).values("check_record", "day")
    found: dict[int, dict[dt.date, dict[str, float]]] = {}
    for row in rows.annotate(**{f"sum_{name}": Sum(name) for name in SECONDS}):
        found.setdefault(row["check_record"], {})[row["day"]] = {name: row[f"sum_{name}"] for name in SECONDS}
    return found
