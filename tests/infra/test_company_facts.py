"""What the shipped registry must hold, checked against the numbers of the handbook."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Sum

from infra import registry, services
from infra.models import (
    AlertRule,
    Check,
    Cost,
    Environment,
    EnvironmentVariable,
    FailoverRule,
    FailureMode,
    Host,
    Job,
    ModelServer,
    ModelTier,
    Risk,
    Secret,
    Service,
    Site,
)
from infra.probes import make
from infra.probes.models import ModelServerProbe


@pytest.fixture
def loaded(db: None) -> None:
    registry.load(Path(settings.REGISTRY_DIR))


def test_thirteen_sites_are_watched(loaded: None) -> None:
    assert Site.objects.filter(watched=True).count() == 13


def test_the_hosting_alert_table_has_its_six_rows_and_the_alert_rules_their_nine(loaded: None) -> None:
    hosting = AlertRule.objects.filter(policy__slug="hosting")
    assert hosting.count() == 6
    assert all(rule.level_1 and rule.level_2 and rule.level_3 for rule in hosting)
    own = ["queue-grows", "secret-rotation"]
    others = AlertRule.objects.exclude(policy__slug__in=["hosting", "host-silent"]).exclude(slug__in=own)
    assert others.count() == 9


def test_no_alert_fires_before_two_minutes(loaded: None) -> None:
    short = AlertRule.objects.filter(source__in=["http", "tcp"], duration_seconds__lt=120)
    assert not short.exists()


def test_every_watched_site_has_its_checks_and_automation_is_probed_with_default_clients(
    loaded: None,
) -> None:
    for site in Site.objects.filter(watched=True):
        assert set(Check.objects.filter(site=site).values_list("kind", flat=True)) == {"http", "tls"}, site
    agents = {check.settings["agent"] for check in Check.objects.filter(settings__has_key="agent")}
    assert agents == {"python", "node"}


def test_no_check_reaches_into_private_networks_but_those_of_our_own_hosts(loaded: None) -> None:
    private = Check.objects.filter(settings__private=True)
    assert private.exists()
    assert not private.filter(host=None).exists()


def test_the_monthly_totals_are_the_handbooks(loaded: None) -> None:
    counted = Cost.objects.filter(counts=True)
    sums = counted.aggregate(Sum("current_min"), Sum("current_max"), Sum("target_min"), Sum("target_max"))
    assert [float(total) for total in sums.values()] == [72, 127, 72, 77]


def test_the_machines_and_tables_are_complete(loaded: None) -> None:
    assert {"anvil", "forge", "azure-vm"} <= set(Host.objects.values_list("slug", flat=True))
    assert Environment.objects.count() == 5
    assert EnvironmentVariable.objects.count() == 17
    assert FailureMode.objects.count() == 6
    assert Risk.objects.count() >= 6


def test_no_secret_has_room_for_its_value() -> None:
    assert not {"value", "secret", "password", "token"} & {field.name for field in Secret._meta.get_fields()}


def test_every_host_that_beats_is_listened_to_and_two_missed_beats_reach_ops_then_the_ceo(
    loaded: None,
) -> None:
    beating = set(Host.objects.filter(beats=True).values_list("slug", flat=True))
    checks = Check.objects.filter(kind="heartbeat").select_related("rule__policy")
    assert {check.settings["host"] for check in checks} == beating == {"anvil", "forge", "azure-vm"}
    for check in checks:
        assert check.rule is not None and check.rule.policy is not None
        steps = [(step["channel"], step["after_seconds"]) for step in check.rule.policy.steps]
        assert steps == [("ops", 0), ("ceo-direct", 180)]


def test_every_service_that_a_hosts_agent_can_see_is_judged(loaded: None) -> None:
    seen = Service.objects.filter(host__beats=True).exclude(port=None, unit="")
    judged = {check.settings["service"] for check in Check.objects.filter(kind="service")}
    assert judged == set(seen.values_list("slug", flat=True))


def test_the_backups_that_the_handbook_names_in_folders_have_their_checks(loaded: None) -> None:
    """ "Backup Strategy": the zones' export each Sunday, the mirrors of the code for 90 days on another machine."""
    found = {check.slug: check for check in Check.objects.filter(kind="backup").select_related("rule")}
    zones, mirrors = found["backup:dns-zones"], found["backup:git-mirrors"]
    assert len(found) == 2
    assert (zones.settings["max_age_hours"], zones.enabled) == (7 * 24 + 2, True)
    assert (mirrors.settings["max_age_hours"], mirrors.enabled) == (90 * 24, False)
    assert {check.rule.slug for check in found.values() if check.rule} == {"BackupFailed"}


def test_model_servers_are_looked_at_every_fifteen_seconds_with_three_seconds_of_patience(
    loaded: None,
) -> None:
    for server in ModelServer.objects.select_related("watched_by"):
        check = server.watched_by
        assert check is not None and check.interval_seconds == 15
        probe = make(check.kind, check.settings)
        assert isinstance(probe, ModelServerProbe)
        assert (probe.timeout, bool(probe.models)) == (3.0, True)


def test_the_failover_rules_are_the_handbooks(loaded: None) -> None:
    """ "Failover Config Extension": which tiers, to which models, and that FORGE being down means Claude."""
    tiers = {tier.slug: tier.server.slug for tier in ModelTier.objects.select_related("server")}
    anvil, forge = ["1", "2", "2t", "2cHQ"], ["2c", "2cf", "2d", "3", "3s", "3r"]
    assert tiers == {**dict.fromkeys(anvil, "anvil"), **dict.fromkeys(forge, "forge")}
    down = FailoverRule.objects.get(slug="anvil-down")
    assert (down.tiers, str(down.to_server)) == (anvil, "forge")
    assert down.to_models == {
        "llama3.1:8b": "llama3.1:8b", "qwen2.5-coder:32b": "qwen2.5-coder:32b-instruct-q8_0",
    }  # fmt: skip
    assert FailoverRule.objects.get(slug="forge-down").tiers == forge
    assert FailoverRule.objects.get(slug="forge-down").cloud == "claude"
    served = Check.objects.get(slug="ollama:forge").settings["models"]
    assert set(down.to_models.values()) <= set(served)  # what failover expects there is looked for


def test_the_tuned_and_the_frozen_values_of_lightrag_are_held(loaded: None) -> None:
    conditions = " ".join(Check.objects.get(slug="drift:lightrag").settings["degraded_unless"])
    for value in (
        "cosine_threshold == 0.5", "related_chunk_number == 10", "enable_rerank == false", "embedding_batch_num == 10",
        "max_parallel_insert == 2", "max_async == 4", "embedding_model == pat(*bge-m3*)",
    ):  # fmt: skip
        assert value in conditions


def test_each_job_of_the_files_has_its_check_in_the_files(loaded: None) -> None:
    assert services.tend_jobs() == 0
    assert Job.objects.count() == Check.objects.filter(kind="job").count() > 0
