"""A damaged backup is recognised before anything is touched, and the sentence says what is damaged."""

import json
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from alai.kernel.backup.archive import reading
from alai.kernel.backup.bring_back import check
from alai.kernel.backup.errors import BackupError
from tests.backup.conftest import Place, Saved

FLIPS = 400


def test_a_whole_backup_passes_the_check(saved: Saved, place: Place) -> None:
    target = place.make()
    assert "are whole" in target.manage("restore", str(saved.path), "--check")
    assert target.fingerprints() == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist: name a file"),
        (b"", "is no backup of Mission Control"),
        (b"-- PostgreSQL database dump", "is no backup of Mission Control"),
    ],
)
def test_a_file_that_is_no_backup_is_refused(
    content: bytes | None, sentence: str, place: Place, tmp_path: Path
) -> None:
    path = tmp_path / "b"
    if content is not None:
        path.write_bytes(content)
    target = place.make()
    assert sentence in target.refused("restore", str(path))
    assert target.fingerprints() == {}


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b", "w") as archive:
        archive.writestr("holiday.jpg", b"x")
    with pytest.raises(BackupError, match="is no backup of Mission Control"):
        check(path=tmp_path / "b")
    with pytest.raises(BackupError, match="is a folder"):
        check(path=tmp_path)


def test_a_backup_that_was_cut_off_is_refused(saved: Saved, tmp_path: Path) -> None:
    whole = saved.path.read_bytes()
    for part in (0.01, 0.5, 0.99):
        (tmp_path / "b").write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(BackupError, match="was cut off or damaged: use another copy"):
            check(path=tmp_path / "b")


def test_the_damaged_table_is_named(saved: Saved, place: Place, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved.path) as archive:
        member = archive.getinfo("tables/missioncontrol_taskevent.copy")
    damaged = _flipped(saved.path, member.header_offset + len(member.filename) + 60, 4)
    (tmp_path / "b").write_bytes(damaged)
    target = place.make()
    sentence = target.refused("restore", str(tmp_path / "b"))
    assert "is damaged: the table missioncontrol_taskevent is not as it was saved" in sentence
    assert target.fingerprints() == {}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 97])
def test_another_method_of_compression_is_damage(method: int, saved: Saved, tmp_path: Path) -> None:
    content = bytearray(saved.path.read_bytes())
    with zipfile.ZipFile(saved.path) as archive:
        local = archive.getinfo("tables/missioncontrol_task.copy").header_offset
        directory = archive.start_dir
    name = b"tables/missioncontrol_task.copy"
    central = content.index(name, directory) - 46  # the fixed part of an entry of the directory
    for place in (local + 8, central + 10):
        assert content[place] == zipfile.ZIP_DEFLATED
        content[place] = method
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(BackupError, match="is damaged: the table missioncontrol_task is not as it was"):
        check(path=tmp_path / "b")


def test_a_flipped_bit_anywhere_is_found_or_harmless(saved: Saved, tmp_path: Path) -> None:
    """Harmless: in an archive's remarks about itself, such as the time of a member. The data is the same then."""
    chance = random.Random(20)
    path, found = tmp_path / "b", 0
    with reading(saved.path) as archive:
        manifest = archive.manifest
    for _ in range(FLIPS):
        path.write_bytes(
            _flipped(saved.path, chance.randrange(saved.path.stat().st_size), 1 << chance.randrange(8))
        )
        try:
            assert check(path=path) == manifest
        except BackupError:
            found += 1
    assert found > FLIPS * 0.8


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 2, "version": "9.0"}, "was made by a newer Mission Control (9.0): update this one"),
        ({"migrations": [["kernel", "9999_later"]], "version": "9.0"}, "does not know (kernel.9999_later)"),
        ({"application": "ledger"}, "is no backup of Mission Control"),
        (
            {"files": {"../secret_key": {"size": 0, "sha256": ""}}},
            "no backup to trust: it names the file ../secret_key",
        ),
        ({"tables": {}, "files": {"gone": {"size": 0, "sha256": ""}}}, "damaged: the file gone"),
    ],
)
def test_what_the_manifest_says_is_not_believed(
    change: dict[str, Any], sentence: str, saved: Saved, tmp_path: Path
) -> None:
    path = tmp_path / "b"
    with zipfile.ZipFile(saved.path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    shutil.copy(saved.path, tmp_path / "b")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest | change))
    with pytest.raises(BackupError) as refusal:
        check(path=path)
    assert sentence in str(refusal.value)


def _flipped(path: Path, position: int, bits: int) -> bytes:
    content = bytearray(path.read_bytes())
    content[position] ^= bits
    return bytes(content)
