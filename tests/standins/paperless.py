"""A stand-in for Paperless-ngx' correspondents on loopback. `down` makes it answer 503."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

TOKEN = "stand-in-token"


class PaperlessStandIn:
    """`names` are its correspondents; `asked` what was searched for, with the headers in lower case."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.down = False
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.paperless = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    paperless: PaperlessStandIn
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        paperless, parts = self.server.paperless, urlsplit(self.path)
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

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
