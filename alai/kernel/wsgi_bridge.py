"""A WSGI application behind an ASGI server: each request runs in one of a few threads.

Our own rather than a2wsgi, which cannot read bodies under granian (its awaitables are no coroutines), loses a
thread with each client that leaves in the middle of a long answer, and crosses between threads thrice a request.
Here a thread is only held while Django computes: small bodies are read before, files are sent after it.
"""

import asyncio
import contextvars
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import unquote_to_bytes

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

READ_AHEAD = 1024 * 1024  # bytes of a body that are read before a thread is taken
PIECE = 64 * 1024
STALL_SECONDS = 30.0  # for how long a client may neither send nor take anything


class ClientGone(OSError):
    """The client left, or stalled for too long, in the middle of its request or of our answer."""


@dataclass(slots=True)
class Reply:
    """What the application answered. `file` is sent after `body`; None for one that is sent already."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    file: IO[bytes] | None = None

    def begin(self) -> Message:
        return {"type": "http.response.start", "status": self.status, "headers": self.headers}


class WSGIBridge:
    """`application` in `threads` threads of this process."""

    def __init__(self, application: WSGIApplication, threads: int) -> None:
        self.application = application
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self.ask(scope, receive, send)
        if reply is not None:
            await self.tell(reply, send)

    async def ask(self, scope: Scope, receive: Receive, send: Send, **extra: Any) -> Reply | None:
        """The application's answer, or None when nothing is left to send: a long one is sent as it is made.

        `extra` goes into the WSGI environ.
        """
        try:
            body = await _body(scope, receive)
        except ClientGone:
            return None
        environ = {**_environ(scope), "wsgi.input": body, "wsgi.file_wrapper": _File, **extra}
        if isinstance(body, io.BytesIO):
            environ["CONTENT_LENGTH"] = str(len(body.getbuffer()))  # a chunked body has none of its own
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply | None] = loop.create_future()

        def settle(reply: Reply | None, error: BaseException | None) -> None:
            if not answer.done():
                answer.set_exception(error) if error else answer.set_result(reply)

        def run() -> None:
            reply, error = None, None
            try:
                reply = contextvars.Context().run(self._run, environ, _Outlet(loop, send))
            except ClientGone:
                pass
            except BaseException as failure:
                error = failure
            loop.call_soon_threadsafe(settle, reply, error)

        self.pool.submit(run)
        return await answer

    async def tell(self, reply: Reply, send: Send) -> None:
        await send(reply.begin())
        if reply.file is None:
            await send({"type": "http.response.body", "body": reply.body})
            return
        loop = asyncio.get_running_loop()
        try:
            while piece := await loop.run_in_executor(self.pool, reply.file.read, PIECE):
                async with asyncio.timeout(STALL_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return
        finally:
            await loop.run_in_executor(self.pool, reply.file.close)

    def _run(self, environ: dict[str, Any], outlet: "_Outlet") -> Reply | None:
        reply = Reply()

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            reply.status = int(status[:3])
            reply.headers = [
                (name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers
            ]

        result = self.application(environ, start_response)
        if isinstance(result, _File):
            reply.file = result.file
            return reply
        try:
            if getattr(result, "streaming", True):
                outlet.pour(reply, result)
                return None
            reply.body = b"".join(result)
            return reply
        finally:
            getattr(result, "close", lambda: None)()


class _File:
    """`wsgi.file_wrapper`: marks an answer that is a file."""

    def __init__(self, file: IO[bytes], block_size: int = PIECE) -> None:
        self.file = file

    def __iter__(self) -> Iterable[bytes]:
        raise TypeError("the bridge sends the file by itself")


class _Outlet:
    """The way from a thread to the client, for answers that are made while they are sent."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self.loop = loop
        self.send = send

    def pour(self, reply: Reply, pieces: Iterable[bytes]) -> None:
        self._put(reply.begin())
        for piece in pieces:
            if piece:
                self._put({"type": "http.response.body", "body": piece, "more_body": True})
        self._put({"type": "http.response.body", "body": b""})

    def _put(self, message: Message) -> None:
        _wait(asyncio.run_coroutine_threadsafe(_call(self.send, message), self.loop))


class _Incoming(io.RawIOBase):
    """The rest of a large body, fetched by the thread that reads it."""

    def __init__(self, first: bytes, receive: Receive) -> None:
        self.loop = asyncio.get_running_loop()
        self.receive = receive
        self.pending = memoryview(first)
        self.more = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.pending and self.more:
            message = _wait(asyncio.run_coroutine_threadsafe(_call(self.receive), self.loop))
            self.pending, self.more = _part(message)
        count = min(len(buffer), len(self.pending))
        buffer[:count], self.pending = self.pending[:count], self.pending[count:]
        return count


async def _call[T](call: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """A coroutine whatever the server's own awaitables are."""
    async with asyncio.timeout(STALL_SECONDS):
        return await call(*arguments)


def _wait[T](future: "Future[T]") -> T:
    try:
        return future.result()
    except TimeoutError:
        raise ClientGone("The client stalled.") from None


def _part(message: Message) -> tuple[memoryview, bool]:
    if message["type"] == "http.disconnect":
        raise ClientGone("The client left before its body was complete.")
    return memoryview(message.get("body", b"")), message.get("more_body", False)


async def _body(scope: Scope, receive: Receive) -> io.BufferedIOBase:
    """A file of the request's body, all of it at hand when it is small."""
    if scope["method"] in ("GET", "HEAD") and not _has_body(scope):
        return io.BytesIO()
    read, more = bytearray(), True
    while more and len(read) <= READ_AHEAD:
        try:
            part, more = _part(await _call(receive))
        except TimeoutError:
            raise ClientGone("The client stalled.") from None
        read += part
    return io.BufferedReader(_Incoming(bytes(read), receive), PIECE) if more else io.BytesIO(bytes(read))


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def _environ(scope: Scope) -> dict[str, Any]:
    """PEP 3333's names for an ASGI scope."""
    host, port = scope.get("server") or ("localhost", 80)
    client, client_port = scope.get("client") or ("", "")
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": client,
        "REMOTE_PORT": str(client_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue  # X_Forwarded_For would pass for X-Forwarded-For
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        key = name if name in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        joint = "; " if key == "HTTP_COOKIE" else ","  # HTTP/2 splits cookies
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    return environ
