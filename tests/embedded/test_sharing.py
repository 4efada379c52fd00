"""Several commands on one DATA_DIR at once."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg

from alai.embedded import servers
from tests.embedded.conftest import main_process, servers_of


def command(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.embedded.share", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def addresses(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout
    found: dict[str, str] = json.loads(process.stdout.readline())
    return found


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate("done\n", timeout=20)
    assert process.returncode == 0


def serves(urls: dict[str, str]) -> bool:
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_two_commands_that_start_at_once_share_servers_and_the_last_one_stops_them(folder: Path) -> None:
    first, second = command(folder), command(folder)
    urls = addresses(first)
    assert addresses(second) == urls
    finish(first)
    assert serves(urls)
    finish(second)
    assert servers_of(folder) == []


def test_servers_of_a_command_that_was_killed_are_adopted_and_then_stopped(used: Path) -> None:
    killed = command(used)
    urls = addresses(killed)
    killed.kill()
    killed.communicate()
    before = {name: main_process(used, name).pid for name in ("postgres", "valkey")}
    with servers(used) as adopted:
        assert adopted == urls
        assert before == {name: main_process(used, name).pid for name in before}
        assert serves(adopted)
    assert servers_of(used) == []
