"""What the watch tells the kernel when Django is ready."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Q

from alai.kernel import audit, limits, metrics, retention
from alai.kernel.api import register_lookup
from alai.kernel.principals import Principal
from infra import (
    figures,
    models,
    objectives,
    records,
    registry,
    selectors,
    selectors_hosts,
    selectors_house,
    selectors_jobs,
    services,
)

# In the order in which they refer to each other.
KINDS: tuple[type[models.Record], ...] = (
    models.Platform,
    models.Site,
    models.Host,
    models.RecoveryTier,
    models.Service,
    models.Channel,
    models.Severity,
    models.Rotation,
    models.AlertRule,
    models.AlertPolicy,
    models.Check,
    models.Job,
    models.ModelServer,
    models.ModelTier,
    models.BurnTier,
    models.Objective,
    models.MaintenanceWindow,
    models.Environment,
    models.EnvironmentVariable,
    models.FeatureFlag,
    models.Secret,
    models.Cost,
    models.Risk,
    models.FailureMode,
)


def register() -> None:
    """Tell the kernel of everything here: what is audited, kept, measured and looked up."""
    _register_facts()
    _register_checks()
    _register_incidents()
    _register_objectives()
    _register_hosts()
    _register_jobs()
    _register_house()
    _register_routing()


def _register_facts() -> None:
    """The registry's kinds and what joins them."""
    registry.register(models.EscalationPolicy, mentions=channels_of_steps)
    for model in KINDS:
        registry.register(model)
    registry.register(models.FailoverRule, mentions=tiers_of_rule)
    for kind in registry.kinds():
        audit.register(kind.model)
        retention.permanent(kind.model, reason="facts about the company, few, pruned with their files")
    for through in (
        models.Check.depends_on.through,
        models.Service.depends_on.through,
        models.MaintenanceWindow.sites.through,
        models.MaintenanceWindow.hosts.through,
    ):
        audit.register(through)
    register_lookup("domain", _find_site)


def _register_checks() -> None:
    """Looks, how checks stand, and what is summed up of them."""
    audit.exempt(models.CheckState, reason="rewritten at each look; its confirmed changes are edges")
    audit.exempt(models.Result, reason="one row a look")
    audit.exempt(models.HourSummary, reason="derived from results")
    audit.exempt(models.DaySummary, reason="derived from hours")
    audit.exempt(models.Edge, reason="a history itself")
    retention.register(
        "check-results", models.Result, "at", 14, "Every single look; the hours' summaries stay longer."
    )
    retention.register(
        "check-hours", models.HourSummary, "hour", 2 * 365, "An hour in seconds of each verdict."
    )
    retention.permanent(models.DaySummary, reason="a row a check and day: the long view is made of them")
    retention.register(
        "check-edges", models.Edge, "at", 2 * 365, "Confirmed changes of checks.", Q(dealt_with=True)
    )
    retention.permanent(models.CheckState, reason="one row a check")
    metrics.gauge("alai_checks", "Checks by kind and verdict.", ["kind", "verdict"], figures.checks)
    metrics.gauge("alai_check_age_seconds", "The most overdue check's lateness.", ["kind"], figures.lateness)


def _register_incidents() -> None:
    """What happened, and what people made of it."""
    audit.register(models.Incident, quiet=("detail", "step", "next_step_at", "next_update_at"))
    audit.register(models.Incident.sites.through)
    audit.register(models.Incident.services.through)
    audit.append_only(models.IncidentEntry)
    audit.register(models.Postmortem)
    retention.register("incident-entries", models.IncidentEntry, "at", None, "What happened to incidents.")
    retention.permanent(models.Postmortem, reason="what incidents taught, one a critical one")
    retention.permanent(models.Incident, reason="few, and postmortems look at them for years")
    metrics.gauge("alai_incidents", "Unresolved incidents.", ["severity", "state"], figures.incidents)
    register_lookup("incident_id", _find_incident)


def _register_objectives() -> None:
    """Hours of objectives, budgets, and who let what through a closed gate."""
    audit.register(models.DeployOverride)
    audit.exempt(models.ObjectiveState, reason="how far hours are summed up")
    audit.exempt(models.ObjectiveHour, reason="derived from results")
    retention.register(
        "objective-hours", models.ObjectiveHour, "hour", 2 * 365, "An hour of an objective in seconds."
    )
    retention.permanent(models.ObjectiveState, reason="one row an objective")
    retention.permanent(models.DeployOverride, reason="few, and each says who let what through and why")
    metrics.gauge(
        "alai_slo_budget_left_ratio", "Error budget left, 1 is all of it.", ["objective"], figures.budgets
    )
    metrics.gauge(
        "alai_slo_burn_rate",
        "1 spends the budget in just its window.",
        ["objective", "window"],
        figures.burns,
    )
    register_lookup("objective", _find_objective)


def _register_hosts() -> None:
    """Beats of hosts, and what is read of them."""
    audit.exempt(models.HostState, reason="rewritten at each beat")
    audit.exempt(models.ServiceState, reason="rewritten at each beat; what is down too long is an edge")
    audit.exempt(models.Beat, reason="one row a beat")
    retention.register("host-beats", models.Beat, "at", 30, "Heartbeats of hosts; the last one stays.")
    retention.permanent(models.HostState, reason="one row a host")
    retention.permanent(models.ServiceState, reason="one row a service")
    records.register("hosts", selectors_hosts.host_records)
    records.register("services", selectors_hosts.service_records)
    register_lookup("host", _find_host)
    limits.register("host", _hosts_among)


def _hosts_among(names: Sequence[str]) -> set[str]:
    return set(models.Host.objects.filter(slug__in=names).values_list("slug", flat=True))


def _register_routing() -> None:
    """Somebody's word against the checks': every change is audited, and what expired goes."""
    audit.register(models.RoutingOverride)
    retention.register(
        "routing-overrides", models.RoutingOverride, "expires_at", 30, "Overrides that expired."
    )


def _register_house() -> None:
    """What probes read of ourselves."""
    records.register("queues", metrics.queue_depths)
    records.register("parts", selectors_house.part_records)
    records.register("secrets", selectors_house.secret_records)
    records.register("backups", selectors_house.backup_records)


def _register_jobs() -> None:
    """Jobs' pings, and what is read of them."""
    audit.exempt(models.JobState, reason="rewritten at each ping")
    audit.exempt(models.Ping, reason="one row a ping")
    retention.register(
        "pings", models.Ping, "at", 30, "Pings of jobs with what they carried; how a job stands stays."
    )
    retention.permanent(models.JobState, reason="one row a job")
    records.register("jobs", selectors_jobs.job_records)


def _find_host(principal: Principal, host: str) -> models.Host:
    principal.require_host(host)
    return services.host_named(host)


def _find_incident(principal: Principal, incident_id: int) -> models.Incident:
    return selectors.incident_numbered(incident_id)


def _find_objective(principal: Principal, slug: str) -> models.Objective:
    return objectives.objective_named(slug)


def _find_site(principal: Principal, domain: str) -> models.Site:
    return selectors.site_named(domain)


def tiers_of_rule(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for tier in values.get("tiers", []):
        yield "tiers", "model_tiers", tier


def channels_of_steps(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for step in values.get("steps", []):
        yield "steps", "channels", step["channel"]
