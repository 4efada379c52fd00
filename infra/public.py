"""What the public may know: sites that were opted in, how they stand, and what people wrote for it. Nothing else.

No address, no host, no check's name or detail, no note leaves through here: the dataclasses have no room for them.
Handbook: "Communication Plan During DR Event".
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils import timezone

from infra import selectors
from infra.history import TONES, Past, Run, history, unseen
from infra.models import Check, Incident, IncidentEntry, MaintenanceWindow, Site
from infra.probes import Verdict

KINDS = ("http", "tcp")  # what visitors notice; a certificate that runs out in a month is ours to know
SHOWN = 50  # incidents
AHEAD = dt.timedelta(days=7)
WORDS = {
    Verdict.UP: "Operational",
    Verdict.DEGRADED: "Degraded",
    Verdict.DOWN: "Unavailable",
    Verdict.BLOCKED: "Unavailable",
    Verdict.UNKNOWN: "Unknown",
}
INVESTIGATING = "We are investigating an issue."
OVER = "The issue is resolved."


@dataclass(frozen=True, slots=True)
class PublicSite:
    """A site as strangers see it."""

    domain: str
    word: str
    tone: str
    seen_at: dt.datetime | None
    days: Sequence[Run]
    percent: str


@dataclass(frozen=True, slots=True)
class Update:
    at: dt.datetime
    text: str


@dataclass(frozen=True, slots=True)
class PublicIncident:
    """A trouble as strangers see it, the newest update first."""

    number: int
    domains: Sequence[str]
    opened_at: dt.datetime
    resolved_at: dt.datetime | None
    updates: Sequence[Update]

    @property
    def title(self) -> str:
        return f"Issue with {', '.join(self.domains)}"

    @property
    def changed_at(self) -> dt.datetime:
        return self.updates[0].at


@dataclass(frozen=True, slots=True)
class PublicMaintenance:
    domains: Sequence[str]
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Status:
    """The whole page."""

    now: dt.datetime
    sites: Sequence[PublicSite]
    open: Sequence[PublicIncident]
    past: Sequence[PublicIncident]
    maintenance: Sequence[PublicMaintenance]

    @property
    def overall(self) -> tuple[str, str]:
        """A word and a tone for all of it."""
        return overall(self.sites)

    @property
    def sentence(self) -> str:
        if not self.sites:
            return "Nothing is published here."
        bad = [site.domain for site in self.sites if site.word in ("Unavailable", "Degraded")]
        if bad:
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            return f"There is an issue with {', '.join(bad[:3])}{more}."
        unknown = [site for site in self.sites if site.word == "Unknown"]
        if len(unknown) == len(self.sites):
            return "The state is not known right now."
        if unknown:
            return f"{len(self.sites) - len(unknown)} of {len(self.sites)} sites are operational."
        return "All sites are operational."


def status(now: dt.datetime | None = None) -> Status:
    """In six queries, whatever the number of sites."""
    moment = now or timezone.now()
    incidents = public_incidents(moment)
    return Status(
        moment,
        public_sites(moment),
        [one for one in incidents if one.resolved_at is None],
        [one for one in incidents if one.resolved_at is not None],
        _maintenance(moment),
    )


def public_sites(now: dt.datetime, domain: str = "") -> list[PublicSite]:
    """Those that were opted in (or the one that is asked for, when it was)."""
    sites = Site.objects.filter(public_status=True).order_by("slug")
    sites = sites.filter(slug=domain) if domain else sites
    by_site: dict[int, list[Check]] = {}
    for check in selectors.checks().filter(site__in=sites, enabled=True, kind__in=KINDS):
        by_site.setdefault(check.site_id or 0, []).append(check)
    pasts = history([check.pk for checks in by_site.values() for check in checks[:1]], now)
    return [_site(site, by_site.get(site.pk, []), pasts, now) for site in sites]


def public_incidents(now: dt.datetime) -> list[PublicIncident]:
    """Of the last 90 days, the newest first; also those that somebody declared about a published site."""
    written = IncidentEntry.objects.filter(kind=IncidentEntry.Kind.PUBLISHED).order_by("id")
    public = Site.objects.filter(public_status=True).order_by("slug")
    found = Incident.objects.filter(
        Q(check_record__site__public_status=True, check_record__kind__in=KINDS)
        | Exists(Incident.sites.through.objects.filter(incident=OuterRef("pk"), site__public_status=True)),
        Q(resolved_at=None) | Q(resolved_at__gt=now - dt.timedelta(days=90)),
    )
    rows = found.select_related("check_record__site").prefetch_related(
        Prefetch("entries", queryset=written, to_attr="published"),
        Prefetch("sites", queryset=public, to_attr="published_sites"),
    )
    return [_incident(one) for one in rows.order_by("-id")[:SHOWN]]


def overall(sites: Iterable[PublicSite]) -> tuple[str, str]:
    order = ("Unavailable", "Degraded", "Unknown", "Operational")
    word = min((site.word for site in sites), key=order.index, default="Unknown")
    return word, {"Unavailable": "danger", "Degraded": "warning", "Operational": "success"}.get(
        word, "unknown"
    )


def _site(site: Site, checks: Sequence[Check], pasts: Mapping[int, Past], now: dt.datetime) -> PublicSite:
    standing = selectors.worst(selectors.standing_of(check, now) for check in checks)
    past = pasts[checks[0].pk] if checks else unseen(now)
    return PublicSite(
        site.slug,
        WORDS[standing.verdict],
        TONES[standing.verdict],
        standing.looked_at,
        past.runs,
        past.percent,
    )


def _incident(incident: Incident) -> PublicIncident:
    check = incident.check_record
    named: list[Site] = getattr(incident, "published_sites", [])
    domains = [check.site.slug] if check and check.site else [site.slug for site in named]
    said = [Update(entry.at, entry.text) for entry in getattr(incident, "published", [])]
    updates = [Update(incident.opened_at, INVESTIGATING), *said]
    if incident.resolved_at is not None:
        updates.append(Update(incident.resolved_at, OVER))
    return PublicIncident(incident.pk, domains, incident.opened_at, incident.resolved_at, updates[::-1])


def _maintenance(now: dt.datetime) -> list[PublicMaintenance]:
    public = Prefetch("sites", queryset=Site.objects.filter(public_status=True).order_by("slug"))
    windows = MaintenanceWindow.objects.filter(
        sites__public_status=True, ends_at__gt=now, starts_at__lt=now + AHEAD
    )
    rows = windows.distinct().prefetch_related(public).order_by("starts_at", "id")
    return [
        PublicMaintenance([site.slug for site in one.sites.all()], one.starts_at, one.ends_at) for one in rows
    ]
