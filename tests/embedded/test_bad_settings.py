"""A wrong setting ends in one sentence that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = {"DATABASE_URL": "postgres://u:p@127.0.0.1:1/x", "BROKER_URL": "redis://127.0.0.1:1/0"}


def manage(command: str, setting: dict[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env={**os.environ, **NOWHERE, "DATA_DIR": str(folder), **setting},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_of_ours_names_it_too(tmp_path: Path) -> None:
    """It reads the settings' checks alone, not those for which every page is loaded."""
    run = manage("bootstrap", {"PORT": "70000"}, tmp_path)
    assert run.returncode == 1 and "PORT is 70000" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL is no PostgreSQL address"),
        ({}, "The database does not answer"),
        ({"TIME_ZONE": "Mars/X"}, "TIME_ZONE=Mars/X is no time zone"),
        ({"MC_LEASE_ENFORCE": "maybe"}, "MC_LEASE_ENFORCE=maybe is neither 1 nor 0"),
    ],
)
def test_it_is_named_without_a_traceback(setting: dict[str, str], sentence: str, tmp_path: Path) -> None:
    run = manage("migrate", setting, tmp_path)
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith(f"error: {sentence}")
    assert "Traceback" not in run.stderr
