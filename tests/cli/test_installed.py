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
    "collections",
    "dataclasses",
    "enum",
    "http.client",
    "json",
    "pathlib",
    "re",
    "socket",
    "sqlite3",
    "ssl",
    "tomllib",
    "typing",
    "urllib.parse",
)
OLDEST = 12  # of Python 3


def python3(minor: int) -> str | None:
    """An installed interpreter of this version."""
    if minor == sys.version_info.minor:
        return sys.executable
    managed = sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python3"))
    on_path = shutil.which(f"python3.{minor}")
    candidates = [*managed, *([Path(on_path)] if on_path else [])]
    return next((str(one) for one in candidates if _runs(one)), None)


def _runs(python: Path) -> bool:
    asked = subprocess.run([python, "-c", "import venv, ssl, sqlite3"], capture_output=True, check=False)
    return asked.returncode == 0


@pytest.fixture(params=["oldest", "newest"])
def python(request: pytest.FixtureRequest) -> str:
    """The oldest Python that the command promises to work on, and the newest that is installed: at least our own."""
    if request.param == "oldest":
        found = python3(OLDEST)
        if found is None:
            pytest.skip(f"Python 3.{OLDEST} is not installed here: install it, for pyenv or on PATH")
        return found
    return next(one for minor in range(19, OLDEST - 1, -1) if (one := python3(minor)))


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


def bare(python: str, place: Path) -> Path:
    """A virtual environment with nothing in it."""
    subprocess.run([python, "-m", "venv", "--without-pip", place], check=True)
    return place / "bin" / "python"


def test_it_runs_installed_without_the_server_s_packages(
    python: str, wheel: Path, john: Desk, tmp_path: Path
) -> None:
    place = bare(python, tmp_path / "venv")
    pip = [sys.executable, "-m", "pip", "--python", str(place), "install", "-q", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    for package in ("django", "psycopg", "httpx", "pip"):
        absent = subprocess.run([place, "-c", f"import {package}"], capture_output=True, check=False)
        assert absent.returncode == 1, package
    alai = Desk(john.home, john.environment, (str(place.parent / "alai"),))
    task = make_task()
    assert alai.mc("claim", task.pk).code == 0
    assert alai.mc("done", task.pk, "--evidence", "installed").code == 0
    assert alai.mc("watch", "--task", task.pk, "--since", "1h", "--until-count", 2).out.count("\n") == 2
    assert "scope" in alai.run("hive", "tail").err
    assert "Usage" in alai.mc("--help").out
    assert all("_alai" in alai.run("completion", shell).out for shell in ("bash", "zsh"))
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
