"""A small registry in a folder of its own."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from infra import registry
from infra.models import Check, ModelServer, Objective
from tests.cast import Caller

FILES = {
    "platforms.yaml": "pages:\n  name: Pages\nvm:\n  name: A machine\n",
    "sites.yaml": (
        "shop.example.com:\n  kind: dynamic\n  platform: vm\n  watched: true\n"
        "www.example.com:\n  kind: static\n  platform: vm\n  target: pages\n  priority: 2\n"
    ),
    "hosts.yaml": "one:\n  name: One\n  role: primary\n  addresses:\n    - {via: lan, address: 10.1.2.3}\n",
    "services.yaml": (
        "web:\n  name: Web\n  host: one\n  depends_on: [db]\ndb:\n  name: Database\n  host: one\n  tier: 1\n"
    ),
}

LOADED: dict[str, bytes] = {}  # table -> its rows, after the first loading of the company's facts


class Folder:
    """Files that a test writes and edits."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text, "utf-8")

    def edit(self, name: str, before: str, after: str) -> None:
        text = (self.path / name).read_text("utf-8")
        assert before in text
        self.write(name, text.replace(before, after))


@pytest.fixture
def folder(tmp_path: Path, db: None) -> Folder:
    path = tmp_path / "registry"
    path.mkdir()
    made = Folder(path)
    for name, text in FILES.items():
        made.write(name, text)
    return made


def caller(name: str, *scopes: str) -> Caller:
    """An agent with a token of these scopes."""
    actor, _ = Actor.objects.get_or_create(name=name, defaults={"kind": "agent"})
    return Caller(issue_token(actor=actor, scopes=list(scopes))[1])


def load_facts() -> None:
    """The company's registry, without its checks: a test brings its own. Read once, then copied in."""
    if LOADED:
        with transaction.atomic(), connection.cursor() as cursor:
            for table, rows in LOADED.items():
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)
        return
    registry.load(Path(settings.REGISTRY_DIR))
    ModelServer.objects.update(watched_by=None)
    Objective.objects.all().delete()
    Check.objects.all().delete()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("infra_"):
                with cursor.copy(f"COPY {table} TO STDOUT") as copy:
                    LOADED[table] = b"".join(bytes(block) for block in copy)
