"""Files as evidence: hashed on this machine, and either registered or uploaded. And keys made of what is sent."""

from __future__ import annotations

import hashlib
import json
import os
import time

from alai.cli.errors import Refused

CHUNK = 1 << 20


def request(path: str, kind: str, *, upload: bool) -> tuple[dict[str, str], bytes, str]:
    """Headers, body and Idempotency-Key of the request that attaches the file.

    The key is made from what is sent, so that a `done` which is run again attaches nothing twice.
    """
    content, key = _upload(path, kind) if upload else _register(path, kind)
    if not upload:
        return {"Content-Type": "application/json"}, content, key
    return {"Content-Type": f"multipart/form-data; boundary={key}"}, content, key


def key_of(*facts: object) -> str:
    """An Idempotency-Key that is the same for the same facts."""
    return hashlib.sha256("\0".join(map(str, facts)).encode()).hexdigest()


def _register(path: str, kind: str) -> tuple[bytes, str]:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is slow to load
            while chunk := file.read(CHUNK):
                digest.update(chunk)
            facts = os.fstat(file.fileno())
    except OSError as error:
        raise _unreadable(path, error) from None
    described = {
        "path": os.path.abspath(path),  # noqa: PTH100
        "sha256": digest.hexdigest(),
        "size": facts.st_size,
        "mtime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts.st_mtime)),
        "host": os.uname().nodename,
        "kind": kind,
    }
    body = json.dumps(described).encode()
    return body, hashlib.sha256(body).hexdigest()


def _upload(path: str, kind: str) -> tuple[bytes, str]:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read()
    except OSError as error:
        raise _unreadable(path, error) from None
    name = os.path.basename(path).replace("\\", "_").replace('"', "_").replace("\n", "_").replace("\r", "_")  # noqa: PTH119
    key = hashlib.sha256(b"\0".join([name.encode(), kind.encode(), content])).hexdigest()
    parts = [
        f'--{key}\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n'.encode(),
        f'--{key}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode(),
        b"Content-Type: application/octet-stream\r\n\r\n",
        content,
        f"\r\n--{key}--\r\n".encode(),
    ]
    return b"".join(parts), key


def _unreadable(path: str, error: OSError) -> Refused:
    return Refused(f"{path} cannot be read: {error.strerror}.")
