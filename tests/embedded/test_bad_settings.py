"""A wrong setting ends in one sentence that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

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
    assert run.returncode == 1 and "PORT=70000 is no whole number from 1 to 65535" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_command_of_ours_runs_the_checks_of_settings(tmp_path: Path) -> None:
    run = manage("bootstrap", {"SECRET_KEY": "short"}, tmp_path)
    assert run.returncode == 1 and "SECRET_KEY has 5 characters" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL is no PostgreSQL address"),
        ({}, "The database does not answer"),
        ({"TIME_ZONE": "Mars/X"}, "TIME_ZONE=Mars/X is no time zone"),
        ({"MC_LEASE_ENFORCE": "maybe"}, "MC_LEASE_ENFORCE=maybe is neither 1 nor 0"),
        ({"REQUIRE_TWO_FACTOR": "all"}, "REQUIRE_TWO_FACTOR=all is none of nobody, administrators, staff"),
        ({"INBOX_DIGEST_AT": "8 o'clock"}, "INBOX_DIGEST_AT=8 o'clock is no time of day"),
        ({"DATABASE_POOL": "x"}, "DATABASE_POOL=x is no whole number from 1 to 1000"),
    ],
)
def test_it_is_named_without_a_traceback(setting: dict[str, str], sentence: str, tmp_path: Path) -> None:
    run = manage("migrate", setting, tmp_path)
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith(f"error: {sentence}")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_part_alone_names_it_too(part: str, tmp_path: Path) -> None:
    setting = {"DATABASE_POOL": "0", "DATA_DIR": str(tmp_path), "PORT": "29997"}
    run = subprocess.run(
        [sys.executable, "-m", "alai.supervisor", part],
        cwd=ROOT, env={**os.environ, **NOWHERE, **setting}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr == "error: DATABASE_POOL=0 is no whole number from 1 to 1000.\n"


def test_a_wrong_password_is_told_from_a_closed_port(tmp_path: Path) -> None:
    place = connection.get_connection_params()
    wrong = f"postgres://{place['user']}:wrong@{place['host']}:{place['port']}/{place['dbname']}"
    run = manage("bootstrap", {"DATABASE_URL": wrong}, tmp_path)
    assert run.returncode == 1
    assert "error: The database refuses us; look at DATABASE_URL" in run.stderr
    assert "password authentication failed" in run.stderr
    assert "Traceback" not in run.stderr
