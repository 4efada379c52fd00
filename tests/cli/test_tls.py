"""Over TLS: a certificate is checked before a token leaves, and streams work there too."""

import select
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cast import make_task
from tests.cli.desk import Desk

NAMES = "subjectAltName=DNS:localhost"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed one for `localhost`, with its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the certificate")
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run(
        [*make, "-addext", NAMES, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@contextmanager
def secured(upstream: str, certificate: Path) -> Iterator[int]:
    """A TLS server in front of the real one; yields its port."""
    host, _, port = upstream.removeprefix("http://").partition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(client, server_side=True) as inside:
                    _pass(inside, (host, int(port)))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)


def _pass(inside: ssl.SSLSocket, upstream: tuple[str, int]) -> None:
    """The request there, and the answer back until one of them hangs up."""
    with socket.create_connection(upstream) as server:
        server.sendall(inside.recv(65536))
        while inside not in select.select([inside, server], [], [])[0] and (piece := server.recv(65536)):
            inside.sendall(piece)


def test_a_trusted_server_is_worked_with(john: Desk, address: str, certificate: Path) -> None:
    task = make_task()
    with secured(address, certificate) as port:
        there = {"ALAI_MC_URL": f"https://localhost:{port}", "SSL_CERT_FILE": str(certificate)}
        assert john.mc("claim", task.pk, **there).code == 0
        watched = john.mc("watch", "--task", task.pk, "--since", "1h", "--until-count", 1, **there)
        assert (watched.code, "claimed" in watched.out) == (0, True)


def test_one_that_cannot_prove_its_name_is_told_nothing(john: Desk, address: str, certificate: Path) -> None:
    task = make_task()
    unknown: dict[str, str] = {}
    known = {"SSL_CERT_FILE": str(certificate)}
    with secured(address, certificate) as port:
        for host, trusted in (("localhost", unknown), ("127.0.0.1", known)):
            refused = john.mc("claim", task.pk, ALAI_MC_URL=f"https://{host}:{port}", **trusted)
            assert (refused.code, refused.err.count("\n")) == (4, 1)
            assert "certificate" in refused.err or "mismatch" in refused.err
            assert "so nothing was done" in refused.err
    assert john.mc("claim-status", task.pk).out == "available\n"
