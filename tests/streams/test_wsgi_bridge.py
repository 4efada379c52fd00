"""Django behind the ASGI callable: bodies of any size, a context of its own for each request, no lost threads."""

import asyncio
import contextvars
import hashlib
import io
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from alai.kernel import context, wsgi_bridge
from alai.kernel.wsgi_bridge import Message, WSGIBridge
from tests.cast import Cast, make_task
from tests.streams.listening import bearer, eventually

Start = Callable[..., Any]


def scope(method: str = "GET", headers: Iterable[tuple[bytes, bytes]] = ()) -> dict[str, Any]:
    return {
        "type": "http", "method": method, "path": "/a b", "raw_path": b"/a%20b%FF", "query_string": b"x=1",
        "http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 9),
        "headers": list(headers),
    }  # fmt: skip


class Client:
    """The server's side of one request, with the body in `parts`."""

    def __init__(self, *parts: bytes, leaves: bool = False) -> None:
        self.messages: list[Message] = [
            {"type": "http.request", "body": part, "more_body": leaves or part is not parts[-1]}
            for part in parts
        ]
        if leaves:
            self.messages.append({"type": "http.disconnect"})
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return self.messages.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def ask(application: Any, client: Client, **kwargs: Any) -> WSGIBridge:
    bridge = WSGIBridge(application, threads=1)
    asyncio.run(asyncio.wait_for(_call(bridge, scope(**kwargs), client), 20))
    bridge.pool.shutdown()  # hangs when a thread is lost
    return bridge


async def _call(bridge: WSGIBridge, scope: dict[str, Any], client: Client) -> None:
    await bridge(scope, client.receive, client.send)


POST: dict[str, Any] = {
    "method": "POST",
    "headers": [(b"content-length", b"1"), (b"content-type", b"text/plain")],
}


def echo(environ: dict[str, Any], start: Start) -> list[bytes]:
    start("200 OK", [("X-Path", environ["PATH_INFO"]), ("X-Length", environ.get("CONTENT_LENGTH", ""))])
    return [environ["wsgi.input"].read()]


def test_a_request_and_its_answer_pass_unchanged() -> None:
    client = Client(b"ab", b"cd")
    ask(echo, client, **POST)
    assert client.sent[0]["status"] == 200
    assert (b"x-path", b"/a b\xff") in client.sent[0]["headers"]
    assert (b"x-length", b"4") in client.sent[0]["headers"]
    assert client.body == b"abcd"


def test_a_large_body_is_read_as_it_comes() -> None:
    parts = [bytes([number]) * 300_000 for number in range(20)]

    def digest(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [])
        assert len(client.messages) > 10  # most of it has not come yet
        seen = hashlib.sha256()
        while piece := environ["wsgi.input"].read(50_000):
            seen.update(piece)
        return [seen.hexdigest().encode()]

    client = Client(*parts)
    ask(digest, client, **POST)
    assert client.body.decode() == hashlib.sha256(b"".join(parts)).hexdigest()


def test_a_client_that_leaves_in_the_middle_of_its_body_costs_no_thread() -> None:
    for parts in ([b"ab"], [b"x" * 2_000_000]):
        client = Client(*parts, leaves=True)
        ask(echo, client, **POST)
        assert client.sent == []


def test_a_client_that_stalls_in_the_middle_of_an_answer_costs_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wsgi_bridge, "STALL_SECONDS", 0.2)
    closed = threading.Event()

    class Endless:
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"x" * 1000

        def close(self) -> None:
            closed.set()

    class Stalled(Client):
        async def send(self, message: Message) -> None:
            await asyncio.sleep(60)

    def endless(environ: dict[str, Any], start: Start) -> Endless:
        start("200 OK", [])
        return Endless()

    ask(endless, Stalled(b""))
    assert closed.is_set()


def test_a_file_is_sent_in_pieces_and_closed() -> None:
    file = io.BytesIO(b"y" * 200_000)

    def download(environ: dict[str, Any], start: Start) -> Any:
        start("200 OK", [])
        return environ["wsgi.file_wrapper"](file, 4096)

    client = Client(b"")
    ask(download, client)
    assert len(client.body) == 200_000
    assert len(client.sent) > 3
    assert file.closed


def test_an_error_in_the_application_reaches_the_server() -> None:
    def broken(environ: dict[str, Any], start: Start) -> list[bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(broken, Client(b""))


def test_a_header_with_an_underscore_does_not_pass_for_another() -> None:
    def headers(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [])
        return [repr([environ.get("HTTP_X_FORWARDED_FOR"), environ["HTTP_COOKIE"]]).encode()]

    given = [(b"x_forwarded_for", b"10.0.0.1"), (b"cookie", b"a=1"), (b"cookie", b"b=2")]
    client = Client(b"")
    ask(headers, client, headers=given)
    assert client.body == b"[None, 'a=1; b=2']"


def test_each_request_has_a_context_of_its_own() -> None:
    left = contextvars.ContextVar("left", default="nothing")

    def leave(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [])
        found = f"{left.get()} {context.current().actor}"
        left.set("something")
        context.assume(context.evolve(actor="john"))
        return [found.encode()]

    async def twice() -> list[bytes]:
        bridge, clients = WSGIBridge(leave, threads=1), [Client(b""), Client(b"")]
        for client in clients:
            await bridge(scope(), client.receive, client.send)
        bridge.pool.shutdown()
        return [client.body for client in clients]

    assert asyncio.run(twice()) == [b"nothing ", b"nothing "]


def test_evidence_of_50_megabytes_is_taken(cast: Cast, address: str) -> None:
    task, size = make_task(), 50 * 1024 * 1024 - 1000
    place = urlsplit(address)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="log"\r\n\r\n'
    with socket.create_connection((place.hostname, place.port), timeout=60) as upload:
        upload.sendall(
            f"POST /api/v1/tasks/{task.pk}/evidence HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Authorization: {bearer(cast.john.token)['authorization']}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(head) + size + 9}\r\n\r\n".encode()
            + head
        )
        block = b"z" * 1_000_000
        for sent in range(0, size, len(block)):
            upload.sendall(block[: size - sent])
        upload.sendall(b"\r\n--b--\r\n")
        answer = upload.makefile("rb").read()
    assert b" 201 " in answer.split(b"\r\n", 1)[0]
    assert f'"size": {size}'.encode() in answer


def test_clients_that_leave_in_the_middle_leave_the_server_able_to_answer(cast: Cast, address: str) -> None:
    place = urlsplit(address)
    request = (
        f"POST /api/v1/tasks/{make_task().pk}/evidence HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {bearer(cast.john.token)['authorization']}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000000\r\n\r\n"
    ).encode() + b"x" * 2_000_000
    for _ in range(12):  # thrice the threads
        with socket.create_connection((place.hostname, place.port), timeout=10) as client:
            client.sendall(request)
    eventually(lambda: answers(place.hostname or "", place.port or 0))


def answers(host: str, port: int) -> bool:
    with socket.create_connection((host, port), timeout=5) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b" 200 " in client.recv(100)
