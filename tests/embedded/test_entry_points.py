"""manage.py, the Makefile's helpers and the parts that run alone: one sentence instead of a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from alai.embedded import servers
from alai.run.address import chosen_address
from tests.embedded.conftest import asked, servers_of

BASE_DIR = Path(__file__).resolve().parents[2]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=BASE_DIR,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [["version"], ["help"], ["create_token", "--help"]])
def test_help_starts_nothing(folder: Path, arguments: list[str]) -> None:
    result = run(sys.executable, "manage.py", *arguments, DATA_DIR=str(folder))
    assert result.returncode == 0, result.stderr
    assert not (folder / "servers.json").exists()


def test_a_command_runs_on_servers_of_its_own_and_stops_them(used: Path) -> None:
    result = run(sys.executable, "manage.py", "inspectdb", "kept", DATA_DIR=str(used))
    assert "answer = models.IntegerField" in result.stdout, result.stderr
    assert result.stderr == ""
    assert servers_of(used) == []


def test_a_command_uses_servers_that_run(used: Path) -> None:
    with servers(used):
        before = set(asked(used, lambda process: (process.pid, process.name())))
        assert run(sys.executable, "manage.py", "inspectdb", "kept", DATA_DIR=str(used)).returncode == 0
        after = set(asked(used, lambda process: (process.pid, process.name())))
        assert {pid for pid, name in before if name == "valkey-server"} == {
            pid for pid, name in after if name == "valkey-server"
        }


def test_a_command_that_cannot_start_its_servers_says_so_in_one_sentence(folder: Path) -> None:
    folder.write_text("I am a file")
    result = run(sys.executable, "manage.py", "check", DATA_DIR=str(folder))
    folder.unlink()
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {folder} cannot be used")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("part", ["web", "worker", "mail", "watch", "beat"])
def test_a_part_alone_without_servers_says_what_it_needs(folder: Path, part: str) -> None:
    result = run(sys.executable, "-m", "alai.supervisor", part, DATA_DIR=str(folder), PORT="29999")
    assert result.returncode == 1
    assert result.stderr == (
        f"error: No servers run for {folder}: `make run` starts everything; "
        "to run a part alone, set DATABASE_URL and BROKER_URL.\n"
    )


@pytest.mark.parametrize("port", ["eight thousand", "0", "65536", "-1", "٨"])
def test_a_port_that_is_none_is_refused(folder: Path, port: str) -> None:
    result = run(sys.executable, "-m", "alai.supervisor", DATA_DIR=str(folder), PORT=port)
    assert (result.returncode, result.stderr) == (
        1,
        f"error: PORT={port} is no port: use a number from 1 to 65535.\n",
    )


@pytest.mark.parametrize("threads", ["0", "many", "201"])
def test_a_number_of_mail_threads_that_is_none_is_refused(folder: Path, threads: str) -> None:
    result = run(sys.executable, "-m", "alai.supervisor", DATA_DIR=str(folder), MAIL_THREADS=threads)
    assert result.returncode == 1
    assert result.stderr == f"error: MAIL_THREADS={threads} is no number from 1 to 200.\n"


def test_an_address_of_another_machine_is_refused(folder: Path) -> None:
    result = run(
        sys.executable, "-m", "alai.supervisor", DATA_DIR=str(folder), HOST="192.0.2.1", PORT="29998"
    )
    assert result.returncode == 1
    assert "HOST=192.0.2.1 is no address of this machine" in result.stderr


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::", "::"),
        ("", "127.0.0.1"),
    ],
)
def test_a_name_is_served_by_its_address(host: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", host)
    assert chosen_address() == (address, 8000)


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a" * 70 + ".com", "..", "not a name"])
def test_a_name_that_nobody_knows_is_refused(folder: Path, host: str) -> None:
    result = run(sys.executable, "-m", "alai.supervisor", DATA_DIR=str(folder), HOST=host, PORT="29998")
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: HOST={host} is no address of this machine")
    assert result.stderr.count("\n") == 1


def test_a_machine_without_a_fit_python_is_told_what_to_install(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    result = subprocess.run(
        ["/bin/sh", BASE_DIR / "bin/find-python"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "no Python 3.12 or newer was found: install one" in result.stderr


def test_a_python_that_is_found_is_new_enough() -> None:
    found = run("bin/find-python").stdout.strip()
    version = run(found, "-c", "import sys; print(sys.version_info >= (3, 12))").stdout
    assert version == "True\n"


def test_pyenv_s_versions_are_looked_through(tmp_path: Path) -> None:
    python = tmp_path / "versions/3.13.99/bin/python3"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    environment = {"PATH": "/nowhere", "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    result = subprocess.run(
        ["/bin/sh", BASE_DIR / "bin/find-python"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == f"{sys.executable}\n"
