"""What every stand-in is: a server on loopback for as long as it is entered."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class StandIn:
    """Starts and stops its server; `handler` answers requests and finds the stand-in as `self.server.stand_in`."""

    handler: type["Handler[Any]"]
    path = ""  # beneath which the service lies

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._server = Server(("127.0.0.1", 0), self.handler)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Server(ThreadingHTTPServer):
    stand_in: StandIn
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is part of the play."""


class Handler[Played: StandIn](BaseHTTPRequestHandler):
    """Quiet, on kept connections."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two pieces

    @property
    def stand_in(self) -> Played:
        return self.server.stand_in  # type: ignore[return-value]

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
