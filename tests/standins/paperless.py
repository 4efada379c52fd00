"""A stand-in for Paperless-ngx' correspondents on loopback. `down` makes it answer 503."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.standins.loopback import Handler, StandIn

TOKEN = "stand-in-token"


class PaperlessStandIn(StandIn):
    """`names` are its correspondents; `asked` what was searched for, with the headers in lower case."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.down = False
        super().__init__()


class _Handler(Handler[PaperlessStandIn]):
    def do_GET(self) -> None:
        paperless, parts = self.stand_in, urlsplit(self.path)
        wanted = parse_qs(parts.query).get("name__icontains", [""])[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        paperless.asked.append((wanted, headers))
        if paperless.down or parts.path != "/api/correspondents/":
            self._answer(503, {"detail": "down"})
        elif self.headers.get("Authorization") != f"Token {TOKEN}":
            self._answer(401, {"detail": "Invalid token."})
        else:
            found = [name for name in paperless.names if wanted.lower() in name.lower()]
            results = [{"id": n, "name": name, "match": ""} for n, name in enumerate(found, 1)]
            self._answer(200, {"count": len(found), "next": None, "previous": None, "results": results})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self.answer(status, json.dumps(body).encode(), **{"Content-Type": "application/json"})


PaperlessStandIn.handler = _Handler
