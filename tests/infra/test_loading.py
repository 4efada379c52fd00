"""Files become rows; what was edited by hand stays and is shown; only what files brought is pruned."""

import pytest
from django.core.management import call_command

from alai.kernel.models import AuditEntry
from infra import registry
from infra.models import Host, Platform, Service, Site
from tests.infra.conftest import Folder


def test_files_become_rows(folder: Folder) -> None:
    plan = registry.load(folder.path).plan
    assert plan.count("create") == 7
    site = Site.objects.get(slug="www.example.com")
    assert (site.kind, site.platform.slug, site.target.slug, site.priority) == ("static", "vm", "pages", 2)
    assert Host.objects.get().addresses == [{"via": "lan", "address": "10.1.2.3"}]
    assert [one.slug for one in Service.objects.get(slug="web").depends_on.all()] == ["db"]


def test_a_second_load_changes_nothing(folder: Folder) -> None:
    registry.load(folder.path)
    before = AuditEntry.objects.count()
    plan = registry.load(folder.path).plan
    assert (plan.changes, plan.unchanged) == ([], 7)
    assert AuditEntry.objects.count() == before


def test_a_dry_run_prints_the_plan_and_changes_nothing(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("load_registry", str(folder.path), "--dry-run")
    assert "+ sites www.example.com" in capsys.readouterr().out
    assert not Site.objects.exists()


def test_a_changed_file_changes_the_row(folder: Folder) -> None:
    registry.load(folder.path)
    folder.edit("sites.yaml", "priority: 2", "priority: 1")
    plan = registry.load(folder.path).plan
    assert [str(change) for change in plan.changes] == ["~ sites www.example.com  priority: 2 -> 1"]
    assert Site.objects.get(slug="www.example.com").priority == 1


def test_an_edit_here_is_kept_and_shown_as_a_difference(folder: Folder) -> None:
    registry.load(folder.path)
    Site.objects.filter(slug="www.example.com").update(owner="sales")
    plan = registry.load(folder.path).plan
    assert Site.objects.get(slug="www.example.com").owner == "sales"
    assert [str(one) for one in plan.differences] == [
        "! sites www.example.com.owner: 'sales' here, '' in the file"
    ]


def test_an_edit_on_both_sides_keeps_ours_and_tells(folder: Folder) -> None:
    registry.load(folder.path)
    Site.objects.filter(slug="www.example.com").update(priority=3)
    folder.edit("sites.yaml", "priority: 2", "priority: 1")
    plan = registry.load(folder.path).plan
    assert Site.objects.get(slug="www.example.com").priority == 3
    (difference,) = plan.differences
    assert (difference.in_file, difference.here) == (1, 3)


def test_other_fields_of_an_edited_row_still_follow_the_file(folder: Folder) -> None:
    registry.load(folder.path)
    Site.objects.filter(slug="www.example.com").update(owner="sales")
    folder.edit("sites.yaml", "priority: 2", "priority: 1")
    registry.load(folder.path)
    site = Site.objects.get(slug="www.example.com")
    assert (site.owner, site.priority) == ("sales", 1)


def test_what_the_file_no_longer_has_is_deleted(folder: Folder) -> None:
    registry.load(folder.path)
    folder.write("sites.yaml", "shop.example.com:\n  kind: dynamic\n  platform: vm\n  watched: true\n")
    plan = registry.load(folder.path).plan
    assert plan.count("delete") == 1
    assert not Site.objects.filter(slug="www.example.com").exists()


def test_what_was_made_here_is_never_deleted(folder: Folder) -> None:
    registry.load(folder.path)
    Platform.objects.create(slug="rack", name="The rack")
    registry.load(folder.path)
    assert Platform.objects.filter(slug="rack").exists()


def test_a_row_that_was_edited_here_outlives_its_file(folder: Folder) -> None:
    registry.load(folder.path)
    Site.objects.filter(slug="www.example.com").update(owner="sales")
    folder.write("sites.yaml", "shop.example.com:\n  kind: dynamic\n  platform: vm\n  watched: true\n")
    registry.load(folder.path)
    assert not Site.objects.get(slug="www.example.com").is_from_file


def test_what_others_still_name_stays_and_is_told(folder: Folder) -> None:
    registry.load(folder.path)
    Site.objects.create(slug="new.example.com", kind="static", platform=Platform.objects.get(slug="pages"))
    folder.write("platforms.yaml", "vm:\n  name: A machine\n")
    folder.edit("sites.yaml", "  target: pages\n", "")
    outcome = registry.load(folder.path)
    assert outcome.kept == ["platforms pages stays: site new.example.com still names it"]
    assert Platform.objects.filter(slug="pages").exists()


def test_a_kind_without_a_file_is_left_alone(folder: Folder) -> None:
    registry.load(folder.path)
    (folder.path / "services.yaml").unlink()
    assert registry.load(folder.path).plan.changes == []
    assert Service.objects.count() == 2


def test_the_write_is_audited_with_its_reason(folder: Folder) -> None:
    call_command("load_registry", str(folder.path))
    entry = AuditEntry.objects.filter(target_type="infra_site").latest("id")
    assert (entry.actor, entry.why) == ("system", "load_registry registry")


def test_the_first_start_loads_only_an_empty_registry(folder: Folder) -> None:
    call_command("load_registry", str(folder.path), "--first-start")
    folder.edit("sites.yaml", "priority: 2", "priority: 1")
    call_command("load_registry", str(folder.path), "--first-start")
    assert Site.objects.get(slug="www.example.com").priority == 2
