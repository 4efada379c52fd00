"""Mail in bulk for benchmarks and long runs: as large and as compressible as real mail, each time the same."""

import random
from collections.abc import Iterator

TEXT = (
    "offer tender meeting invoice delivery contract website answer customer project price tomorrow please regards "
    "tilbud møte faktura levering avtale nettside svar kunde prosjekt pris ponuda sastanak račun isporuka ugovor"
)
WORDS = TEXT.split()


def many(count: int, *, seed: int = 1, median: int = 6_000) -> Iterator[bytes]:
    """So many different messages; half are larger than `median` bytes, one in a hundred more than ten times so."""
    chance = random.Random(seed)
    for number in range(count):
        size = int(median * chance.lognormvariate(0, 1))
        yield message(number, min(size, 400_000), chance)


def message(number: int, size: int, chance: random.Random) -> bytes:
    head = (
        f"Received: from mx{chance.randrange(99)}.partner.example by mail.company.example with ESMTPS "
        f"id {chance.getrandbits(64):016x};\r\n\tTue, 24 Nov 2026 10:00:00 +0000\r\n"
        f"From: Mia Partner <mia{number % 97}@partner.example>\r\nTo: post@company.example\r\n"
        f"Subject: {' '.join(chance.choices(WORDS, k=5))} {number}\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{chance.getrandbits(96):024x}@partner.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    lines = []
    length = 0
    while length < size:
        lines.append(f"{' '.join(chance.choices(WORDS, k=9))} {chance.getrandbits(40):x}")
        length += len(lines[-1]) + 2
    return (head + "\r\n".join(lines) + "\r\n").encode()
