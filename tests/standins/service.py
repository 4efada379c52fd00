"""A JSON service on loopback that answers what it is told to, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request: its path with the query, its headers, its JSON body."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Service:
    """`answer` is JSON, or bytes that are none; `cut` hangs up instead."""

    answer: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    asked: list[Asked] = field(default_factory=list)
    url: str = ""


@contextmanager
def service() -> Iterator[Service]:
    found = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            self._serve(json.loads(self.rfile.read(size)))

        def do_GET(self) -> None:
            self._serve(None)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

        def _serve(self, body: Any) -> None:
            found.asked.append(Asked(self.path, dict(self.headers), body))
            if found.cut:
                self.close_connection = True
                return
            content = found.answer if isinstance(found.answer, bytes) else json.dumps(found.answer).encode()
            self.send_response(found.status)
            for name, value in {**found.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
