"""A byte-mutating fuzzer over the parser and the pipeline behind it."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from inbox.mail import Parsed, limits, parse
from inbox.triage import Surroundings, judge
from tests.inbox import modern
from tests.inbox.mail.bombs import bombs

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SLOWEST = 1.0  # seconds of processor time for any message of this size; a bomb takes a third of it
_LINES = (
    b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/html; charset=utf-7", b"\r\n\r\n", b"--b\r\n",
    b"Content-Transfer-Encoding: base64", b"From: a@b, <c@d>;", b"=?utf-8?Q?=FF?=", b"\0", b"\xed\xa0\x80", b"<a href=",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What a run saw: how many messages, the slowest, and what broke."""

    count: int
    slowest: float
    broken: tuple[str, ...]


def seeds() -> list[bytes]:
    """Honest mail and small cuts of the bombs."""
    honest = [modern.build(spec) for spec in modern.specifications()]
    return honest + [bomb[:4000] for bomb in bombs().values()]


def mutant(chance: random.Random, pool: list[bytes]) -> bytes:
    """One message with a few bytes, lines or halves changed."""
    data = bytearray(chance.choice(pool))
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 2, 8, 64, 512))
        match chance.randrange(6):
            case 0:
                data[place : place + length] = chance.randbytes(length)
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = data[place : place + length] * chance.choice((1, 2, 30))
            case 3:
                data[place:place] = chance.choice(_LINES) + chance.choice((b"", b"\r\n", b"\n"))
            case 4:
                other = chance.choice(pool)
                data[place:] = other[chance.randrange(len(other)) :]
            case _:
                data[place : place + 1] = bytes([chance.choice(b"\"'<>()[]{}=?;:,@\\\r\n\t -&#%")])
        del data[400_000:]
    return bytes(data)


def problems(raw: bytes) -> Iterator[str]:
    """What is wrong with how one message is taken; nothing for any message at all."""
    began = time.process_time()
    try:
        mail = parse(raw)
        judge(mail, Surroundings(now=NOW, account=modern.RECIPIENT))
    except Exception as error:  # the promise is that there is none
        yield f"{type(error).__name__}: {error}"
        return
    spent = time.process_time() - began
    if spent > SLOWEST:
        yield f"{spent:.1f} seconds"
    yield from _unclean(mail)
    if parse(raw).content_hash != mail.content_hash:
        yield "its fingerprint changes"


def _unclean(mail: Parsed) -> Iterator[str]:
    for one in fields(mail):
        value = getattr(mail, one.name)
        for text in _texts(value):
            if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
                yield f"{one.name} holds what cannot be stored"
                break
    if len(mail.text) > limits.TEXT or len(mail.links) > limits.LINKS or len(mail.headers) > limits.HEADERS:
        yield "a limit is exceeded"
    if any(len(value) > limits.HEADER_LENGTH * 2 for _, value in mail.headers):
        yield "a header is too long"
    if mail.date is not None and mail.date.tzinfo is None:
        yield "its date has no zone"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif hasattr(value, "__slots__"):
        for name in value.__slots__:
            yield from _texts(getattr(value, name))


def run(seconds: float, seed: int, extra: list[bytes] | None = None) -> Report:
    """Mutate for so many seconds; the seed makes a run repeatable."""
    chance = random.Random(seed)
    pool = seeds() + (extra or [])
    deadline = time.monotonic() + seconds
    count, slowest = 0, 0.0
    broken: list[str] = []
    while time.monotonic() < deadline and len(broken) < 10:
        raw = mutant(chance, pool)
        began = time.process_time()
        broken += [f"message {count} of seed {seed}: {problem}" for problem in problems(raw)]
        slowest = max(slowest, time.process_time() - began)
        count += 1
    return Report(count, slowest, tuple(broken))
