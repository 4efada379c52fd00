"""A source on a server of its own, one backup of it, and blank databases on the tests' shared server."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from alai import embedded
from alai.embedded.place import find_place
from alai.kernel.backup.upgrade import begin_at_epoch
from tests.backup.installation import Installation

TASKS = 400
FILL = """
INSERT INTO missioncontrol_task (title, description, status, priority, owner, team, tags, source, legacy, cost_usd,
    fencing_token, lease_actor, lease_session, lease_enforced, created_at, updated_at)
SELECT 'Tender ' || n || E' with a tab\t, a line\nbreak, \\\\N and Čevapčići', repeat('Ž', mod(n, 50)), 'open',
    mod(n, 4), 'john', 'web', ARRAY['a,b', '{"c"}'], '', '{"old": [1.5, null]}', n / 7.0, n, '', '', true, now(), now()
FROM generate_series(1, %s) n;
"""
HISTORY = """
INSERT INTO missioncontrol_taskevent (xid, at, task_id, kind, actor, on_behalf_of, data, why, request_id)
SELECT pg_current_xact_id(), now(), id, 'created', 'john', '', '{}', '', '' FROM missioncontrol_task ORDER BY id
"""
COSTS = """
INSERT INTO missioncontrol_costentry (task_id, at, amount_usd, kind, note, actor)
SELECT id, now() - mod(id, 9) * interval '5 hours', cost_usd, 'tokens', '', 'john' FROM missioncontrol_task
"""
SESSION = """
INSERT INTO kernel_session (session_key, session_data, expire_date, agent)
VALUES ('hash', 'x', now() + interval '1 day', '')
"""
FIRST = """
from django.core.files.base import ContentFile
from django.core.management import call_command
from missioncontrol.models import Evidence, Task
call_command("bootstrap")
call_command("create_token", "--agent", "john", "--scope", "admin")
for number in range(3):
    evidence = Evidence(task=Task.objects.first(), form='file', name='proof.txt', created_by='john')
    evidence.file.save(f'{number}' * 64, ContentFile(b'proof ' * 20_000 * number))
    evidence.save()
"""


@dataclass(frozen=True)
class Saved:
    """A backup, the token that works in it, and what the source held when it was taken."""

    source: Installation
    path: Path
    token: str
    fingerprints: dict[str, tuple[Any, ...]]


@pytest.fixture(scope="session")
def saved() -> Iterator[Saved]:
    """A full installation whose server counts transactions far above the others', and its backup."""
    parent = Path(tempfile.mkdtemp(prefix="mission-control-backup-"))
    parent.chmod(0o755)
    data = parent / "data"
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DATABASE_URL")
        servers = embedded.Servers(data)
        servers.start()
        servers.leave()
        begin_at_epoch(find_place(data), 1)
        servers.start()
    yield _filled(Installation(data, servers.urls["DATABASE_URL"]), parent / "all.backup")
    servers.leave()
    embedded.destroy(data)
    shutil.rmtree(parent)


def _filled(source: Installation, path: Path) -> Saved:
    source.manage("migrate", "-v0")
    source.query(FILL.replace("%s", str(TASKS)))
    source.query(HISTORY)
    source.query(COSTS)
    source.query(SESSION)
    token = source.manage("shell", "-v0", "-c", FIRST).splitlines()[-1]
    fingerprints = source.fingerprints()
    source.manage("backup", str(path))
    return Saved(source, path, token, fingerprints)


@pytest.fixture(scope="session")
def restored(saved: Saved) -> Iterator[Installation]:
    """The backup restored on the tests' shared server, to be looked at."""
    with new_place() as place:
        target = place.make()
        target.manage("restore", str(saved.path))
        yield target


@pytest.fixture
def place() -> Iterator["Place"]:
    with new_place() as place:
        yield place


@dataclass
class Place:
    """Makes installations, with databases of other names on the tests' shared server and a DATA_DIR each."""

    folder: Path
    server: str
    names: list[str] = field(default_factory=list)

    def make(self, *, like: Installation | None = None) -> Installation:
        """An installation without any table, or a copy of another."""
        name = f"restored_{secrets.token_hex(4)}"
        template = like.url.rsplit("/", 1)[1] if like else "template0"
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        self.names.append(name)
        if like:
            shutil.copytree(like.data, self.folder / name)
        return Installation(self.folder / name, f"{self.server}/{name}")

    def clear(self) -> None:
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            for name in self.names:  # not by force, which an autovacuum would refuse to a plain role
                connection.execute(f"DROP DATABASE {name}")
        shutil.rmtree(self.folder)


@contextmanager
def new_place() -> Iterator[Place]:
    """Nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mission-control-restore-"))
    place = Place(folder, os.environ["DATABASE_URL"].rsplit("/", 1)[0])
    try:
        yield place
    finally:
        place.clear()
