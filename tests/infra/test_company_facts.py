"""What the shipped registry must hold, checked against the numbers of the handbook."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Sum

from infra import registry
from infra.models import (
    AlertRule,
    Check,
    Cost,
    Environment,
    EnvironmentVariable,
    FailureMode,
    Host,
    Risk,
    Secret,
    Site,
)


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
