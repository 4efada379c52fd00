from infra.models.alerting import (
    AlertPolicy,
    AlertRule,
    Channel,
    EscalationPolicy,
    MaintenanceWindow,
    Rotation,
    Severity,
)
from infra.models.checks import Check, CheckState, Edge, HourSummary, Result
from infra.models.hosts import Host, RecoveryTier, Service
from infra.models.incidents import Incident, IncidentEntry
from infra.models.inventory import (
    Cost,
    Environment,
    EnvironmentVariable,
    FailureMode,
    FeatureFlag,
    Risk,
    Secret,
)
from infra.models.records import Record
from infra.models.sites import Platform, Site

__all__ = [
    "AlertPolicy",
    "AlertRule",
    "Channel",
    "Check",
    "CheckState",
    "Cost",
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
    "Platform",
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
