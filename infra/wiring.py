"""What the watch tells the kernel when Django is ready."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q

from alai.kernel import audit, metrics, retention
from alai.kernel.api import register_lookup
from alai.kernel.principals import Principal
from infra import figures, models, objectives, registry, selectors

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
    registry.register(models.EscalationPolicy, mentions=channels_of_steps)
    for model in KINDS:
        registry.register(model)
    for kind in registry.kinds():
        audit.register(kind.model)
        retention.permanent(kind.model, reason="facts about the company, few, pruned with their files")
    audit.exempt(models.CheckState, reason="rewritten at each look; its confirmed changes are edges")
    audit.exempt(models.Result, reason="one row a look")
    audit.exempt(models.HourSummary, reason="derived from results")
    audit.exempt(models.DaySummary, reason="derived from hours")
    audit.exempt(models.Edge, reason="a history itself")
    audit.register(models.Incident, quiet=("detail", "step", "next_step_at", "next_update_at"))
    audit.append_only(models.IncidentEntry)
    audit.register(models.Postmortem)
    audit.register(models.DeployOverride)
    audit.exempt(models.ObjectiveState, reason="how far hours are summed up")
    audit.exempt(models.ObjectiveHour, reason="derived from results")
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
    retention.register("incident-entries", models.IncidentEntry, "at", None, "What happened to incidents.")
    retention.register(
        "objective-hours", models.ObjectiveHour, "hour", 2 * 365, "An hour of an objective in seconds."
    )
    retention.permanent(models.ObjectiveState, reason="one row an objective")
    retention.permanent(models.DeployOverride, reason="few, and each says who let what through and why")
    retention.permanent(models.Postmortem, reason="what incidents taught, one a critical one")
    retention.permanent(models.Incident, reason="few, and postmortems look at them for years")
    retention.permanent(models.CheckState, reason="one row a check")
    metrics.gauge("alai_checks", "Checks by kind and verdict.", ["kind", "verdict"], figures.checks)
    metrics.gauge("alai_incidents", "Unresolved incidents.", ["severity", "state"], figures.incidents)
    metrics.gauge("alai_check_age_seconds", "The most overdue check's lateness.", ["kind"], figures.lateness)
    metrics.gauge(
        "alai_slo_budget_left_ratio", "Error budget left, 1 is all of it.", ["objective"], figures.budgets
    )
    metrics.gauge(
        "alai_slo_burn_rate",
        "1 spends the budget in just its window.",
        ["objective", "window"],
        figures.burns,
    )
    register_lookup("incident_id", _find_incident)
    register_lookup("domain", _find_site)
    register_lookup("objective", _find_objective)
    for through in (
        models.Check.depends_on.through,
        models.Service.depends_on.through,
        models.MaintenanceWindow.sites.through,
        models.MaintenanceWindow.hosts.through,
    ):
        audit.register(through)


def _find_incident(principal: Principal, incident_id: int) -> models.Incident:
    return selectors.incident_numbered(incident_id)


def _find_objective(principal: Principal, slug: str) -> models.Objective:
    return objectives.objective_named(slug)


def _find_site(principal: Principal, domain: str) -> models.Site:
    return selectors.site_named(domain)


def channels_of_steps(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for step in values.get("steps", []):
        yield "steps", "channels", step["channel"]
