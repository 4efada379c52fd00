"""Installations to back up and to restore into: a database, a DATA_DIR, and `manage.py` as a person runs it."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[2]
# Independent of our own checksums. Transaction numbers belong to a server, sessions stay behind.
FINGERPRINT = """
SELECT count(*)::int, md5(coalesce(string_agg(row, E'\\n' ORDER BY row COLLATE "C"), ''))
FROM (SELECT (to_jsonb(t) - 'xid')::text AS row FROM "{}" t) rows
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
ASK = """
import json, os
from django.test import Client
token, requests = json.loads(os.environ["ASK"])
client, answers = Client(headers={"host": "localhost", "authorization": f"Bearer {token}"}), []
for method, path, body in requests:
    path = path.replace("{position}", answers[0][1].get("position", "")) if answers else path
    content = "" if body is None else json.dumps(body)
    reply = client.generic(method, "/api/v1" + path, content, content_type="application/json")
    answers.append([reply.status_code, reply.json()])
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Installation:
    """One database with one DATA_DIR."""

    data: Path
    url: str

    def environment(self) -> dict[str, str]:
        return {**os.environ, "DATABASE_URL": self.url, "DATA_DIR": str(self.data), "PYTHONWARNINGS": "error"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def manage(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def refused(self, *arguments: str) -> str:
        """What a command says that must fail, in one sentence."""
        done = self.run(*arguments)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr.strip()

    def calls(self, token: str, *requests: tuple[str, str, Any]) -> list[Any]:
        """Requests to the API (method, path, body), one after the other in one process, and their answers.
        `{position}` in a path is the position that the first answer ended on."""
        done = subprocess.run(
            self.command("shell", "-v0", "-c", ASK),
            env=self.environment() | {"ASK": json.dumps([token, requests])},
            capture_output=True,
            text=True,
            check=True,
        )
        answers = json.loads(done.stdout.splitlines()[-1])
        assert all(status < 300 for status, _ in answers), answers
        return [answer for _, answer in answers]

    def query(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, params or None)
            return cursor.fetchall() if cursor.description else []

    def fingerprints(self) -> dict[str, tuple[Any, ...]]:
        """Table -> number of rows and a hash of them."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            names = [row[0] for row in connection.execute(TABLES)]
            found = {name: connection.execute(FINGERPRINT.format(name)).fetchone() for name in names}
        return {name: row for name, row in found.items() if row is not None}

    def wait_for_query(self, pattern: str) -> None:
        """Until a session of the database runs, or has just run, a statement like the pattern."""
        deadline = time.monotonic() + 60
        statement = """SELECT count(*) FROM pg_stat_activity
                       WHERE datname = %s AND query LIKE %s AND pid <> pg_backend_pid()"""
        with psycopg.connect(self.url, autocommit=True) as connection:
            while time.monotonic() < deadline:
                row = connection.execute(statement, [connection.info.dbname, pattern]).fetchone()
                if row and row[0]:
                    return
                time.sleep(0.002)
        raise AssertionError(f"no session ran {pattern}")

    def wait_for_silence(self) -> None:
        """Until the sessions of a killed command are gone."""
        deadline = time.monotonic() + 20
        statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        with psycopg.connect(self.url, autocommit=True) as connection:
            while connection.execute(statement, [connection.info.dbname]).fetchone() != (0,):
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), *arguments]
