"""Hosts and jobs: how each stands, on the board and in their rooms."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alai.kernel import words
from alai.kernel.admin.base import badge
from infra import selectors_hosts, selectors_jobs, selectors_routing
from infra.admin.records import RecordAdmin
from infra.models import Host, Job
from infra.probes.jobs import JobStanding
from infra.routing import Health
from infra.selectors_hosts import Freshness
from infra.selectors_routing import Routing

SHOWN = ("heartbeat", "service", "job", "model-server")  # kinds that the board's own panels tell of
FRESH = {"fresh": ("alive", "success"), "late": ("late", "warning"), "silent": ("silent", "danger"),
         "never": ("never seen", "unknown")}  # fmt: skip
STATUS = {"up": "success", "late": "warning", "down": "danger", "new": "unknown"}
PINGS = 20


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host on the board."""

    host: Host
    url: str
    word: str
    tone: str
    fresh: Freshness
    vitals: str
    down: list[str]


@dataclass(frozen=True, slots=True)
class TierRow:
    """A tier on the board: where it goes, and whether that is where it was planned to go."""

    name: str
    goes: str
    reason: str
    word: str
    tone: str


def panel() -> dict[str, Any]:
    """What the board says of hosts, models and jobs, in a handful of queries."""
    hosts = [
        _host_row(host) for host in selectors_hosts.hosts().order_by("slug") if host.beats or _state(host)
    ]
    routing = selectors_routing.routing()
    jobs = [(job, selectors_jobs.standing_of(job)) for job in selectors_jobs.jobs()]
    return {
        "host_rows": hosts,
        "tier_rows": tier_rows(routing),
        "routing_sentence": routing_sentence(routing),
        "job_rows": [
            {"job": job, "standing": found, "tone": STATUS[found.status],
             "url": reverse("admin:infra_job_change", args=[job.pk])}
            for job, found in jobs
        ],
        "job_sentence": job_sentence([found for _, found in jobs]),
    }  # fmt: skip


def tier_rows(routing: Routing) -> list[TierRow]:
    rows = []
    for name, route in routing.routes.items():
        planned = route.host == routing.tiers[name].server
        if route.host is None:
            word, tone = "waits", "danger"
        elif route.cloud:
            word, tone = "cloud", "warning"
        elif routing.servers[route.host].server.health == Health.UNKNOWN:
            word, tone = "unknown", "unknown"
        else:
            word, tone = ("served", "success") if planned else ("elsewhere", "warning")
        goes = " ".join(part for part in (route.host or "nowhere", route.model) if part)
        rows.append(TierRow(name, goes, route.reason, word, tone))
    return rows


def routing_sentence(routing: Routing) -> str:
    """The answer in words."""
    rows = tier_rows(routing)
    counts = {
        word: sum(row.word == word for row in rows) for word in ("elsewhere", "cloud", "waits", "unknown")
    }
    if not rows:
        return "No tier is registered."
    said = [
        text
        for count, text in (
            (counts["waits"], f"{counts['waits']} wait" + ("s" if counts["waits"] == 1 else "")),
            (counts["elsewhere"], f"{counts['elsewhere']} {_is(counts['elsewhere'])} served elsewhere"),
            (counts["cloud"], f"{counts['cloud']} {_is(counts['cloud'])} in a cloud"),
            (counts["unknown"], f"of {counts['unknown']} nobody knows"),
        )
        if count
    ]
    return (
        f"Of {len(rows)} tiers {', '.join(said)}."
        if said
        else f"All {len(rows)} tiers are served as planned."
    )


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def job_sentence(found: list[JobStanding]) -> str:
    counts = {word: sum(one.status == word for one in found) for word in ("down", "late", "new", "up")}
    said = ", ".join(
        f"{count} {'never ran' if word == 'new' else word}" for word, count in counts.items() if count
    )
    return f"{words.plural(len(found), 'job')}: {said}." if found else "No job is registered."


def vitals_of(host: Host) -> str:
    state = _state(host)
    if state is None:
        return ""
    known = (
        ("load", next(iter(state.load), None), ""), ("disk", state.disk_percent, " %"),
        ("memory", state.memory_percent, " %"),
    )  # fmt: skip
    said = [f"{name} {value:.3g}{unit}" for name, value, unit in known if value is not None]
    if state.uptime_seconds is not None:
        said.append(f"up for {words.duration(timedelta(seconds=state.uptime_seconds))}")
    return " · ".join(said)


def _host_row(host: Host) -> HostRow:
    fresh = selectors_hosts.freshness_of(host)
    word, tone = FRESH[fresh.word]
    told = [(one.slug, getattr(one, "state", None)) for one in host.services.all()]
    down = [slug for slug, state in told if state is not None and not state.up]
    return HostRow(
        host, reverse("admin:infra_host_change", args=[host.pk]), word, tone, fresh, vitals_of(host), down
    )


def _state(host: Host) -> Any:
    return getattr(host, "state", None)


class HostAdmin(RecordAdmin):
    """Hosts with their last beats."""

    def get_list_display(self, request: HttpRequest) -> Any:
        return ["slug", "name", "role", "beat", "vitals", "source"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("state")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        plain = super().get_fieldsets(request, obj)
        return [("How it is", {"fields": ["last_beat", "what_runs"]}), *plain] if obj else plain

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "last_beat", "what_runs")

    @admin.display(description="Beat")
    def beat(self, host: Host) -> SafeString | str:
        if not host.beats and _state(host) is None:
            return "–"
        word, tone = FRESH[selectors_hosts.freshness_of(host).word]
        return format_html(
            "{} {}", badge(word, tone), words.time_tag(_state(host).at) if _state(host) else ""
        )

    @admin.display(description="Last told")
    def vitals(self, host: Host) -> str:
        return vitals_of(host) or "–"

    @admin.display(description="Last beat")
    def last_beat(self, host: Host) -> SafeString | str:
        state = _state(host)
        if state is None:
            return "It has never sent a beat: alai heartbeat --host " + host.slug
        versions = ", ".join(f"{name} {text}" for name, text in state.versions.items())
        return format_html("{} {}<br>{}", self.beat(host), vitals_of(host), versions)

    @admin.display(description="Services")
    def what_runs(self, host: Host) -> SafeString | str:
        rows = host.services.select_related("state").order_by("slug")
        return (
            format_html_join("", '<p class="mc-meta">{} {} {}</p>', (_service_row(one) for one in rows))
            or "–"
        )


def _service_row(service: Any) -> tuple[SafeString, str, SafeString | str]:
    state = getattr(service, "state", None)
    if state is None:
        return badge("unknown", "unknown"), service.slug, ""
    word, tone = ("up", "success") if state.up else ("down", "danger")
    restarted = (
        format_html(", restarted {}", words.time_tag(state.restarted_at)) if state.restarted_at else ""
    )
    since = format_html("since {}{}", words.time_tag(state.since), restarted)
    return badge(word, tone), service.slug, since


class JobAdmin(RecordAdmin):
    """Jobs, how each stands, its addresses and its last pings."""

    def get_list_display(self, request: HttpRequest) -> Any:
        return ["slug", "name", "status", "said", "rhythm", "host", "took"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("state")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        plain = super().get_fieldsets(request, obj)
        if not obj:
            return plain
        may_ping = ["addresses"] if self.has_change_permission(request, obj) else []
        return [("How it stands", {"fields": ["standing", *may_ping, "last_pings"]}), *plain]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "standing", "addresses", "last_pings")

    @admin.display(description="Status")
    def status(self, job: Job) -> SafeString:
        found = selectors_jobs.standing_of(job)
        return badge(found.status, STATUS[found.status])

    @admin.display(description="How it stands")
    def said(self, job: Job) -> str:
        return selectors_jobs.standing_of(job).detail

    @admin.display(description="When")
    def rhythm(self, job: Job) -> str:
        if job.period_seconds:
            return f"every {words.duration(timedelta(seconds=job.period_seconds))}"
        return f"{job.cron} {job.time_zone}".strip()

    @admin.display(description="Took")
    def took(self, job: Job) -> str:
        state = getattr(job, "state", None)
        return (
            words.duration(timedelta(seconds=state.last_duration)) if state and state.last_duration else "–"
        )

    @admin.display(description="Standing")
    def standing(self, job: Job) -> SafeString:
        found = selectors_jobs.standing_of(job)
        due = format_html(" Due {}.", words.time_tag(found.due_at)) if found.due_at else ""
        return format_html("{} {}{}", badge(found.status, STATUS[found.status]), found.detail, due)

    @admin.display(description="Where it pings")
    def addresses(self, job: Job) -> SafeString:
        return format_html(
            "<code>/ping/{}</code> <span class=\"mc-quiet\">(a secret: whoever knows it may ping)</span><br>"
            "<code>/ping/{}</code>{}", job.code, job.slug, " with a token" if job.guarded else "",
        )  # fmt: skip

    @admin.display(description="Last pings")
    def last_pings(self, job: Job) -> SafeString | str:
        rows = job.pings.order_by("-at", "-id")[:PINGS]
        return (
            format_html_join("", '<p class="mc-meta">{} {} {}</p>', (_ping_row(one) for one in rows))
            or "There was none yet."
        )


def _ping_row(ping: Any) -> tuple[SafeString, SafeString | str, SafeString]:
    tones = {"success": "success", "fail": "danger", "start": "info", "log": "unknown"}
    status = f" {ping.exit_status}" if ping.exit_status is not None else ""
    took = f", took {words.duration(timedelta(seconds=ping.duration))}" if ping.duration is not None else ""
    details = '<details><summary>what it said</summary><pre class="mc-pre">{}</pre></details>'
    body = format_html(details, ping.body) if ping.body else ""
    return (
        badge(f"{ping.get_kind_display()}{status}", tones[ping.kind]), words.time_tag(ping.at),
        format_html("{} <span class=\"mc-quiet\">{}</span>{}", took, ping.source, body),
    )  # fmt: skip


ROOMS: dict[type[Model], Any] = {Host: HostAdmin, Job: JobAdmin}
