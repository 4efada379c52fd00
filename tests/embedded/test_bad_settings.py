"""A wrong setting ends in one sentence that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = {"DATABASE_URL": "postgres://u:p@127.0.0.1:1/x", "BROKER_URL": "redis://127.0.0.1:1/0"}


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
    run = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=ROOT,
        env={**os.environ, **NOWHERE, "DATA_DIR": str(tmp_path), **setting},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith(f"error: {sentence}")
    assert "Traceback" not in run.stderr
