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
from typing import Any

from tests.standins.loopback import Handler, StandIn

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


class LlmStandIn(StandIn):
    """`asked` holds the body of each request."""

    path = "/v1"

    def __init__(self) -> None:
        self.asked: list[Fields] = []
        self._plan: deque[Reply] = deque()
        self._decide: Callable[[str], str] = lambda prompt: "NO"
        self._lock = threading.Lock()
        super().__init__()

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


class _Handler(Handler[LlmStandIn]):
    def do_POST(self) -> None:
        fields = json.loads(self.body())
        if not self.path.endswith("/v1/chat/completions"):
            self._answer(failing(404))
            return
        reply = self.stand_in.reply(fields)
        self.stand_in.stopping.wait(reply.delay)
        self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        if reply.cut:
            self.close_connection = True
            self.connection.close()
            return
        self.answer(reply.status, reply.body, **{"Content-Type": "application/json"})


LlmStandIn.handler = _Handler
