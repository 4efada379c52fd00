from infra.models.alerting import (
    AlertPolicy,
    AlertRule,
    Channel,
    EscalationPolicy,
    MaintenanceWindow,
    Rotation,
    Severity,
)
from infra.models.hosts import Host, RecoveryTier, Service
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
    "Cost",
    "Environment",
    "EnvironmentVariable",
    "EscalationPolicy",
    "FailureMode",
    "FeatureFlag",
    "Host",
    "MaintenanceWindow",
    "Platform",
    "Record",
    "RecoveryTier",
    "Risk",
    "Rotation",
    "Secret",
    "Service",
    "Severity",
    "Site",
]
