"""When the server is away: exit 4 and one sentence, and the token is never in it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.desk import Desk

TOKEN = "mct_" + "s3cret" * 7


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    environment = {"ALAI_TOKEN": TOKEN, "ALAI_ACTOR": "john", "ALAI_SESSION": "s", "ALAI_TIMEOUT": "0.5"}
    return Desk(tmp_path, environment)


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """A server that says these bytes to everybody and closes; with None it never says a word."""

    def serve(clients: ExitStack) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.enter_context(client)
                if answer is not None:
                    client.recv(65536)
                    client.sendall(answer)
                    client.shutdown(socket.SHUT_WR)

    with ExitStack() as clients, socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[clients], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)


def away(desk: Desk, url: str, *words: object) -> str:
    result = desk.mc(*words, ALAI_MC_URL=url)
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1), result
    assert "s3cret" not in result.err
    assert desk.fences() == []
    return result.err


def test_nobody_listens(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for words in (
        ("claim", 1),
        ("list",),
        ("show", 1, "--json"),
        ("done", 1),
        ("next",),
        ("hold", 1, "--", "true"),
    ):
        assert "connection refused" in away(desk, f"http://127.0.0.1:{port}", *words)


def test_the_name_is_unknown(desk: Desk) -> None:
    assert "its name is not known" in away(desk, "http://nowhere.invalid", "claim", 1)


def test_it_does_not_answer_in_time(desk: Desk) -> None:
    with answering(None) as url:
        assert "did not answer in time" in away(desk, url, "claim", 1)
        assert "did not answer in time" in away(desk, url.replace("http:", "https:"), "claim", 1)


def test_it_does_not_speak_tls(desk: Desk) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert "nothing was done" in away(desk, url.replace("http:", "https:"), "claim", 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails(desk: Desk, status: int) -> None:
    with answering(f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno".encode()) as url:
        assert str(status) in away(desk, url, "claim", 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\x00\xff\r\n\r\n", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"A" * 70000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
    ],
)  # fmt: skip
def test_an_answer_that_is_none(desk: Desk, answer: bytes) -> None:
    with answering(answer) as url:
        away(desk, url, "claim", 1)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: https://x\r\nContent-Length: 0\r\n\r\n", "another address"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "check the address"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", "check the address"),
    ],
)
def test_somebody_else_s_server_is_refused(desk: Desk, answer: bytes, words: str) -> None:
    with answering(answer) as url:
        result = desk.mc("claim", 1, ALAI_MC_URL=url)
        assert (result.code, result.err.count("\n")) == (1, 1)
        assert words in result.err


def test_chunked_answers_and_those_before_the_answer_are_read(desk: Desk) -> None:
    body = b'{"total": 3, "by_status": {}}'
    chunks = (
        b"5;x=y\r\n"
        + body[:5]
        + b"\r\n"
        + f"{len(body) - 5:x}\r\n".encode()
        + body[5:]
        + b"\r\n0\r\nT: x\r\n\r\n"
    )
    head = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answering(head + chunks) as url:
        assert desk.mc("stats", "--json", ALAI_MC_URL=url).json["total"] == 3
    with answering(b"HTTP/1.1 200 OK\r\n\r\n" + body) as url:
        assert desk.mc("stats", "--json", ALAI_MC_URL=url).json["total"] == 3
