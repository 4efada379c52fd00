"""The status board: what is in trouble, how every site stands, and how the last 90 days were."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from alai.kernel import words
from infra import selectors
from infra.history import TONES, History, Run, history, percent, runs, whole
from infra.models import Check, Incident, Site
from infra.probes import Verdict
from infra.selectors import Standing


@dataclass(frozen=True, slots=True)
class Row:
    """One site on the board."""

    site: Site
    url: str
    standing: Standing
    tone: str
    days: list[Run]
    percent: str


def context(request: HttpRequest) -> dict[str, Any]:
    """Everything that `infra/board.html` shows, in a handful of queries whatever the number of sites."""
    now = timezone.now()
    pairs = [(site, checks) for site, checks in selectors.sites_with_checks() if site.watched or checks]
    days = history([check.pk for _, checks in pairs for check in checks], now)
    rows = [_row(site, checks, days, now) for site, checks in pairs]
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
        "others": list(selectors.checks().filter(site=None, enabled=True)[:200]),
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


def _row(site: Site, checks: list[Check], days: History, now: dt.datetime) -> Row:
    standing = selectors.worst(selectors.standing_of(check, now) for check in checks)
    main = next((check for check in checks if check.kind == "http"), checks[0] if checks else None)
    seen = days.get(main.pk, {}) if main else {}
    return Row(
        site,
        reverse("admin:infra_site_change", args=[site.pk]),
        standing,
        TONES[standing.verdict],
        runs(seen, now),
        percent(whole(seen)),
    )
