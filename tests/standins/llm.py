"""A stand-in for an OpenAI-compatible model on loopback.

with LlmStandIn() as model:
    model.answers("YES")               # from now on
    model.next(garbage(), null())      # first these, one request each
    model.decides(lambda prompt: ...)  # from what it is asked
"""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Fields = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What one request gets: a body with a status after `delay` seconds; `cut` closes the connection instead."""

    body: bytes
    status: int = 200
    delay: float = 0.0
    cut: bool = False


def says(content: str | None, **message: Any) -> Reply:
    body = {
        "id": "c1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": {"prompt_tokens": 120, "completion_tokens": 1, "total_tokens": 121},
    }
    return Reply(json.dumps(body).encode())


def null() -> Reply:
    """What a reasoning model leaves when its tokens run out (the old classifier's bug)."""
    return says(None, reasoning="Let me think about whether this is revenue-relevant. YES could be")


def garbage() -> Reply:
    return Reply(b"<html>gateway</html>")


def failing(status: int = 500) -> Reply:
    return Reply(b'{"error": "model not loaded"}', status)


def hangs_up() -> Reply:
    return Reply(b"", cut=True)


def slow(seconds: float) -> Reply:
    return Reply(says("YES").body, delay=seconds)


class LlmStandIn:
    """`asked` holds the body of each request."""

    def __init__(self) -> None:
        self.asked: list[Fields] = []
        self.stopping = threading.Event()
        self._plan: deque[Reply] = deque()
        self._decide: Callable[[str], str] = lambda prompt: "NO"
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.model = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

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

    def answers(self, content: str) -> None:
        self._decide = lambda prompt: content

    def decides(self, decide: Callable[[str], str]) -> None:
        """Answer by everything that the request's messages say."""
        self._decide = decide

    def next(self, *replies: Reply) -> None:
        with self._lock:
            self._plan.extend(replies)

    def reply(self, fields: Fields) -> Reply:
        with self._lock:
            self.asked.append(fields)
            if self._plan:
                return self._plan.popleft()
        prompt = "\n".join(message["content"] for message in fields["messages"])
        return says(self._decide(prompt))


class _Server(ThreadingHTTPServer):
    model: LlmStandIn
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        fields = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if not self.path.endswith("/v1/chat/completions"):
            self._answer(failing(404))
            return
        reply = self.server.model.reply(fields)
        self.server.model.stopping.wait(reply.delay)
        self._answer(reply)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def _answer(self, reply: Reply) -> None:
        if reply.cut:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
