from infra.models.alerting import (
    AlertPolicy,
    AlertRule,
    Channel,
    EscalationPolicy,
    MaintenanceWindow,
    Rotation,
    Severity,
)
from infra.models.beats import Beat, HostState, ServiceState
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
from infra.models.jobs import Job, JobState, Ping
from infra.models.objectives import BurnTier, DeployOverride, Objective, ObjectiveHour, ObjectiveState
from infra.models.records import Record
from infra.models.routing import FailoverRule, ModelServer, ModelTier, RoutingOverride
from infra.models.sites import Platform, Site

__all__ = [
    "AlertPolicy",
    "AlertRule",
    "Beat",
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
    "FailoverRule",
    "FailureMode",
    "FeatureFlag",
    "Host",
    "HostState",
    "HourSummary",
    "Incident",
    "IncidentEntry",
    "Job",
    "JobState",
    "MaintenanceWindow",
    "ModelServer",
    "ModelTier",
    "Objective",
    "ObjectiveHour",
    "ObjectiveState",
    "Ping",
    "Platform",
    "Postmortem",
    "Record",
    "RecoveryTier",
    "Result",
    "Risk",
    "Rotation",
    "RoutingOverride",
    "Secret",
    "Service",
    "ServiceState",
    "Severity",
    "Site",
]
