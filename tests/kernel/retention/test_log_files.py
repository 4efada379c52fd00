"""Log files under DATA_DIR are kept for the days of their environment."""

import os
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from alai.kernel import retention
from alai.kernel.models import Retention


def write(path: Path, *, days: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("line\n")
    moment = time.time() - days * 86_400
    os.utime(path, (moment, moment))
    return path


def test_rotated_files_are_removed_and_a_quiet_log_is_emptied(tmp_path: Path) -> None:
    rotated = write(tmp_path / "web.log.1", days=8)
    quiet = write(tmp_path / "deep" / "postgres.log", days=8)
    fresh = write(tmp_path / "web.log", days=1)
    assert retention.prune_log_files(tmp_path, days=7) == 2
    assert not rotated.exists()
    assert quiet.read_text() == ""
    assert fresh.read_text() == "line\n"
    assert retention.prune_log_files(tmp_path, days=7) == 0


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "ledger.db", days=99)
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "link.log").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    assert retention.prune_log_files(folder, days=7) == 0
    assert outside.read_text() == "line\n"


def test_a_missing_folder_is_no_trouble(tmp_path: Path) -> None:
    assert retention.prune_log_files(tmp_path / "none", days=7) == 0


@pytest.mark.parametrize(("environment", "days"), [("development", 7), ("staging", 30), ("production", 90)])
def test_the_days_follow_the_environment(settings: Settings, environment: str, days: int) -> None:
    settings.ENVIRONMENT = environment
    assert retention.kinds()["log-files"][0] == days


@pytest.mark.django_db
def test_pruning_reaches_the_log_files(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    write(tmp_path / "logs" / "web.log.1", days=91)
    assert retention.prune() == "Deleted 1 log files"
    Retention.objects.filter(kind="log-files").update(days=None)
    write(tmp_path / "logs" / "web.log.2", days=91)
    assert retention.prune() == "Nothing was old enough to delete"
