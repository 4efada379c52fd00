"""Installed with pip alone, on every Python it promises, and light on its feet."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cast import make_task
from tests.cli.desk import ROOT, Desk

HEAVY = (
    "argparse",
    "dataclasses",
    "http.client",
    "pathlib",
    "ssl",
    "tomllib",
    "typing",
    "urllib.parse",
    "sqlite3",
)


def pythons() -> list[str]:
    """One interpreter for each version that is installed and new enough; ours among them."""
    versions = Path.home() / ".pyenv" / "versions"
    found = {}
    for minor in range(12, 20):
        candidates = [
            *versions.glob(f"3.{minor}.*/bin/python3"),
            Path(shutil.which(f"python3.{minor}") or "/nowhere"),
        ]
        found[minor] = next((str(one) for one in candidates if _runs(one)), None)
    found[sys.version_info.minor] = sys.executable
    return [path for path in found.values() if path]


def _runs(python: Path) -> bool:
    return (
        python.exists()
        and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    )


@pytest.fixture(scope="package")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what is packaged, so that the checkout stays clean."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "alai", source / "alai", ignore=shutil.ignore_patterns("__pycache__"))
    build: list[str | Path] = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", out, source]
    subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.mark.parametrize("python", pythons())
def test_it_runs_installed_without_the_server_s_packages(
    python: str, wheel: Path, john: Desk, tmp_path: Path
) -> None:
    place = tmp_path / "venv"
    subprocess.run([python, "-m", "venv", "--without-pip", place], check=True)
    install: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        place / "bin" / "python",
        "install",
        "-q",
        "--no-index",
        wheel,
    ]
    subprocess.run(install, check=True, capture_output=True)
    alai = Desk(john.home, john.environment, (str(place / "bin" / "alai"),))
    task = make_task()
    assert alai.mc("claim", task.pk).code == 0
    assert alai.mc("done", task.pk, "--evidence", "installed").code == 0
    assert "Usage" in alai.mc("--help").out
    assert alai.mc("list", ALAI_MC_URL="", ALAI_MC_DB=str(tmp_path / "none.db")).code == 4


def test_a_claim_imports_nothing_heavy(john: Desk) -> None:
    light = Desk(
        john.home, john.environment, (sys.executable, "-X", "importtime", str(ROOT / "bin" / "alai"))
    )
    claimed = light.mc("claim", make_task().pk)
    assert claimed.code == 0
    imported = {line.rpartition("|")[2].strip() for line in claimed.err.splitlines()}
    assert "alai.cli.mc.remote" in imported
    assert imported & set(HEAVY) == set()


def test_from_the_checkout_an_older_python_hands_over(john: Desk, tmp_path: Path) -> None:
    """The script is read by whatever `python3` is first on PATH."""
    old = next((one for minor in (11, 10, 9) if (one := shutil.which(f"/usr/bin/python3.{minor}"))), None)
    if old is None:
        pytest.skip("no older Python is installed")
    link = tmp_path / "alai"
    link.symlink_to(ROOT / "bin" / "alai")
    assert Desk(john.home, john.environment, (old, str(link))).mc("stats").code == 0
