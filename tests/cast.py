"""The people and agents of every test: Ada (CEO), Ole (ops), the agents john and pi-orch, the outsider Charlie."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.test import Client

from alai.kernel.auth import issue_token
from alai.kernel.models import Actor
from missioncontrol.models import Task

BASE = "/api/v1"
AGENT = ["tasks:read", "tasks:write"]


@dataclass(frozen=True)
class Reply:
    """An answer of the API, with its JSON read."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Caller:
    """Somebody with a token, or nobody."""

    token: str = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """`headers` in keyword form: `x_fencing_token="1"`."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        if self.token:
            named["Authorization"] = f"Bearer {self.token}"
        content = body if isinstance(body, bytes | str) else json.dumps(body) if body is not None else ""
        response = Client().generic(
            method, path if path.startswith("/health") else BASE + path, content, content_type="application/json",
            headers=named,
        )  # fmt: skip
        is_json = "json" in response.headers.get("Content-Type", "")
        return Reply(
            response.status_code, json.loads(response.content) if is_json and response.content else None,
            response.headers,
        )  # fmt: skip

    def get(self, path: str, **headers: str) -> Reply:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self.call("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Reply:
        return self.call("PATCH", path, body, **headers)


@dataclass(frozen=True)
class Cast:
    ada: Caller  # scopes ceo and admin
    ole: Caller  # admin
    john: Caller  # an agent
    pi_orch: Caller  # another agent
    charlie: Caller  # a token without scopes
    nobody: Caller  # no token


def assemble() -> Cast:
    def person(name: str, kind: str, scopes: list[str]) -> Caller:
        actor = Actor.objects.create(name=name, kind=kind)
        return Caller(issue_token(actor=actor, scopes=scopes)[1])

    return Cast(
        ada=person("ada", "person", ["ceo", "admin"]),
        ole=person("ole", "person", ["admin"]),
        john=person("john", "agent", AGENT),
        pi_orch=person("pi-orch", "agent", AGENT),
        charlie=person("charlie", "agent", []),
        nobody=Caller(),
    )


def make_task(**fields: Any) -> Task:
    """A task straight in the ledger."""
    return Task.objects.create(**{"title": "Write the tender", **fields})
