"""What the watch tells the kernel when Django is ready."""

from collections.abc import Iterator, Mapping
from typing import Any

from alai.kernel import audit, retention
from infra import models, registry

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
    for through in (
        models.Service.depends_on.through,
        models.MaintenanceWindow.sites.through,
        models.MaintenanceWindow.hosts.through,
    ):
        audit.register(through)


def channels_of_steps(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for step in values.get("steps", []):
        yield "steps", "channels", step["channel"]
