"""A company of two machines with what hears of them: quick to set up, where the real registry takes seconds."""

from infra.models import AlertRule, Channel, EscalationPolicy, Host, Service, Severity


def settle() -> None:
    """Hosts anvil and forge with their services; rules named as the company's are."""
    for name, kind, address in (
        ("ops", "slack", "ops"),
        ("alerts", "slack", "alerts"),
        ("ceo-direct", "direct", "env:SLACK_CEO_USER"),
    ):
        Channel.objects.create(slug=name, kind=kind, address=address)
    critical = Severity.objects.create(slug="critical", label="Critical", rank=1, opens_task=True)
    warning = Severity.objects.create(slug="warning", label="Warning", rank=3)
    silent = EscalationPolicy.objects.create(
        slug="host-silent", name="A host is silent",
        steps=[{"after_seconds": 0, "level": "L1", "channel": "ops"},
               {"after_seconds": 180, "level": "L3", "channel": "ceo-direct"}],
    )  # fmt: skip
    alerts = EscalationPolicy.objects.create(
        slug="alerts", name="Alerts", steps=[{"after_seconds": 0, "level": "L1", "channel": "alerts"}]
    )
    AlertRule.objects.create(slug="host-silent", metric="m", condition="c", severity=critical, policy=silent)
    for slug in ("ServiceDown", "BackupFailed"):
        AlertRule.objects.create(
            slug=slug, metric="m", condition="c", duration_seconds=120, severity=critical, policy=alerts
        )
    AlertRule.objects.create(
        slug="DiskAlmostFull",
        metric="m",
        condition="c",
        duration_seconds=300,
        severity=warning,
        policy=alerts,
    )
    anvil = Host.objects.create(slug="anvil", name="ANVIL", role="primary", beats=True, addresses=[
        {"via": "thunderbolt", "address": "10.0.0.1"}, {"via": "tailscale", "address": "100.64.0.1"}])  # fmt: skip
    Host.objects.create(slug="forge", name="FORGE", role="standby", beats=True, addresses=[
        {"via": "thunderbolt", "address": "10.0.0.2"}, {"via": "tailscale", "address": "100.64.0.2"}])  # fmt: skip
    Service.objects.create(slug="lightrag", name="LightRAG", host=anvil, tier=2, port=9621, restart=True)
    Service.objects.create(slug="neo4j", name="Neo4j", host=anvil, tier=2, port=7687)
    Service.objects.create(
        slug="ollama-anvil", name="Ollama", host=anvil, tier=1, port=11434, path="/api/tags",
        unit="com.example.ollama", restart=True,
    )  # fmt: skip
