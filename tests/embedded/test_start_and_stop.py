"""A plain start: what runs, where, for whom, and that nothing is lost between two starts."""

import json
import os
import time
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alai.embedded import servers
from tests.embedded.conftest import asked, servers_of


def test_a_first_start_creates_a_database_that_serves(folder: Path) -> None:
    with servers(folder) as urls, psycopg.connect(urls["DATABASE_URL"]) as connection:
        settings = connection.execute(
            "SELECT current_database(), current_setting('server_encoding'), current_setting('fsync'),"
            " current_setting('synchronous_commit'), rolsuper, rolcreatedb"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        lower = connection.execute("SELECT lower('ÆRØÅ ČŠ'), to_tsvector('simple', 'ÅSEN')::text").fetchone()
    assert settings == ("missioncontrol", "UTF8", "on", "on", False, True)
    assert lower == ("ærøå čš", "'åsen':1")
    assert servers_of(folder) == []


def test_a_second_start_takes_little_time_and_finds_everything_again(used: Path) -> None:
    before = json.loads((used / "servers.json").read_text())
    begin = time.monotonic()
    with servers(used) as urls:
        assert time.monotonic() - begin < 5
        with psycopg.connect(urls["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        with redis.Redis.from_url(urls["BROKER_URL"]) as queue:
            assert queue.lrange("celery", 0, -1) == [b"a job that waits"]
    assert json.loads((used / "servers.json").read_text()) == before


def test_servers_ask_for_the_password(used: Path) -> None:
    with servers(used) as urls:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(urls["DATABASE_URL"].replace("missioncontrol:", "missioncontrol:not"))
        port = int(urls["BROKER_URL"].split(":")[-1].split("/")[0])
        with (
            redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()


def test_the_password_can_be_read_by_nobody_else(used: Path) -> None:
    with servers(used) as urls:
        password = urls["BROKER_URL"].split(":")[2].split("@")[0]
        commands = asked(used, lambda process: " ".join(process.cmdline()))
        holders = [path for path in used.rglob("*") if path.is_file() and password in _text(path)]
    assert not [command for command in commands if password in command]
    assert {path.name for path in holders} == {"servers.json", "valkey.conf"}
    assert {path.stat().st_mode & 0o777 for path in holders} == {0o600}


def test_nothing_is_started_when_both_addresses_are_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example.com/mc")
    monkeypatch.setenv("BROKER_URL", "redis://queue.example.com/0")
    with servers(folder) as urls:
        assert urls == {}
    assert not folder.exists()


def test_only_the_server_that_is_not_given_is_started(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example.com/mc")
    with servers(used) as urls:
        assert list(urls) == ["BROKER_URL"]
        assert set(asked(used, lambda process: process.name())) == {"valkey-server"}


def test_a_folder_with_spaces_quotes_and_letters_of_other_languages_works(folder: Path) -> None:
    odd = folder.parent / 'Ærlig "talt" š\\ $HOME'
    with servers(odd) as urls, psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert servers_of(odd) == []


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def test_the_environment_of_the_servers_holds_no_secrets(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    with servers(used):
        environments = asked(used, lambda process: process.environ())
    assert environments
    assert not [values for values in environments if "SLACK_BOT_TOKEN" in values]
    assert os.environ["SLACK_BOT_TOKEN"] == "xoxb-secret"
