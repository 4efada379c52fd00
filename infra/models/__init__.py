from infra.models.alerting import (
    AlertPolicy,
    AlertRule,
    Channel,
    EscalationPolicy,
    MaintenanceWindow,
    Rotation,
    Severity,
)
from infra.models.checks import Check, CheckState, DaySummary, Edge, HourSummary, Result
from infra.models.hosts import Host, RecoveryTier, Service
from infra.models.incidents import Incident, IncidentEntry, Postmortem
from infra.models.inventory import (
    Cost,
    Environment,
    EnvironmentVariable,
    FailureMode,
    FeatureFlag,
    Risk,
    Secret,
)
from infra.models.objectives import BurnTier, DeployOverride, Objective, ObjectiveHour, ObjectiveState
from infra.models.records import Record
from infra.models.sites import Platform, Site

__all__ = [
    "AlertPolicy",
    "AlertRule",
    "BurnTier",
    "Channel",
    "Check",
    "CheckState",
    "Cost",
    "DaySummary",
    "DeployOverride",
    "Edge",
    "Environment",
    "EnvironmentVariable",
    "EscalationPolicy",
    "FailureMode",
    "FeatureFlag",
    "Host",
    "HourSummary",
    "Incident",
    "IncidentEntry",
    "MaintenanceWindow",
    "Objective",
    "ObjectiveHour",
    "ObjectiveState",
    "Platform",
    "Postmortem",
    "Record",
    "RecoveryTier",
    "Result",
    "Risk",
    "Rotation",
    "Secret",
    "Service",
    "Severity",
    "Site",
]
