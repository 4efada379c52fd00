"""What is written back is byte for byte what was read; the company's own files prove it too."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
from django.conf import settings
from django.core.management import call_command

from infra import registry
from infra.models import Site
from infra.registry.files import _compose
from tests.infra.conftest import Folder

OWN = Path(settings.REGISTRY_DIR)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_companys_files_come_back_byte_for_byte(tmp_path: Path, db: None) -> None:
    registry.load(OWN)
    registry.export(tmp_path)
    assert contents(tmp_path) == contents(OWN)


def test_a_round_trip_is_stable_however_the_files_were_written(folder: Folder, tmp_path: Path) -> None:
    registry.load(folder.path)
    registry.export(tmp_path / "first")
    assert registry.load(tmp_path / "first").plan.changes == []
    registry.export(tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_an_edit_here_is_in_the_file_after_the_export(folder: Folder, tmp_path: Path) -> None:
    registry.load(folder.path)
    Site.objects.filter(slug="www.example.com").update(owner="sales")
    registry.export(tmp_path)
    assert registry.load(tmp_path).plan.differences == []
    assert not registry.differences(registry.kind_of(Site), Site.objects.get(slug="www.example.com"))


def test_words_that_other_readers_take_for_switches_survive(folder: Folder, tmp_path: Path) -> None:
    folder.edit("sites.yaml", "priority: 2", 'owner: "no"\n  dns: 012\n  notes: "2026-05-08"')
    registry.load(folder.path)
    registry.export(tmp_path)
    assert "owner: 'no'" in (tmp_path / "sites.yaml").read_text()
    assert registry.load(tmp_path).plan.differences == []
    assert Site.objects.get(slug="www.example.com").notes == "2026-05-08"


def test_an_export_that_changes_nothing_writes_nothing(folder: Folder, tmp_path: Path) -> None:
    registry.load(folder.path)
    registry.export(tmp_path)
    assert registry.export(tmp_path) == []


def test_every_file_fits_its_schema() -> None:
    for path in OWN.glob("*.yaml"):
        schema = json.loads((OWN / "schema" / f"{path.stem}.json").read_text())
        jsonschema_rs.meta.validate(schema)
        built = _compose(path.read_text())
        assert built is not None
        jsonschema_rs.validator_for(schema).validate(built.value)


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    schema = json.loads((OWN / "schema" / "sites.json").read_text())
    validator = jsonschema_rs.validator_for(schema)
    assert not validator.is_valid({"x.example.com": {"kind": "statik"}})
    assert not validator.is_valid({"x.example.com": {"kind": "static", "platfrom": "vm"}})
    assert not validator.is_valid({"x.example.com": {}})


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, db: None) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot be written"):
        call_command("export_registry", str(tmp_path / "file"))
